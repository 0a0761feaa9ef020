/** An interrupted client of protocol 3: it ends soon, reports what is stored, and continues with the next run. */
import { unlessAborted } from "../../../protocol/abort.ts";
import assert from "node:assert/strict";
import type { Address } from "../../../protocol/address.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { Outcome, V3Event } from "../../../client/events.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { encodeResponse, type Response } from "../../../protocol/v3/messages.ts";
import { InterruptedError, NetworkError } from "../../../protocol/errors.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { sendFiles } from "../../../client/v3/send_files.ts";
import type { V3ConnectOptions } from "../../../client/v3/connect_options.ts";
import { withRetries } from "../../../client/net/retry.ts";
import { GracefulAbort, sleep } from "../../../client/net/graceful_abort.ts";
import { nameOf } from "../../support/outcomes.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { type Fault, FaultyProxy } from "../../support/net/faulty_proxy.ts";
import { eachResponse } from "../../support/net/tamper.ts";
import { correctAnswers, ScriptedV3Server, silence } from "../../support/v3/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

const CONTENT = {
  a: pseudoRandomBytes(100),
  b: pseudoRandomBytes(3_000_000, 2),
  c: new Uint8Array(1),
};
const NAMES = Object.keys(CONTENT);
const INTERRUPTED = { name: "InterruptedError", code: "interrupted", category: "interrupted" };

interface Changes extends Partial<V3ConnectOptions> {
  readonly random?: () => number;
  readonly files?: readonly string[];
}

async function send(
  folder: TemporaryFolder,
  server: Address,
  { random, files, ...options }: Changes = {},
): Promise<Outcome[]> {
  for (const [name, content] of Object.entries(CONTENT)) await folder.write(name, content);
  return await sendFiles({
    connect: { server, userName: "Alice", identityFolder: folder.path, ...options },
    retry: random === undefined ? {} : { random },
    files: files ?? NAMES.map((name) => folder.join(name)),
  });
}

async function storedNames(folder: TemporaryFolder): Promise<string[]> {
  const clients = await listStored(folder.join("data"));
  return clients.flatMap(({ files }) => files.map(({ name }) => name));
}

/** Asserts that the outcome of each file is true, and that only whole files are stored. */
async function assertTrue(folder: TemporaryFolder, outcomes: readonly Outcome[]): Promise<void> {
  const stored = await storedNames(folder);
  for (const outcome of outcomes) {
    const { state } = outcome;
    const name = nameOf(outcome);
    if (state === "stored") assert.ok(stored.includes(name), `${name} was reported as stored`);
    else if (state !== "unknown") assert.ok(!stored.includes(name), `${name} is stored: ${state}`);
  }
}

/** The moment at which a run of three files is interrupted. */
const MOMENTS: readonly (Response["kind"] | { readonly afterBytes: number })[] = [
  { afterBytes: 1 },
  "registered",
  "keyReceived",
  "fileReceived",
  "messageReceived",
  "reconnected",
  { afterBytes: 1_000_000 },
  { afterBytes: 3_000_000 },
];

for (const moment of MOMENTS) {
  const where = typeof moment === "string" ? `at ${moment}` : `after ${moment.afterBytes} bytes`;
  Deno.test(`interrupt ${where}: the outcome of each file is true, and the next run stores all`, async () => {
    await using folder = await TemporaryFolder.create();
    const loopback = { hostname: "127.0.0.1", port: 0 };
    await using server = await startInThisThread({
      listen: [loopback],
      dataFolder: folder.join("data"),
    });
    const controller = new AbortController();
    let passed = 0;
    const up = (): Fault => (bytes) => {
      passed += bytes.length;
      if (typeof moment === "object" && passed >= moment.afterBytes) controller.abort();
      return [bytes];
    };
    const down = () =>
      eachResponse(edition2023c, function* (response) {
        if (response.kind === moment) controller.abort();
        yield encodeResponse(edition2023c, response);
      });
    await using proxy = await FaultyProxy.start(server.address, { up, down });
    const outcomes = await send(folder, proxy.address, { signal: controller.signal });
    assert.ok(controller.signal.aborted);
    assert.deepEqual(outcomes.map(nameOf), NAMES);
    const unsent = outcomes.filter(({ state }) => state !== "stored");
    assert.ok(unsent.length > 0, "the run was interrupted");
    for (const outcome of unsent) {
      assert.equal("error" in outcome && outcome.error.category, "interrupted");
    }
    await assertTrue(folder, outcomes);
    const again = await send(folder, server.address);
    assert.deepEqual(again.map(({ state }) => state), ["stored", "stored", "stored"]);
    assert.deepEqual(await storedNames(folder), NAMES);
  });
}

Deno.test("interrupt: during the wait before a retry the run ends at once, without another attempt", async () => {
  await using folder = await TemporaryFolder.create();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  listener.close();
  const controller = new AbortController();
  const retries: V3Event[] = [];
  const outcomes = await send(folder, { hostname, port }, {
    signal: controller.signal,
    random: () => 0.999999,
    onEvent: (event) => {
      if (event.type !== "retrying") return;
      retries.push(event);
      controller.abort(new InterruptedError("interrupted", "Ctrl-C"));
    },
  });
  assert.equal(retries.length, 1);
  assert.deepEqual(outcomes.map(({ state }) => state), ["not-stored", "not-tried", "not-tried"]);
  for (const outcome of outcomes) {
    assert.equal("error" in outcome && outcome.error.message, "Ctrl-C");
  }
});

Deno.test("interrupt: before the run starts, the server is not contacted", async () => {
  await using folder = await TemporaryFolder.create();
  const sending = send(folder, { hostname: "127.0.0.1", port: 1 }, { signal: AbortSignal.abort() });
  await assert.rejects(sending, INTERRUPTED);
});

/** A server that stops answering after a request, while the client is interrupted. */
const SILENT: readonly (readonly [after: "register" | "sendFile" | "crcValid", state: string])[] = [
  ["register", "not-stored"],
  ["sendFile", "not-stored"],
  ["crcValid", "unknown"],
];

for (const [after, state] of SILENT) {
  Deno.test(`interrupt: if the server does not answer ${after}, the file is ${state}`, async () => {
    const controller = new AbortController();
    const sound = correctAnswers(cksum(CONTENT.a));
    await using server = new ScriptedV3Server((request) => {
      if (request.kind !== after) return sound(request);
      controller.abort();
      return Promise.resolve(silence);
    });
    await using folder = await TemporaryFolder.create();
    const outcomes = await send(folder, server.address, { signal: controller.signal });
    assert.deepEqual(outcomes.map(({ state }) => state), [state, "not-tried", "not-tried"]);
    for (const outcome of outcomes) {
      assert.equal("error" in outcome && outcome.error.category, "interrupted");
    }
  });
}

Deno.test("interrupt: if the server reads no more bytes, the file is not stored", async () => {
  const controller = new AbortController();
  const sound = correctAnswers(0);
  await using server = new ScriptedV3Server((request) => {
    if (request.kind !== "publicKey") return sound(request);
    return Promise.resolve(async (socket) => {
      // The server answers, and no longer reads.
      await socket.write(encodeResponse(edition2023c, await sound(request)));
      await server.ended;
    });
  });
  await using folder = await TemporaryFolder.create();
  const big = await folder.write("big", pseudoRandomBytes(16_000_000));
  const outcomes = await send(folder, server.address, {
    files: [big],
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type === "sending") setTimeout(() => controller.abort(), 300);
    },
  });
  const [outcome] = outcomes;
  assert.ok(outcome !== undefined && "error" in outcome);
  assert.deepEqual([outcome.state, outcome.error.category], ["not-stored", "interrupted"]);
});

Deno.test("interrupt: a wait ends when the signal aborts; a finished one leaves no listener behind", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  await sleep(0, signal);
  assert.equal(await unlessAborted(signal, Promise.resolve(5)), 5);
  const sleeping = sleep(3_600_000, signal);
  const waiting = unlessAborted(signal, new Promise(() => undefined));
  controller.abort();
  await assert.rejects(sleeping, INTERRUPTED);
  await assert.rejects(waiting, INTERRUPTED);
  await assert.rejects(sleep(3_600_000, signal), INTERRUPTED);
  await assert.rejects(unlessAborted(signal, new Promise(() => undefined)), INTERRUPTED);
  assert.equal(listeners, 0);
});

Deno.test("interrupt: a failure after the signal is not retried", async () => {
  const controller = new AbortController();
  let times = 0;
  const task = () => {
    times++;
    controller.abort();
    return Promise.reject(new NetworkError("connection-lost", "The connection is lost"));
  };
  const tried = withRetries(task, { onRetry: () => assert.fail() }, { signal: controller.signal });
  await assert.rejects(tried, { code: "connection-lost" });
  assert.equal(times, 1);
});

Deno.test("interrupt: the stopper ends at once, or after the answers that are due", async () => {
  const ended: string[] = [];
  const controller = new AbortController();
  const make = (name: string) => new GracefulAbort(controller.signal, () => void ended.push(name));
  using idle = make("idle");
  using busy = make("busy");
  make("gone")[Symbol.dispose]();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const [one, other] = [first, second].map(({ promise }) => busy.critical(() => promise));
  controller.abort();
  assert.ok(idle.isAborted);
  assert.throws(() => idle.check(), INTERRUPTED);
  assert.deepEqual(ended, ["idle"]);
  first.resolve();
  await one;
  assert.deepEqual(ended, ["idle"], "one more answer is due");
  second.reject(new Error("it failed"));
  await assert.rejects(other as Promise<void>, /it failed/);
  assert.deepEqual(ended, ["idle", "busy"]);
  await assert.rejects(busy.critical(() => assert.fail()), INTERRUPTED);
});
