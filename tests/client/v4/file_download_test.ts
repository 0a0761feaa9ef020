/** Downloads of a client of protocol 4 from a scripted server. */
import assert from "node:assert/strict";
import { type Bytes, equalBytes } from "../../../protocol/bytes.ts";
import { FileDownload } from "../../../client/v4/file_download.ts";
import { PartialFile, partPath } from "../../../client/local/partial_file.ts";
import { RESUMABLE_SIZE } from "../../../client/v4/remote_file.ts";
import { TargetAttributes } from "../../../client/local/target_attributes.ts";
import type { V4Event } from "../../../client/events.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE, chunkCount } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { type Script, ScriptedServer } from "../../support/v4/scripted_session.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { FILE } from "../../support/v4/message_fields.ts";

const SIZES = [
  0,
  1,
  CHUNK_SIZE - 1,
  CHUNK_SIZE,
  CHUNK_SIZE + 1,
  RESUMABLE_SIZE,
  RESUMABLE_SIZE + 1,
];
const content = pseudoRandomBytes(5 * CHUNK_SIZE + 7);
const CHUNKS = 6;

/** The chunk at an index. */
function chunkOf(of: Bytes, index: number): Bytes {
  return of.slice(index * CHUNK_SIZE, (index + 1) * CHUNK_SIZE);
}

/** Serves a file. `change` may replace a chunk's content, or lose the connection before it. */
function serving(
  of: Bytes,
  change: (chunk: Bytes, index: number) => Bytes | "lost" = (chunk) => chunk,
): Script {
  const sums = new ChunkDigests(of.length);
  for (let index = 0; index < chunkCount(of.length); index++) {
    sums.add(index * CHUNK_SIZE, chunkOf(of, index));
  }
  return (message, server) => {
    if (message.kind !== "get") return;
    const { tag, name, from, to } = message;
    const stored = { ...FILE, ...sums.sums() };
    server.send({ kind: "file", tag, name, ...stored });
    if (of.length > 0) server.send({ kind: "digests", tag, bytes: sums.digests });
    for (let at = Math.floor(from / CHUNK_SIZE); at * CHUNK_SIZE < Math.min(to, of.length); at++) {
      const chunk = change(chunkOf(of, at), at);
      if (chunk === "lost") return server.close();
      server.sendChunk(tag, at * CHUNK_SIZE, chunk);
    }
    server.send({ kind: "done", tag });
  };
}

/** Many times faster than `deepEqual`. */
async function assertHolds(path: string, bytes: Bytes): Promise<void> {
  assert.ok(equalBytes(await Deno.readFile(path), bytes), `${path} has the wrong content`);
}

interface Fixture {
  readonly folder: TemporaryFolder;
  readonly target: string;
  readonly events: V4Event[];
  begin(changes?: Partial<ConstructorParameters<typeof FileDownload>[0]>): FileDownload;
  /** Runs a download with scripted servers to its end. Returns the servers' received messages. */
  get(
    scripts: readonly Script[],
    get?: FileDownload,
  ): Promise<{ servers: ScriptedServer[]; error: unknown }>;
  /** The names in the folder. */
  names(): string[];
}

/** The events about partial downloads, without repetitions. */
function partEvents({ events }: Fixture): string[] {
  return events.map(({ type }) => type)
    .filter((type) => ["kept-part", "comparing", "found-part"].includes(type))
    .filter((type, index, types) => type !== types[index - 1]);
}

function test(what: string, body: (fixture: Fixture) => Promise<void>) {
  Deno.test(`v4 download: ${what}`, async () => {
    await using folder = await TemporaryFolder.create();
    const target = folder.join("a");
    const events: V4Event[] = [];
    const attributes = new TargetAttributes();
    const begin: Fixture["begin"] = (changes = {}) =>
      new FileDownload({
        ...{ name: "a", target, force: false, onEvent: (event) => events.push(event) },
        prepare: (path, file) => attributes.apply(path, "file", file),
        ...changes,
      });
    await body({
      ...{ folder, target, events, begin },
      async get(scripts, get = begin()) {
        const run = await runOn(get, scripts);
        await get.end(run.error);
        return run;
      },
      names: () => [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(),
    });
  });
}

async function runOn(get: FileDownload, scripts: readonly Script[]) {
  const servers = scripts.map((script) => new ScriptedServer(script));
  const exchanges = servers.map(({ session }) => session.mux);
  const error = await get.run(exchanges).then(() => undefined, (error) => error);
  for (const server of servers) server[Symbol.dispose]();
  return { servers, error };
}

/** The ranges that a client requested, in chunks. */
function ranges({ received }: ScriptedServer): [number, number][] {
  return received.flatMap((message) =>
    message.kind === "get"
      ? [[message.from / CHUNK_SIZE, Math.ceil(message.to / CHUNK_SIZE)] as [number, number]]
      : []
  );
}

const WHOLE = [0, Math.ceil(Number.MAX_SAFE_INTEGER / CHUNK_SIZE)] as const;

for (const size of SIZES) {
  test(`${size} bytes: downloaded at once, with their mtime, and without leftovers`, async (fixture) => {
    const bytes = pseudoRandomBytes(size, size + 1);
    const { servers: [server], error } = await fixture.get([serving(bytes)]);
    assert.equal(error, undefined);
    assert.deepEqual(ranges(server as ScriptedServer), [[...WHOLE]]);
    await assertHolds(fixture.target, bytes);
    assert.equal((await Deno.stat(fixture.target)).mtime?.getTime(), 1000);
    assert.deepEqual(fixture.names(), ["a"]);
  });
}

test("a chunk differs from what was stored: an error, and nothing is kept", async (fixture) => {
  const falsify = (chunk: Bytes, index: number) => index === 4 ? chunk.fill(0, 9, 10) : chunk;
  const { error } = await fixture.get([serving(content, falsify)]);
  assert.equal((error as { code: string }).code, "not-what-was-stored");
  assert.deepEqual(fixture.names(), []);
});

test("the connection is closed while the partial file is created: no file is left", async (fixture) => {
  const serve = serving(content.slice(0, 100));
  // The client has sent its requests, and waits.
  const server = new ScriptedServer((...said) => void setTimeout(() => void serve(...said), 1));
  const get = fixture.begin({
    onEvent: ({ type }) => {
      if (type === "getting") server[Symbol.dispose]();
    },
  });
  const error = await get.run([server.session.mux]).catch((error) => error);
  assert.equal(error.code, "connection-lost");
  await get.end(error);
  // Time for a file that would still be created.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(fixture.names(), []);
});

test("the connection is lost: the same run requests the rest, and reads nothing again", async (fixture) => {
  const get = fixture.begin();
  const losing = serving(content, (chunk, index) => index === 3 ? "lost" : chunk);
  const first = await runOn(get, [losing]);
  assert.equal((first.error as Error).name, "NetworkError");
  const { servers: [server], error } = await fixture.get([serving(content)], get);
  assert.equal(error, undefined);
  assert.deepEqual(ranges(server as ScriptedServer), [[3, CHUNKS]]);
  assert.deepEqual(partEvents(fixture), []);
  await assertHolds(fixture.target, content);
});

const kept = async ({ get, folder }: Fixture, index = 3) => {
  await get([serving(content, (chunk, at) => at === index ? "lost" : chunk)]);
  return partPath(folder.join("a"));
};

test("the run ends: the partial download is kept, private, and the next run requests only the rest", async (fixture) => {
  const path = await kept(fixture);
  assert.deepEqual(fixture.names(), [".a.xfer-part"]);
  assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  const { servers: [server], error } = await fixture.get([serving(content)]);
  assert.equal(error, undefined);
  assert.deepEqual(ranges(server as ScriptedServer), [[0, 0], [3, CHUNKS]]);
  assert.deepEqual(partEvents(fixture), ["kept-part", "comparing", "found-part"]);
  await assertHolds(fixture.target, content);
  assert.deepEqual(fixture.names(), ["a"]);
});

test("the partial download is damaged or too long: the wrong parts are replaced", async (fixture) => {
  const path = await kept(fixture);
  {
    using file = await Deno.open(path, { write: true });
    await file.seek(CHUNK_SIZE + 5, Deno.SeekMode.Start);
    await file.write(new Uint8Array(9));
    await file.seek(7 * CHUNK_SIZE, Deno.SeekMode.Start);
    await file.write(new Uint8Array(9));
  }
  const { servers: [server], error } = await fixture.get([serving(content)]);
  assert.equal(error, undefined);
  assert.deepEqual(ranges(server as ScriptedServer), [[0, 0], [1, 2], [3, CHUNKS]]);
  await assertHolds(fixture.target, content);
});

test("the partial download belongs to another file: everything is downloaded", async (fixture) => {
  await kept(fixture);
  const other = pseudoRandomBytes(4 * CHUNK_SIZE + 1, 3);
  const { error } = await fixture.get([serving(other)]);
  assert.equal(error, undefined);
  await assertHolds(fixture.target, other);
  assert.deepEqual(fixture.names(), ["a"]);
});

test("the file is overwritten on the server meanwhile: the new one is downloaded", async (fixture) => {
  const get = fixture.begin();
  await runOn(get, [serving(content, (chunk, index) => index === 3 ? "lost" : chunk)]);
  const other = content.slice();
  other.fill(1, 5 * CHUNK_SIZE);
  const { error } = await fixture.get([serving(other)], get);
  assert.equal(error, undefined);
  await assertHolds(fixture.target, other);
});

const NOT_OURS: readonly [what: string, put: (path: string, elsewhere: string) => Promise<void>][] =
  [
    ["a link", (path, elsewhere) => Deno.symlink(elsewhere, path)],
    ["a second name of a file", (path, elsewhere) => Deno.link(elsewhere, path)],
    ["a folder", (path) => Deno.mkdir(path)],
    ["a file that others can read", async (path) => {
      await Deno.writeTextFile(path, "theirs");
      await Deno.chmod(path, 0o644);
    }],
  ];
for (const [what, put] of NOT_OURS) {
  test(`${what} in the place of the partial download: not touched`, async (fixture) => {
    const elsewhere = await fixture.folder.write("elsewhere", "precious");
    const path = partPath(fixture.target);
    await put(path, elsewhere);
    const { error } = await fixture.get([serving(content)]);
    assert.equal(error, undefined);
    await assertHolds(fixture.target, content);
    assert.equal(await Deno.readTextFile(elsewhere), "precious");
    assert.deepEqual(fixture.names(), [".a.xfer-part", "a", "elsewhere"]);
  });
}

test("another run has the partial download: not touched", async (fixture) => {
  const path = await kept(fixture);
  const before = new Uint8Array(await Deno.readFile(path));
  const theirs = await PartialFile.find(fixture.target);
  assert.equal(theirs?.path, path);
  const { servers: [server], error } = await fixture.get([serving(content)]);
  assert.equal(error, undefined);
  assert.deepEqual(ranges(server as ScriptedServer), [[...WHOLE]]);
  await assertHolds(path, before);
  await assertHolds(fixture.target, content);
  await theirs?.close();
});

test("two downloads to one target at once: one succeeds, the other fails", async (fixture) => {
  const results = await Promise.all([
    fixture.get([serving(content)]),
    fixture.get([serving(content)]),
  ]);
  const codes = results.map(({ error }) => (error as { code?: string } | undefined)?.code);
  assert.deepEqual(new Set(codes), new Set([undefined, "target-exists"]));
  await assertHolds(fixture.target, content);
  assert.deepEqual(fixture.names().filter((name) => !name.endsWith(".xfer-part")), ["a"]);
});

test("a file appears at the target meanwhile: not overwritten", async (fixture) => {
  await Deno.writeTextFile(fixture.target, "mine");
  const { error } = await fixture.get([serving(content)]);
  assert.equal((error as { code: string }).code, "target-exists");
  assert.equal(await Deno.readTextFile(fixture.target), "mine");
  const forced = fixture.begin({ force: true });
  assert.equal((await fixture.get([serving(content)], forced)).error, undefined);
  await assertHolds(fixture.target, content);
});

test("a name of maximum length: its partial download has a shorter name", async ({ folder }) => {
  const target = folder.join("ü".repeat(127));
  const part = await PartialFile.create(target, true);
  assert.equal(part.path, partPath(target));
  await part.discard();
});

test("a server claims a huge size: the partial download is only as long as what arrived", async ({ target }) => {
  const part = await PartialFile.create(target, true);
  await part.write(0, pseudoRandomBytes(5));
  assert.equal(await part.truncate(2 ** 43), 5);
  assert.equal((await Deno.stat(part.path)).size, 5);
  assert.equal(await part.truncate(3), 3);
  assert.equal((await Deno.stat(part.path)).size, 3);
  await part.discard();
});

const RANGES = [[0, 1], [5, CHUNK_SIZE + 5], [CHUNK_SIZE, 2 * CHUNK_SIZE], [3, 2 ** 40], [9, 9]];
for (const [from = 0, to = 0] of RANGES) {
  test(`the range ${from} to ${to}: only its bytes, also after a lost connection`, async (fixture) => {
    const get = fixture.begin({ range: { from, to } });
    await runOn(get, [serving(content, (chunk, index) => index === 1 ? "lost" : chunk)]);
    const done = await Deno.stat(fixture.target).catch(() => undefined);
    if (done === undefined) {
      assert.equal((await fixture.get([serving(content)], get)).error, undefined);
    }
    await assertHolds(fixture.target, content.slice(from, to));
    assert.deepEqual(fixture.names(), ["a"]);
  });
}

const LARGE = pseudoRandomBytes(40 * CHUNK_SIZE + 3);

test("a large file over several connections: if one is lost, another downloads the rest", async (fixture) => {
  let asked = 0;
  const once = serving(LARGE, (chunk, index) => index === 20 && asked++ === 0 ? "lost" : chunk);
  const { servers, error } = await fixture.get([once, once, once]);
  assert.equal(error, undefined);
  await assertHolds(fixture.target, LARGE);
  assert.ok(servers.filter((server) => ranges(server).length > 0).length > 1);
});

test("all connections are lost: the next attempt requests only the rest", async (fixture) => {
  const get = fixture.begin();
  const losing = serving(LARGE, (chunk, index) => index % 16 === 9 ? "lost" : chunk);
  const first = await runOn(get, [losing, losing]);
  assert.equal((first.error as Error).name, "NetworkError");
  const { servers, error } = await fixture.get([serving(LARGE), serving(LARGE)], get);
  assert.equal(error, undefined);
  const asked = servers.flatMap(ranges).sort(([a], [b]) => a - b);
  assert.equal(asked.reduce((sum, [from, to]) => sum + to - from, 0), 41 - 2 * 9);
  await assertHolds(fixture.target, LARGE);
});
