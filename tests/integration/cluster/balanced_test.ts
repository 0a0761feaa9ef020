/** Clients of several servers behind a load balancer without sticky sessions. */
import assert from "node:assert/strict";
import { KnownAnswers } from "../../../client/identity/known_answers.ts";
import { DEFAULT_RETRIES, type Retry } from "../../../client/net/retry.ts";
import { chooseProtocol } from "../../../client/protocol_choice.ts";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { ConnectionPool } from "../../../client/v4/connection_pool.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import { findV4Server } from "../../../client/v4/discover.ts";
import { PARALLEL_SIZE } from "../../../client/v4/parallel_put.ts";
import { fingerprintOf } from "../../../protocol/v4/fingerprint.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { Server } from "../../../server/server.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import { Balancer } from "../../support/net/balancer.ts";
import { elsewhereForReal, optionsOf } from "../../support/store/elsewhere.ts";
import { Fixture, got, startServer } from "../../support/v4/fixture.ts";
import { putAll } from "../../support/v4/put_all.ts";

/** Balancers before both ports of some servers, and a client that knows their key and has been there before. */
async function balanced(fixture: Fixture, servers: readonly Server[]) {
  const { certificate } = await findV4Server(fixture.server.address, DEFAULT_TIMEOUTS);
  const answers = servers.map(async ({ address }) => {
    const { port } = await findV4Server(address, DEFAULT_TIMEOUTS);
    return { ...address, port };
  });
  const plain = await Balancer.start(servers.map(({ address }) => address));
  const tls = await Balancer.start(await Promise.all(answers));
  const connect: ConnectOptions = await fixture.options("Alice", {
    server: plain.address,
    fingerprint: await fingerprintOf(certificate),
  });
  await new KnownAnswers(connect.identityFolder).keep(connect.server, {
    ...{ port: tls.address.port, certificate },
  });
  return {
    ...{ plain, tls, connect },
    async [Symbol.asyncDispose]() {
      await plain[Symbol.asyncDispose]();
      await tls[Symbol.asyncDispose]();
    },
  };
}

Deno.test("behind a balancer: a client whose connections reach both servers uploads all files, large ones too", async () => {
  await using elsewhere = await elsewhereForReal(8 * CHUNK_SIZE);
  await using fixture = await Fixture.create({}, optionsOf(elsewhere));
  await using second = await startServer(fixture.data, {}, optionsOf(elsewhere));
  await using scene = await balanced(fixture, [fixture.server, second]);
  const { connect, tls } = scene;
  const large = pseudoRandomBytes(PARALLEL_SIZE + 7, 1);
  const paths = [await fixture.folder.write("large", large)];
  for (let i = 0; i < 6; i++) {
    paths.push(await fixture.folder.write(`medium${i}`, pseudoRandomBytes(2 * CHUNK_SIZE, i)));
  }
  const transfer = { parallel: 3, retries: 0 };
  const outcomes = await putAll({ connect, transfer, paths });
  assert.deepEqual(outcomes.map(({ state }) => state), Array(7).fill("stored"));
  assert.equal(tls.reached.size, 2, "both servers");
  using pool = new ConnectionPool(connect, { retries: 0 });
  assert.ok(areEqual(await got(await pool.connected(), "large"), large));
  assert.deepEqual(elsewhere.counts, { blobs: 7, uploads: 0 });
});

Deno.test("behind a balancer: while no server runs, a client of a known server waits, and does not use protocol 3", async () => {
  await using fixture = await Fixture.create();
  await using scene = await balanced(fixture, [fixture.server]);
  const { connect, plain, tls } = scene;
  const { servers } = plain;
  const secure = tls.servers;
  plain.servers = tls.servers = [];
  const path = await fixture.folder.write("a", "content");
  const retries: Retry[] = [];
  const info = { server: connect.server, secure: false, fingerprint: connect.fingerprint };
  const { identityFolder } = connect;
  const choice = await chooseProtocol({ info, asked: "auto", hasV3Options: false, identityFolder });
  assert.equal(choice.protocol, 4);
  const outcomes = await putAll({
    ...{ connect, paths: [path] },
    transfer: {
      onRetry: (retry) => retries.push(retry),
      pause: () => {
        if (retries.length < DEFAULT_RETRIES) return Promise.resolve();
        plain.servers = servers;
        tls.servers = secure;
        return Promise.resolve();
      },
    },
  });
  assert.deepEqual(outcomes.map(({ state }) => state), ["stored"]);
  assert.equal(retries.length, DEFAULT_RETRIES);
});
