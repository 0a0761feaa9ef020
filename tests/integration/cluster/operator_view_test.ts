/** An operator sees and ends connections at several servers of one catalog. */
import assert from "node:assert/strict";
import {
  askServers,
  beginCheckAtServers,
  endAtServers,
  REPORT,
} from "../../../server/control/server_reports.ts";
import { withRunningServers } from "../../../server/control/running_servers.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { ask } from "../../support/net/http.ts";
import { ServerLog } from "../../support/server_log.ts";
import { ElsewhereInMemory, optionsOf } from "../../support/store/elsewhere.ts";
import { Fixture, LOOPBACK, put, startServer } from "../../support/v4/fixture.ts";

const LOCATION = { catalog: "postgres://db.example.org/xfer", blobs: "s3://files/xfer" };
const OPERATOR = "uid 1000";
/** The time to wait for a server that will not answer. */
const SHORT_MS = 300;

/** Two servers of one catalog, with Alice at the first and Bob at the second. */
async function prepare() {
  await using opening = new AsyncDisposableStack();
  const elsewhere = new ElsewhereInMemory(2 * CHUNK_SIZE);
  const options = { ...optionsOf(elsewhere), admin: { listen: [LOOPBACK] } };
  const fixture = opening.use(await Fixture.create({}, { ...options, name: "first" }));
  const second = opening.use(await startServer(fixture.data, {}, { ...options, name: "second" }));
  opening.use(await fixture.client("Alice"));
  opening.use(await fixture.client("Bob", { server: second.address }));
  const operate = <T>(work: Parameters<typeof withRunningServers<T>>[2]) =>
    withRunningServers(LOCATION, OPERATOR, work, elsewhere.openers);
  const open = opening.move();
  return { elsewhere, fixture, second, operate, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

Deno.test("several servers: the operator sees who is connected where, and ends it there", async () => {
  await using scene = await prepare();
  const { operate, second, elsewhere } = scene;
  await using log = await ServerLog.take();
  await operate(async (servers) => {
    const status = await servers.status();
    assert.deepEqual(status.map(({ name, answer }) => [name, answer?.connections]), [
      ["first", 1],
      ["second", 1],
    ]);
    const users = (await servers.sessions())
      .map(({ answer }) => answer?.sessions.map(({ user }) => user));
    assert.deepEqual(users, [["Alice"], ["Bob"]]);
    const [bob] = second.monitor.connections.keys();
    assert.ok(await servers.end(`${bob}`));
    assert.equal(second.monitor.connections.has(`${bob}`), false);
    assert.equal(await servers.end(`${bob}`), false, "it has ended already");
    assert.equal(await servers.end(REPORT), false);
  });
  const acted = log.of("operator.acted").map(({ operator, action, user }) => ({
    ...{ operator, action, user },
  }));
  assert.deepEqual(acted, [{ operator: OPERATOR, action: "connection-ended", user: "Bob" }]);
  // An import has a lease, but serves nobody.
  const importing = elsewhere.memory.connect();
  await importing.nodes.join("import 77", 60_000);
  // A server that is paused does not answer.
  const paused = elsewhere.memory.connect();
  await paused.nodes.join("paused", 60_000);
  const states = await askServers(paused.operators, OPERATOR, SHORT_MS);
  assert.deepEqual(states.map(({ name, report }) => [name, report !== undefined]), [
    ...[["first", true], ["second", true], ["paused", false]],
  ]);
});

Deno.test("several servers: a page shows all of them, and ends a connection at another", async () => {
  await using scene = await prepare();
  const { fixture: { server }, second } = scene;
  const [address = assert.fail("no admin port")] = server.adminAddresses;
  const form = { "Content-Type": "application/x-www-form-urlencoded" };
  const token = new URL(`${server.createAdminLink()}`).searchParams.get("token");
  const signedIn = await ask(address, {
    ...{ method: "POST", path: "/login", body: `token=${token}`, headers: form },
  });
  const [cookie = ""] = `${signedIn.headers.get("set-cookie")}`.split(";");
  const page = async () => (await ask(address, { path: "/", headers: { Cookie: cookie } })).body;
  // The second one reports once somebody looks.
  let body = await page();
  while (!body.includes("/users/Bob")) body = await page();
  assert.match(body, /Bob<\/a>[^]*protocol 4, at second/);
  assert.match(body, /Alice<\/a>[^]*protocol 4, at first/);
  assert.match(body, /<h2 id="servers">[^]*first[^]*second[^]*Health, numbers, .* of first/);
  const [bob] = second.monitor.connections.keys();
  const [, value] = /name="form-token" value="([^"]+)"/.exec(body) ?? [];
  const ended = await ask(address, {
    ...{ method: "POST", path: `/connections/${bob}/end`, body: `form-token=${value}` },
    headers: { ...form, Cookie: cookie },
  });
  assert.equal(ended.status, 303);
  assert.equal(second.monitor.connections.size, 0);
});

Deno.test("several servers: a request that no server can answer ends without waiting forever", async () => {
  const { memory } = new ElsewhereInMemory(CHUNK_SIZE);
  const { nodes, operators } = memory.connect();
  assert.equal(await endAtServers(operators, "0123abcd", OPERATOR), false, "without servers");
  await nodes.join("paused", 60_000);
  assert.equal(await endAtServers(operators, "0123abcd", OPERATOR, SHORT_MS), false);
  assert.deepEqual((await operators.asked(9)).map(({ subject }) => subject), [REPORT]);
});

Deno.test("several servers: a check is begun by the one that does the housekeeping, and everybody sees it", async () => {
  await using scene = await prepare();
  await using log = await ServerLog.take("debug");
  using client = await scene.fixture.client("Alice");
  const file = await scene.fixture.source("a", new Uint8Array(1000));
  await put(client, [{ file, name: "a" }]);
  await scene.operate(async (servers) => {
    assert.equal((await servers.check()).last, null);
    assert.equal(await servers.beginCheck(), true);
    await log.awaits("check.completed");
    let found = await servers.check();
    while (found.last === null) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      found = await servers.check();
    }
    const { last, state, damaged } = found;
    assert.deepEqual([last?.files, last?.isRequested, state, damaged], [1, true, "off", 0]);
    const states = async () =>
      (await servers.status()).map(({ answer }) => answer?.check?.state).join();
    // A state that is up to a second old is reported again.
    while (await states() !== "off,off") await new Promise((resolve) => setTimeout(resolve, 50));
  });
  const acted = log.of("operator.acted").map(({ operator, action }) => [operator, action]);
  assert.deepEqual(acted, [[OPERATOR, "check-started"]]);
});

Deno.test("several servers: a check that no server can begin is an error, and is not begun later", async () => {
  const { memory } = new ElsewhereInMemory(CHUNK_SIZE);
  const { nodes, operators } = memory.connect();
  await nodes.join("paused", 60_000);
  assert.equal(await beginCheckAtServers(operators, OPERATOR, SHORT_MS), false);
  assert.deepEqual(await operators.asked(9), []);
});
