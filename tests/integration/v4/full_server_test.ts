/** A server at its connection limit: clients try again, and do not downgrade to protocol 3. */
import assert from "node:assert/strict";
import type { Retry } from "../../../client/net/retry.ts";
import { V4Client } from "../../../client/v4/client.ts";
import { encodeMessage } from "../../../protocol/v4/messages.ts";
import { acceptingEveryone, ScriptedV4Server } from "../../support/v4/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { Fixture } from "../../support/v4/fixture.ts";
import { choose } from "../../support/v4/choose_protocol.ts";

const FULL = { name: "NetworkError", code: "over-limit" };

Deno.test("full server: its answer to the hello leads to retries, not to protocol 3", async () => {
  await using fixture = await Fixture.create({ maxConnectionsPerAddress: 1 });
  const server = fixture.server.address;
  const { identityFolder } = await fixture.options("Alice");
  const retries: Retry[] = [];
  const onRetry = (retry: Retry) => retries.push(retry);
  const idle = await Deno.connect(server);
  const asking = { info: { server }, timeouts: {} };
  const pause = () => Promise.resolve();
  await assert.rejects(
    choose(identityFolder, { ...asking, retry: { onRetry, retries: 3, pause } }),
    {
      ...{ ...FULL, message: /too many connections/ },
      hint: /try again later/,
    },
  );
  assert.deepEqual(retries.map(({ error: { code } }) => code), Array(3).fill("over-limit"));
  // The other client disconnects. The server notices it a moment later.
  const leaving = async () => {
    if (retries.length === 4) idle.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const choice = await choose(identityFolder, {
    ...asking,
    retry: { onRetry, retries: 100, pause: leaving },
  });
  assert.equal(choice.protocol, 4);
  assert.ok(retries.length > 3);
});

Deno.test("full server: a client that knows its server tries again, too", async () => {
  await using fixture = await Fixture.create({ maxConnectionsPerAddress: 1 });
  const retries: Retry[] = [];
  const idle = await Deno.connect(fixture.server.address);
  // The other client disconnects. The server notices it a moment later.
  const pause = async () => {
    if (retries.length === 2) idle.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const onRetry = (retry: Retry) => retries.push(retry);
  using client = await V4Client.connectWithRetries(
    await fixture.options("Alice"),
    { onRetry, retries: 100, pause },
  );
  await client.list("", () => undefined);
  assert.equal(retries[0]?.error.code, "over-limit");
});

Deno.test("full server: a server that becomes full after the hello is tried again", async () => {
  await using server = await ScriptedV4Server.start();
  await using folder = await TemporaryFolder.create();
  const full = encodeMessage({ kind: "error", tag: 0, code: "over-limit", message: "full" });
  const lets = acceptingEveryone(() => undefined);
  let visitors = 0;
  server.answers = (message) => message === undefined && ++visitors < 3 ? full : lets(message);
  const retries: Retry[] = [];
  using client = await V4Client.connectWithRetries({
    ...{ server: server.address, userName: "Alice", identityFolder: folder.path },
    onNewServer: () => true,
  }, {
    ...{ retries: 2, onRetry: (retry) => retries.push(retry) },
    pause: () => Promise.resolve(),
  });
  assert.equal(client.hasEnded, false);
  const reported = retries.map(({ error: { name, code } }) => ({ name, code }));
  assert.deepEqual(reported, Array(2).fill({ name: "NetworkError", code: "over-limit" }));
});
