/** Protocol 4: a client connects to a known server without a hello. */
import assert from "node:assert/strict";
import { KnownAnswers } from "../../../client/identity/known_answers.ts";
import type { TracedMessage } from "../../../client/net/wire_trace.ts";
import { V4Client } from "../../../client/v4/client.ts";
import { helloOf, named } from "../../support/v4/certificate_fixture.ts";
import { Fixture, LOOPBACK, startServer, startWithOwnKey } from "../../support/v4/fixture.ts";

/** Connects, and returns how many hellos that took. */
async function hellos(fixture: Fixture, changes = {}): Promise<number> {
  const seen: TracedMessage[] = [];
  const tracer = () => (message: TracedMessage) => void seen.push(message);
  const options = await fixture.options("Alice", { tracer, ...changes });
  using client = await V4Client.connect(options);
  await assert.rejects(client.stat("none"), { code: "no-such-file" });
  return seen.filter(({ kind }) => kind === "hello").length;
}

Deno.test("known answers: only the first connection to a server sends a hello", async () => {
  await using fixture = await Fixture.create();
  assert.deepEqual([await hellos(fixture), await hellos(fixture)], [1, 0]);
  await using it = await named();
  const byName = { ...it.trust, server: it.fixture.byName };
  assert.deepEqual([await hellos(it.fixture, byName), await hellos(it.fixture, byName)], [1, 0]);
});

Deno.test("known answers: a hello finds a server whose port for protocol 4 has changed", async () => {
  await using fixture = await Fixture.create();
  await hellos(fixture);
  const { address } = fixture.server;
  await fixture.restart({ listen: [address], tlsListen: LOOPBACK });
  assert.deepEqual([await hellos(fixture), await hellos(fixture)], [1, 0]);
});

Deno.test("known answers: a hello shows that another server has taken the place of the known one", async () => {
  await using fixture = await Fixture.create();
  await hellos(fixture);
  await using other = await startWithOwnKey(fixture.folder.join("other"));
  const server = fixture.server.address;
  const known = new KnownAnswers(fixture.folder.join("Alice"));
  // At the port, another server answers. At the plain port, the known one still does.
  await known.keep(server, await helloOf(other.address));
  assert.equal(await hellos(fixture), 1);
  // At both ports, another server answers.
  await fixture.server.close();
  const folder = fixture.folder.join("third");
  await Deno.mkdir(folder, { mode: 0o700 });
  fixture.server = await startServer(folder, {}, { listen: [server] });
  await assert.rejects(hellos(fixture), { code: "other-server" });
});

Deno.test("known answers: an answer of a server that is no longer known is not used", async () => {
  await using fixture = await Fixture.create();
  await hellos(fixture);
  const folder = fixture.folder.join("Alice");
  await Deno.remove(`${folder}/known_servers`);
  assert.ok(await new KnownAnswers(folder).find(fixture.server.address));
  assert.equal(await hellos(fixture), 1);
});
