/** Events of a server for a receiver: see server/hooks/. */
import assert from "node:assert/strict";
import { dropHooks, retryHooks, visitHooks } from "../../server/operator/mod.ts";
import type { QueuedHook } from "../../server/catalog/hook_queue.ts";
import type { ServerOptions } from "../../server/lifecycle/server_options.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { EventReceiver, HOOK_SECRET } from "../support/event_receiver.ts";
import { OperatorPage } from "../support/net/operator_page.ts";
import { ServerLog } from "../support/server_log.ts";
import { elsewhereForReal, optionsOf } from "../support/store/elsewhere.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { RawClient } from "../support/v3/raw_client.ts";
import { Fixture, got, put } from "../support/v4/fixture.ts";

const content = pseudoRandomBytes(900);

/** Options for a receiver, with the secret in a file. */
async function sendingTo(
  { url }: EventReceiver,
  folder: TemporaryFolder,
  hook: Partial<ServerOptions["hook"]> = {},
): Promise<Partial<ServerOptions>> {
  const secretFile = folder.join("secret");
  await Deno.writeTextFile(secretFile, `${HOOK_SECRET}\n`);
  return { hook: { url, secretFile, ...hook }, hookHaste: 100 };
}

async function queued(data: string): Promise<QueuedHook[]> {
  const all: QueuedHook[] = [];
  await visitHooks(data, (hook) => all.push(hook));
  return all;
}

Deno.test("hooks: clients of both protocols cause events for the receiver, in their order", async () => {
  await using receiver = new EventReceiver();
  const folder = await TemporaryFolder.create();
  const options = await sendingTo(receiver, folder);
  await using fixture = await Fixture.create({ historyMs: 60_000 }, options, folder);
  using alice = await fixture.client("Alice");
  await put(alice, [{ file: await fixture.source("sea", content), name: "photos/sea.jpg" }]);
  await got(alice, "photos/sea.jpg");
  await alice.rename("photos/sea.jpg", "photos/lake.jpg");
  await alice.remove("photos", { recursive: true });
  await alice.restore("photos");
  using bob = await RawClient.connect(fixture.server.address);
  await bob.register("Bob");
  await receiver.awaits(6);
  assert.deepEqual(receiver.lines.toSorted(), [
    ...["client.registered Alice", "client.registered Bob", "file.removed photos"],
    ...["file.renamed photos/lake.jpg", "file.restored photos", "file.stored photos/sea.jpg"],
  ]);
  assert.deepEqual(receiver.lines.filter((line) => !line.endsWith("Bob")), [
    ...["client.registered Alice", "file.stored photos/sea.jpg", "file.renamed photos/lake.jpg"],
    ...["file.removed photos", "file.restored photos"],
  ]);
  const stored = receiver.received.find(({ type }) => type === "file.stored")?.data;
  const { client, crc, digest, ...rest } = stored ?? {};
  assert.match(`${client} ${digest}`, /^[0-9a-f]{32} [0-9a-f]{64}$/);
  assert.equal(typeof crc, "number");
  assert.deepEqual(rest, {
    ...{ user: "Alice", file: "photos/sea.jpg", kind: "file", version: 1, size: 900 },
  });
});

Deno.test("hooks: downloads and refusals are events if the operator asks for them", async () => {
  await using receiver = new EventReceiver();
  const folder = await TemporaryFolder.create();
  const options = await sendingTo(receiver, folder, { kinds: ["downloaded", "refused"] });
  await using fixture = await Fixture.create({ quota: 1000 }, options, folder);
  using alice = await fixture.client("Alice");
  const file = await fixture.source("sea", content);
  await put(alice, [{ file, name: "a" }, { file, name: "b" }]);
  await got(alice, "a");
  await receiver.awaits(2);
  assert.deepEqual(receiver.lines.toSorted(), ["file.downloaded a", "limit.reached b"]);
});

Deno.test("hooks: events survive a restart; commands list, retry and drop them", async () => {
  await using receiver = new EventReceiver();
  receiver.answer = () => ({ status: 500 });
  const folder = await TemporaryFolder.create();
  const options = await sendingTo(receiver, folder);
  await using fixture = await Fixture.create({ hookRetryMs: 1 }, options, folder);
  {
    using alice = await fixture.client("Alice");
    const file = await fixture.source("sea", content);
    await put(alice, [{ file, name: "a" }, { file, name: "b" }]);
  }
  await receiver.awaits(1);
  await fixture.server.close();
  const before = await queued(fixture.data);
  assert.deepEqual(before.map(({ type }) => type), [
    ...["client.registered", "file.stored", "file.stored"],
  ]);
  const [registered, stored, other] = before.map(({ delivery }) => delivery);
  assert.equal(await dropHooks(fixture.data, { delivery: `${other}` }), 1);
  await assert.rejects(retryHooks(fixture.data, { delivery: "msg_\u001b" }), {
    ...{ code: "no-such-hook", message: "no such event: msg_\\u{1b}" },
  });
  receiver.received.length = 0;
  receiver.answer = () => ({ status: 200 });
  assert.equal(await retryHooks(fixture.data, "all"), 2);
  await fixture.restart(options);
  await receiver.awaits(2);
  assert.deepEqual(receiver.received.map(({ id }) => id), [registered, stored]);
});

Deno.test("hooks: two servers on one catalog deliver each event once", async () => {
  await using receiver = new EventReceiver();
  const folder = await TemporaryFolder.create();
  await using shared = await elsewhereForReal(5 * 1024 * 1024);
  const options = { ...await sendingTo(receiver, folder), ...optionsOf(shared) };
  await using first = await Fixture.create({}, options, folder);
  await using second = await Fixture.create({}, options);
  for (const [name, fixture] of [["Alice", first], ["Bob", second]] as const) {
    using client = await fixture.client(name);
    for (let i = 0; i < 10; i++) {
      const file = await fixture.source(`${i}`, pseudoRandomBytes(9, i));
      await put(client, [{ file, name: `${name}${i}` }]);
    }
  }
  await receiver.awaits(22);
  await first.server.close();
  await second.server.close();
  assert.equal(receiver.received.length, 22);
  assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 22);
});

Deno.test("hooks: events have the new secret after a reload; one that cannot be used changes nothing", async () => {
  await using receiver = new EventReceiver();
  const folder = await TemporaryFolder.create();
  const options = await sendingTo(receiver, folder);
  const secretFile = options.hook?.secretFile ?? "";
  await Deno.writeTextFile(secretFile, `whsec_${btoa("x".repeat(32))}`);
  await using fixture = await Fixture.create({}, options, folder);
  await using log = await ServerLog.take();
  using alice = await fixture.client("Alice");
  await log.awaits("hook.failed");
  assert.equal(receiver.received.length, 0);
  await Deno.writeTextFile(secretFile, HOOK_SECRET);
  await fixture.server.reload();
  await receiver.awaits(1);
  for (const bad of ["", "whsec_AAAA"]) {
    await Deno.writeTextFile(secretFile, bad);
    await assert.rejects(fixture.server.reload(), { code: "bad-hook-secret" });
  }
  assert.match(`${log.of("server.not-reloaded")[0]?.["what"]}`, /secrets of hooks/);
  await put(alice, [{ file: await fixture.source("sea", content), name: "sea" }]);
  await receiver.awaits(2);
});

Deno.test("hooks: the operator's page says that events were given up", async () => {
  await using receiver = new EventReceiver();
  receiver.answer = () => ({ status: 500 });
  await using folder = await TemporaryFolder.create();
  await using log = await ServerLog.take();
  const options = await sendingTo(receiver, folder);
  await using page = await OperatorPage.open({ ...options, limits: { hookRetryMs: 1 } });
  await log.awaits("hook.died");
  const { cookie } = await page.signIn();
  const { body } = await page.send({ headers: { Cookie: cookie } });
  assert.match(body, /1 event given up/);
});

Deno.test("hooks: a server without a secret, or with a bad URL, does not start", async () => {
  await using folder = await TemporaryFolder.create();
  await using log = await ServerLog.take();
  const start = async (hook: ServerOptions["hook"]) => {
    await using _server = await Fixture.create({}, { hook });
  };
  const secretFile = folder.join("missing");
  const url = "http://127.0.0.1:1/";
  await assert.rejects(start({ url, secretFile }), ({ code, message }) => {
    assert.equal(code, "bad-hook-secret");
    return message.includes(secretFile);
  });
  await assert.rejects(start({ url: "http://192.0.2.1/", secretFile }), { code: "bad-hook-url" });
  assert.deepEqual(log.of("server.listening"), [], "it does not say that it listens");
});
