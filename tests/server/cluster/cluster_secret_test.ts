/** The secret of a cluster. */
import assert from "node:assert/strict";
import { ClusterSecret, readClusterSecret } from "../../../server/cluster/cluster_secret.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";

const TEXT = "0123456789abcdef0123456789abcdef";
const value = pseudoRandomBytes(200);

Deno.test("cluster secret: the same secret decrypts a value, each time encrypted differently", async () => {
  const wrapped = await (await ClusterSecret.fromText(TEXT)).wrap("key", value);
  const other = await ClusterSecret.fromText(`${TEXT}\n`);
  assert.deepEqual(await other.unwrap("key", wrapped), value);
  assert.notDeepEqual(await other.wrap("key", value), wrapped);
});

Deno.test("cluster secret: another secret, another name, and any changed byte are refused", async () => {
  const secret = await ClusterSecret.fromText(TEXT);
  const wrapped = await secret.wrap("key", value);
  const refused = { code: "cluster-secret-wrong" };
  await assert.rejects((await ClusterSecret.fromText(TEXT + "0")).unwrap("key", wrapped), refused);
  await assert.rejects(secret.unwrap("other", wrapped), refused);
  await assert.rejects(secret.unwrap("key", wrapped.slice(0, 20)), refused);
  await assert.rejects(secret.unwrap("key", new Uint8Array(0)), refused);
  for (const at of wrapped.keys()) {
    const changed = wrapped.slice();
    changed[at] = (changed[at] as number) ^ 1;
    await assert.rejects(secret.unwrap("key", changed), refused);
  }
});

Deno.test("cluster secret: errors do not contain it", async () => {
  const short = "short-secret";
  const error = await ClusterSecret.fromText(short).catch((error) => error);
  assert.equal(error.code, "cluster-secret-too-short");
  assert.ok(!`${error.message}${error.hint}`.includes(short));
});

Deno.test("cluster secret: the variable comes before the file, and one of them must be set", async () => {
  const wrapped = await (await ClusterSecret.fromText(TEXT)).wrap("key", value);
  const read = (variables: Record<string, string>) =>
    readClusterSecret({
      env: (name) => variables[name],
      readTextFile: (path) =>
        path === "/secret" ? Promise.resolve(`${TEXT}\n`) : Promise.reject(new Error("no")),
    });
  for (
    const variables of [
      { XFER_CLUSTER_SECRET: TEXT, XFER_CLUSTER_SECRET_FILE: "/none" },
      { XFER_CLUSTER_SECRET: "", XFER_CLUSTER_SECRET_FILE: "/secret" },
    ]
  ) assert.deepEqual(await (await read(variables)).unwrap("key", wrapped), value);
  const missing = { code: "cluster-secret-missing" };
  await assert.rejects(read({}), missing);
  await assert.rejects(read({ XFER_CLUSTER_SECRET_FILE: "/none" }), missing);
});
