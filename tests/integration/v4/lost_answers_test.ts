/** Protocol 4: answers that never arrive, and how a client reacts. */
import assert from "node:assert/strict";
import { putAll } from "../../support/v4/put_all.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import type { Ending } from "../../support/net/faulty_proxy.ts";
import { SecureProxy } from "../../support/net/tls_proxy.ts";
import { Fixture, ON_DISK, startServer } from "../../support/v4/fixture.ts";

Deno.test("v4 lost answers: a client whose registration was not answered still gets its name", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  await Deno.remove(fixture.folder.join("Alice", "me.account"));
  const paths = [await fixture.folder.write("a", pseudoRandomBytes(10))];
  const [outcome] = await putAll({ connect: await fixture.options("Alice"), paths });
  assert.equal(outcome?.state, "stored");
});

for (const retries of [0, 1]) {
  Deno.test(`v4 lost answers: files sent without an answer, with ${retries} retries`, async () => {
    await using fixture = await Fixture.create();
    const dataFolder = fixture.folder.join("data");
    let isStoring = false;
    await fixture.server.close();
    fixture.server = await startServer(dataFolder, ON_DISK, {
      fileSystem: {
        ...Deno,
        rename: async (from, to) => {
          await Deno.rename(from, to);
          isStoring ||= `${to}`.includes("/files/");
        },
      },
    });
    let cuts = 0;
    const down = () => (bytes: Uint8Array<ArrayBuffer>): (Uint8Array<ArrayBuffer> | Ending)[] =>
      isStoring && cuts++ === 0 ? ["rst"] : [bytes];
    await using proxy = await SecureProxy.start(fixture.server, { secure: { down } });
    const names = ["a", "b"];
    const paths: string[] = [];
    for (const name of names) paths.push(await fixture.folder.write(name, pseudoRandomBytes(10)));
    const pause = () => Promise.resolve();
    const connect = await fixture.options("Alice", { server: proxy.address });
    const outcomes = await putAll({ connect, transfer: { retries, pause }, paths });
    const state = retries === 0 ? "unknown" : "stored";
    assert.deepEqual(outcomes.map((outcome) => outcome?.state), [state, state]);
  });
}

Deno.test("v4 lost answers: if the server ends a connection after its last request, the files continue on another", async () => {
  await using fixture = await Fixture.create({ maxRequestsPerConnection: 10 });
  const paths: string[] = [];
  for (let i = 0; i < 25; i++) paths.push(await fixture.folder.write(`file${i}`, `${i}`));
  const pause = () => Promise.resolve();
  const outcomes = await putAll({
    connect: await fixture.options("Alice"),
    transfer: { retries: 2, pause },
    paths,
  });
  assert.deepEqual(outcomes.filter((outcome) => outcome?.state !== "stored"), []);
  using client = await fixture.client("Alice");
  let count = 0;
  await client.list("", () => count++);
  assert.equal(count, paths.length);
});
