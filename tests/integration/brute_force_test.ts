/** Failed sign-ins of an address over both protocols, and rates of clients. */
import assert from "node:assert/strict";
import type { XferError } from "../../protocol/errors.ts";
import { DEFAULT_TIMEOUTS } from "../../client/net/dial.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { ServerLog } from "../support/server_log.ts";
import { connectRaw, Fixture, loginRaw, put } from "../support/v4/fixture.ts";
import { kindOf, RawClient } from "../support/v3/raw_client.ts";

const MAX = 3;

const codeOf = (work: Promise<unknown>) =>
  work.then(() => "signed in", (error: XferError) => error.code);

Deno.test("failed sign-ins: after too many over protocol 4, an address cannot sign in, register or use a token", async () => {
  await using log = await ServerLog.take();
  await using fixture = await Fixture.create({ maxFailedSignIns: MAX });
  (await fixture.client("Alice"))[Symbol.dispose]();
  for (let count = 0; count < MAX; count++) {
    using raw = await connectRaw(fixture.server.address);
    const unknown = { clientId: pseudoRandomBytes(16, count) };
    const code = await codeOf(loginRaw(raw, fixture.folder.join("Alice"), unknown));
    assert.equal(code, "not-authenticated");
  }
  for (const name of ["Alice", "Bob"]) {
    await assert.rejects(fixture.client(name), {
      code: "over-limit",
      hint: "Try again later, or ask the server's operator.",
    });
  }
  const [line] = log.of("limit.reached");
  assert.deepEqual([line?.["name"], line?.["option"]], [
    "maxFailedSignIns",
    "--max-failed-sign-ins",
  ]);
  using peer = await RawClient.connect(fixture.server.address);
  assert.equal(kindOf(await peer.reconnect("Alice")), "generalError", "nor over protocol 3");
});

Deno.test("failed sign-ins: tokens that are unknown count, and good ones don't", async () => {
  await using fixture = await Fixture.create({ maxFailedSignIns: MAX });
  for (let count = 0; count < 2 * MAX; count++) {
    (await fixture.client("Alice"))[Symbol.dispose]();
  }
  const codes: string[] = [];
  for (let count = 0; count <= MAX; count++) {
    codes.push(await codeOf(fixture.client(`Bob${count}`, { token: "a".repeat(26) })));
  }
  assert.deepEqual(codes, ["bad-token", "bad-token", "bad-token", "over-limit"]);
});

Deno.test("failed sign-ins: ids and keys that are unknown count over protocol 3", async () => {
  await using fixture = await Fixture.create({ maxFailedSignIns: MAX });
  const answers: string[] = [];
  for (let count = 0; count <= MAX; count++) {
    using peer = await RawClient.connect(fixture.server.address);
    peer.clientId = pseudoRandomBytes(16, count);
    answers.push(kindOf(await (count === 1 ? peer.sendKey("Bob") : peer.reconnect("Bob"))));
  }
  assert.deepEqual(answers, ["denied", "generalError", "denied", "generalError"]);
});

/** Long enough for an upload that nothing slows down. On a slow machine the test passes without showing anything. */
const UNLIMITED_MS = 500;

Deno.test("rates: uploads over both protocols wait for their rate, and a server that stops does not wait for them", async () => {
  await using fixture = await Fixture.create();
  using bob = await RawClient.connect(fixture.server.address);
  await bob.enrol("Bob");
  using alice = await fixture.client("Alice", { timeouts: DEFAULT_TIMEOUTS });
  await fixture.server.reload({ limits: { maxRatePerUser: 1 } });
  const content = pseudoRandomBytes(10_000);
  const secure = put(alice, [{ file: await fixture.source("a", content) }])
    .then(([outcome]) => outcome, (error: XferError) => error.code);
  const plain = bob.sendFile("a", content);
  await new Promise((resolve) => setTimeout(resolve, UNLIMITED_MS));
  await fixture.server.close();
  assert.equal(await secure, "connection-lost");
  assert.equal(kindOf(await plain), "closed");
});

Deno.test("attack: a client that reconnects waits for the bytes that its earlier connections have taken", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  await fixture.server.reload({ limits: { maxRatePerUser: 1 } });
  {
    using raw = await connectRaw(fixture.server.address);
    await loginRaw(raw, fixture.folder.join("Alice"));
  }
  const again = codeOf(fixture.client("Alice", { timeouts: DEFAULT_TIMEOUTS }));
  await new Promise((resolve) => setTimeout(resolve, UNLIMITED_MS));
  await fixture.server.close();
  assert.equal(await again, "connection-lost");
});
