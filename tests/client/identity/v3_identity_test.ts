import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generatePrivateKey } from "../../../protocol/cipher/rsa.ts";
import { toHex } from "../../../protocol/bytes.ts";
import {
  formatIdentity,
  IdentityFolder,
  parseIdentity,
} from "../../../client/identity/v3_identity.ts";
import { loadRecordings } from "../../support/v3/recordings.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const clientId = pseudoRandomBytes(16);
const privateKey = await generatePrivateKey();
const base64 = Buffer.from(privateKey).toString("base64");
const identity = { name: "Alice", clientId, privateKey };
const parse = (text: string) => parseIdentity(text, "me.info");

Deno.test("me.info: name, id in 32 hexadecimal digits, key in base64, a line each", () => {
  assert.equal(formatIdentity(identity), `Alice\n${toHex(clientId)}\n${base64}\n`);
  assert.deepEqual(parse(formatIdentity(identity)), identity);
});

Deno.test("me.info: other clients' forms: wrapped key, upper-case id, CRLF, padded name", () => {
  const wrapped = base64.replace(/.{72}/g, "$&\n");
  const texts = [
    `Alice\n${toHex(clientId)}\n${wrapped}\n\n`,
    `Alice\n${toHex(clientId).toUpperCase()}\n${base64}`,
    `Alice\r\n${toHex(clientId)}\r\n${wrapped.replaceAll("\n", "\r\n")}`,
    `${"Alice".padEnd(255, "\0")}\n${toHex(clientId)}\n${wrapped}`,
  ];
  for (const text of texts) assert.deepEqual(parse(text), identity);
});

Deno.test("me.info: a published client's file is read", () => {
  for (const { label, identity, user } of loadRecordings("2023c-a")) {
    if (label.endsWith("taken_name")) continue;
    assert.equal(identity?.name, user, label);
  }
});

Deno.test("me.info: an invalid file is refused, with the line", () => {
  const id = toHex(clientId);
  const cases: [string, RegExp][] = [
    ["", /line 1/],
    [`Al ice\n${id}\n${base64}`, /line 1: found "Al ice"/],
    [`Alice\n${id.slice(1)}\n${base64}`, /line 2/],
    [`Alice\n${id}0\n${base64}`, /line 2/],
    [`Alice\n${id}\n`, /RSA private key/],
    [`Alice\n${id}\n${base64.slice(100)}`, /RSA private key/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parse(text), { name: "ConfigurationError", code: "bad-identity", message });
  }
});

Deno.test("v3 identity: files are private, can be read again, and are never half written", async () => {
  await using folder = await TemporaryFolder.create();
  const identities = new IdentityFolder(folder.path);
  assert.equal(await identities.load(), undefined);
  assert.equal(await identities.loadKey(), undefined);
  await identities.saveKey(privateKey);
  await identities.save(identity);
  assert.deepEqual(await identities.load(), identity);
  assert.deepEqual(await identities.loadKey(), privateKey);
  const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["me.info", "priv.key"], "no temporary file is left");
  if (Deno.build.os !== "windows") {
    for (const name of names) {
      assert.equal((Deno.statSync(folder.join(name)).mode ?? 0) & 0o777, 0o600);
    }
  }
});

Deno.test("v3 identity: a copy kept aside never overwrites an earlier one", async () => {
  await using folder = await TemporaryFolder.create();
  const identities = new IdentityFolder(folder.path);
  const copies: string[] = [];
  for (const name of ["Alice", "Bob", "Carol"]) {
    await identities.save({ ...identity, name });
    copies.push(await identities.backUp());
  }
  assert.deepEqual(
    copies,
    ["me.info.old", "me.info.old2", "me.info.old3"].map((n) => folder.join(n)),
  );
  const kept = copies.map((path) => parseIdentity(Deno.readTextFileSync(path), path).name);
  assert.deepEqual(kept, ["Alice", "Bob", "Carol"]);
});
