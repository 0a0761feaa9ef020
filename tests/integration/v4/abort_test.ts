/** Protocol 4: an interrupted command ends cleanly, reports what happened, and can be resumed. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import { InterruptedError, type XferError } from "../../../protocol/errors.ts";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import { putAll } from "../../support/v4/put_all.ts";
import type { PutOutcome } from "../../../client/v4/put_options.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import type { TransferOptions } from "../../../client/v4/connection_pool.ts";
import type { V4Event } from "../../../client/events.ts";
import { PARALLEL_SIZE } from "../../../client/v4/parallel_put.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { nameOf } from "../../support/outcomes.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import type { Fault } from "../../support/net/faulty_proxy.ts";
import { SecureProxy } from "../../support/net/tls_proxy.ts";
import { Fixture, got, put, splitOptions } from "../../support/v4/fixture.ts";

const LARGE = pseudoRandomBytes(8 * CHUNK_SIZE + 5);
const SMALL = pseudoRandomBytes(3 * CHUNK_SIZE);

interface Run {
  readonly outcomes: readonly PutOutcome[];
  readonly events: readonly V4Event[];
}

interface Put extends Partial<ConnectOptions>, Partial<TransferOptions> {
  /** Interrupts the run at the first event for which it returns true. */
  readonly stopAt?: (event: V4Event) => boolean;
}

/** Uploads Alice's files with these names. */
async function run(fixture: Fixture, names: readonly string[], options: Put = {}): Promise<Run> {
  const { stopAt = () => false, ...changes } = options;
  const controller = new AbortController();
  const events: V4Event[] = [];
  const outcomes = await putAll({
    ...splitOptions({
      ...await fixture.options("Alice"),
      signal: controller.signal,
      onEvent: (event) => {
        events.push(event);
        if (stopAt(event)) controller.abort(new InterruptedError("interrupted", "Ctrl-C"));
      },
      ...changes,
    }),
    paths: names.map((name) => fixture.folder.join(name)),
  });
  return { outcomes, events };
}

const states = ({ outcomes }: Run) => outcomes.map(({ state }) => state);
const of = ({ events }: Run, type: V4Event["type"]) =>
  events.filter((event) => event.type === type);
const hasSent = (event: V4Event, bytes: number) => event.type === "progress" && event.sent >= bytes;

function assertInterrupted({ outcomes }: Run): void {
  for (const outcome of outcomes) {
    if (!("error" in outcome)) continue;
    assert.equal(outcome.error.category, "interrupted");
    assert.equal(outcome.error.message, "Ctrl-C");
  }
}

async function stored(fixture: Fixture): Promise<string[]> {
  const names: string[] = [];
  using client = await fixture.client("Alice");
  await client.list("", ({ name, entry }) => void (entry === "file" && names.push(name)));
  return names;
}

/** Resolves when Alice has no upload in progress and `staged` partial uploads. */
async function settled(fixture: Fixture, staged: number): Promise<void> {
  while (fixture.blobs("staging").length !== staged) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function write(fixture: Fixture, files: Readonly<Record<string, Bytes>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await fixture.folder.write(name, content);
}

Deno.test("v4 interrupt: within a large file: that file can be resumed, and later large files were not started", async () => {
  await using fixture = await Fixture.create();
  await write(fixture, { a: SMALL.slice(0, 9), b: LARGE, c: SMALL, d: SMALL.slice(0, 7) });
  const names = ["a", "b", "c", "d"];
  const first = await run(fixture, names, { stopAt: (event) => hasSent(event, 6 * CHUNK_SIZE) });
  assert.deepEqual(states(first), ["stored", "not-stored", "not-tried", "stored"]);
  assertInterrupted(first);
  assert.deepEqual(of(first, "left-part").map((event) => "name" in event && event.name), ["b"]);
  assert.deepEqual(await stored(fixture), ["a", "d"], "small files are sent first");
  const again = await run(fixture, names);
  assert.deepEqual(states(again), ["unchanged", "stored", "stored", "unchanged"]);
  const [resumed] = of(again, "resumed");
  assert.ok(resumed?.type === "resumed" && resumed.offset >= CHUNK_SIZE, "the upload was resumed");
  using client = await fixture.client("Alice");
  assert.ok(areEqual(await got(client, "b"), LARGE));
});

Deno.test("v4 interrupt: within a file that is too small to resume: the server keeps nothing of it", async () => {
  await using fixture = await Fixture.create();
  await write(fixture, { a: SMALL });
  const stopped = await run(fixture, ["a"], { stopAt: (event) => hasSent(event, 2 * CHUNK_SIZE) });
  assert.deepEqual(states(stopped), ["not-stored"]);
  assert.deepEqual(of(stopped, "left-part"), []);
  await settled(fixture, 0);
});

Deno.test("v4 interrupt: after everything was sent: files that the server is about to confirm are stored", async () => {
  await using fixture = await Fixture.create();
  await write(fixture, { a: LARGE, b: SMALL });
  const stopAt = (event: V4Event) => hasSent(event, LARGE.length);
  const stopped = await run(fixture, ["a", "b"], { stopAt });
  assert.deepEqual(states(stopped), ["stored", "not-tried"]);
  assert.deepEqual(await stored(fixture), ["a"]);
});

Deno.test("v4 interrupt: among many small files: each is reported as it is", async () => {
  await using fixture = await Fixture.create();
  await Deno.mkdir(fixture.folder.join("many"));
  for (let i = 0; i < 300; i++) {
    await fixture.folder.write(`many/${i}`, pseudoRandomBytes(i, i + 1));
  }
  let sent = 0;
  const stopAt = ({ type }: V4Event) => type === "sending" && ++sent === 100;
  for (const parallel of [1, 3]) {
    sent = 0;
    const { outcomes } = await run(fixture, ["many"], { stopAt, parallel });
    const there = await stored(fixture);
    for (const outcome of outcomes) {
      const { state } = outcome;
      const name = nameOf(outcome);
      if (name === "many") continue;
      const isThere = there.includes(`many/${name}`);
      assert.equal(isThere, state === "stored" || state === "unchanged", `${name}: ${state}`);
    }
    assert.ok(there.length < 300);
  }
  assert.ok(states(await run(fixture, ["many"])).every((state) => state.endsWith("ed")));
  assert.equal((await stored(fixture)).length, 300);
});

Deno.test("v4 interrupt: within a file sent over several connections: it can be resumed", async () => {
  await using fixture = await Fixture.create();
  const content = pseudoRandomBytes(PARALLEL_SIZE + 5);
  await write(fixture, { a: content });
  const stopAt = (event: V4Event) => hasSent(event, PARALLEL_SIZE / 2);
  const stopped = await run(fixture, ["a"], { parallel: 3, stopAt });
  assert.deepEqual(states(stopped), ["not-stored"]);
  assert.equal(of(stopped, "left-part").length, 1);
  assertInterrupted(stopped);
  const again = await run(fixture, ["a"], { parallel: 3 });
  assert.deepEqual(states(again), ["stored"]);
  const [resumed] = of(again, "resumed");
  assert.ok(resumed?.type === "resumed" && resumed.offset >= CHUNK_SIZE);
  using client = await fixture.client("Alice");
  assert.ok(areEqual(await got(client, "a"), content));
});

Deno.test("v4 interrupt: during the wait before a retry: the run ends at once", async () => {
  await using fixture = await Fixture.create();
  await write(fixture, { a: SMALL });
  (await fixture.client("Alice"))[Symbol.dispose]();
  const { address } = fixture.server;
  await fixture.server.close();
  const controller = new AbortController();
  const stopped = await run(fixture, ["a"], {
    ...{ server: address, signal: controller.signal, random: () => 0.999999 },
    onRetry: () => controller.abort(new InterruptedError("interrupted", "Ctrl-C")),
  });
  assert.deepEqual(states(stopped), ["not-tried"]);
  assertInterrupted(stopped);
});

Deno.test("v4 interrupt: during the question whether to trust the server: nothing is recorded or sent", async () => {
  await using fixture = await Fixture.create();
  await write(fixture, { a: SMALL });
  const controller = new AbortController();
  const stopped = await run(fixture, ["a"], {
    signal: controller.signal,
    onNewServer: () => {
      controller.abort(new InterruptedError("interrupted", "Ctrl-C"));
      return new Promise(() => undefined);
    },
  });
  assert.deepEqual(states(stopped), ["not-tried"]);
  assert.deepEqual([...Deno.readDirSync(fixture.folder.join("Alice"))], []);
});

Deno.test("v4 interrupt: while files are compared or collected: nothing is sent", async () => {
  await using fixture = await Fixture.create();
  await Deno.mkdir(fixture.folder.join("d"));
  await write(fixture, { "d/a": SMALL, "d/b": SMALL });
  assert.deepEqual(states(await run(fixture, ["d"])), ["stored", "stored", "stored"]);
  const stopped = await run(fixture, ["d"], { stopAt: ({ type }) => type === "connected" });
  assert.deepEqual(states(stopped), ["not-tried", "not-tried", "not-tried"]);
  const before = run(fixture, ["d"], { signal: AbortSignal.abort() });
  await assert.rejects(before, { code: "interrupted" });
});

/** A network that can stop passing bytes to the server. */
class Stalling implements Disposable {
  readonly #end = Promise.withResolvers<void>();
  isStalled = false;

  readonly up = (): Fault =>
    async function* (this: Stalling, bytes: Bytes) {
      if (this.isStalled) await this.#end.promise;
      yield bytes;
    }.bind(this);

  [Symbol.dispose](): void {
    this.#end.resolve();
  }
}

Deno.test("v4 interrupt: on a network that accepts no more bytes: unconfirmed files are reported as unknown", async () => {
  await using fixture = await Fixture.create();
  await write(fixture, { a: SMALL.slice(0, 100), b: pseudoRandomBytes(24 * CHUNK_SIZE), c: SMALL });
  (await fixture.client("Alice"))[Symbol.dispose]();
  const network = new Stalling();
  await using proxy = await SecureProxy.start(fixture.server, { secure: network });
  using _ends = network;
  const controller = new AbortController();
  const stopped = await run(fixture, ["a", "b", "c"], {
    ...{ server: proxy.address, signal: controller.signal },
    onEvent: ({ type }) => {
      if (type !== "sending" || network.isStalled) return;
      network.isStalled = true;
      setTimeout(() => controller.abort(new InterruptedError("interrupted", "Ctrl-C")), 200);
    },
  });
  assert.deepEqual(states(stopped), ["unknown", "not-tried", "not-tried"]);
  assertInterrupted(stopped);
});

Deno.test("v4 interrupt: read-only requests stop at once; mutating requests wait for their answer", async () => {
  await using fixture = await Fixture.create();
  const network = new Stalling();
  await using proxy = await SecureProxy.start(fixture.server, { secure: network });
  using _ends = network;
  const requests = {
    list: (client) => client.list("", () => undefined),
    stat: (client) => client.stat("a"),
    versions: (client) => client.versions("a", () => undefined),
    remove: (client) => client.remove("a"),
    rename: (client) => client.rename("a", "b"),
    link: (client) => client.link(),
  } satisfies Record<string, (client: V4Client) => Promise<unknown>>;
  const controller = new AbortController();
  const options = { server: proxy.address, signal: controller.signal };
  const clients = new Map<string, V4Client>();
  for (const name of Object.keys(requests)) {
    clients.set(name, await fixture.client("Alice", options));
  }
  network.isStalled = true;
  const isStopped = new Promise((resolve) => options.signal.addEventListener("abort", resolve));
  await Promise.all(
    Object.entries(requests).map(async ([name, ask]) => {
      using client = clients.get(name) as V4Client;
      const asked = ask(client).then(() => "answered", (error: XferError) => error.code);
      if (name === "link") controller.abort(new InterruptedError("interrupted", "Ctrl-C"));
      await isStopped;
      const first = await Promise.race([
        asked,
        new Promise((resolve) => setTimeout(resolve, 0, "waits")),
      ]);
      const changes = ["remove", "rename"].includes(name);
      assert.equal(first, changes || name === "link" ? "waits" : "interrupted", name);
      assert.equal(await asked, changes ? "not-confirmed" : "interrupted");
    }),
  );
});

Deno.test("v4 interrupt: an answer that arrives in time is the one that is reported", async () => {
  await using fixture = await Fixture.create();
  const controller = new AbortController();
  using client = await fixture.client("Alice", { signal: controller.signal });
  const file = await fixture.source("a", SMALL.slice(0, 10));
  await put(client, [{ file }]);
  const removed = client.remove("a");
  controller.abort();
  await removed;
  await assert.rejects(client.stat("a"), { code: "interrupted" });
  assert.deepEqual(await stored(fixture), []);
});

Deno.test("v4 interrupt: while a folder is downloaded: finished files are whole, the others are reported as not downloaded", async () => {
  await using fixture = await Fixture.create();
  await Deno.mkdir(fixture.folder.join("many"));
  // Several messages full of files.
  for (let i = 0; i < 64; i++) {
    await fixture.folder.write(`many/${i}`, pseudoRandomBytes(60 * 1024 + i, i + 1));
  }
  await run(fixture, ["many"]);
  const controller = new AbortController();
  const target = fixture.folder.join("back");
  const onEvent = ({ type }: V4Event) => {
    if (type === "getting") controller.abort(new InterruptedError("interrupted", "Ctrl-C"));
  };
  const outcomes = await getOutcomes({
    connect: { ...await fixture.options("Alice"), onEvent, signal: controller.signal },
    ...{ names: ["many"], recursive: true, target },
  });
  assert.equal(outcomes.length, 65);
  const there = [...Deno.readDirSync(target)].map(({ name }) => name);
  for (const outcome of outcomes) {
    const { name, state } = outcome;
    if (name === "many") continue;
    assert.equal(there.includes(name.slice("many/".length)), state === "got", `${name}: ${state}`);
    if (state === "not-got") assert.equal(outcome.error.code, "interrupted");
    else {
      const source = await Deno.readFile(fixture.folder.join(name));
      assert.deepEqual(await Deno.readFile(outcome.target), source);
    }
  }
  assert.ok(there.length > 0 && there.length < 64);
  assert.deepEqual(there.filter((name) => name.startsWith(".")), [], "no temporary file is left");
});
