/** Runs of put against a server in memory: results of packs, retries, and files that need not be read. */
import assert from "node:assert/strict";
import { MAX_UNANSWERED } from "../../../client/v4/bulk_sender.ts";
import { collectFiles } from "../../../client/v4/collect_files.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import { MAX_UNTRIED, type PutOptions, type PutOutcome } from "../../../client/v4/put_options.ts";
import { PutRun } from "../../../client/v4/put_run.ts";
import type { RemoteFile } from "../../../client/v4/remote_file.ts";
import { mtimeOf, statEntry } from "../../../client/local/entry_stat.ts";
import { InterruptedError, NetworkError } from "../../../protocol/errors.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { FakePool, type FakePoolOptions } from "../../support/v4/fake_pool.ts";
import { FILE } from "../../support/v4/message_fields.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const onLinux = Deno.build.os === "linux";

async function makeFolder(files: Readonly<Record<string, string>>): Promise<TemporaryFolder> {
  const folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  for (const [name, content] of Object.entries(files)) await folder.write(`d/${name}`, content);
  return folder;
}

/** Uploads `d`. Returns the code or the state of each result, by name. */
async function put(folder: TemporaryFolder, server: FakePool, options: Partial<PutOptions> = {}) {
  const results: Record<string, string> = {};
  const all: PutOptions = {
    paths: [folder.join("d")],
    onOutcome(outcome: PutOutcome) {
      const path = "path" in outcome ? outcome.path : "file" in outcome ? outcome.file.path : "";
      const code = "error" in outcome ? ` ${outcome.error.code}` : "";
      results[path.slice(folder.path.length + 1)] = `${outcome.state}${code}`;
    },
    ...options,
    connect: { identityFolder: folder.path, ...options.connect } as ConnectOptions,
  };
  const collected = await collectFiles({ ...all, identityFolder: folder.path });
  const summary = await new PutRun(all, server.pool, collected).run();
  return { results, summary };
}

/** The server's entry for a file of `d` as it is here. */
function remote(folder: TemporaryFolder, name: string, content: string): RemoteFile {
  const bytes = new TextEncoder().encode(content);
  const digests = new ChunkDigests(bytes.length);
  if (bytes.length > 0) digests.add(0, bytes);
  const stat = statEntry(folder.join(name));
  const entry = stat.kind === "folder" ? "folder" : "file";
  const attributes = { mode: stat.mode, mtime: mtimeOf(stat) };
  return { ...FILE, ...digests.sums(), ...attributes, name, entry, version: 3 };
}

Deno.test("put: each record of a pack has its own result", async () => {
  await using folder = await makeFolder({ a: "1", b: "2", c: "3" });
  const answer: FakePoolOptions["answer"] = ({ name }) =>
    name === "d/b" ? { code: "over-limit" } : "stored";
  const { results, summary } = await put(folder, new FakePool({ answer }));
  assert.deepEqual(results, {
    ...{ "d": "stored", "d/a": "stored", "d/b": "not-stored over-limit", "d/c": "stored" },
  });
  assert.deepEqual(summary, {
    ...{ stored: 2, bytes: 2, folders: 1, unchanged: 0, updated: 0, removed: 0, failed: 1 },
  });
});

for (const [mismatches, result] of [[2, "stored"], [3, "not-stored checksum-mismatch"]] as const) {
  Deno.test(`put: a record whose checksums differ ${mismatches} times is sent again: ${result}`, async () => {
    await using folder = await makeFolder({ a: "1", b: "2" });
    const server = new FakePool({
      answer: ({ name }, times) => name === "d/a" && times <= mismatches ? "mismatch" : "stored",
    });
    const { results } = await put(folder, server);
    assert.deepEqual(results, { "d": "stored", "d/a": result, "d/b": "stored" });
    const sent = server.received.filter(({ name }) => name === "d/a");
    assert.deepEqual(sent.map(({ content }) => content), ["1", "1", "1"]);
  });
}

Deno.test("put: an update whose version was replaced meanwhile is sent with its content", async () => {
  await using folder = await makeFolder({ a: "1" });
  const entries = [{ ...remote(folder, "d/a", "1"), mtime: 5n }];
  const server = new FakePool({
    entries,
    answer: ({ message }) => message === "update" ? { code: "file-changed" } : "stored",
  });
  const { results } = await put(folder, server);
  assert.deepEqual(results, { "d": "stored", "d/a": "stored" });
  assert.deepEqual(
    server.received.filter(({ name }) => name === "d/a").map(({ message }) => message),
    ["update", "pack"],
  );
});

Deno.test("put: many files leave in several packs, and few packs are unanswered", async () => {
  const content = "x".repeat(60_000);
  await using folder = await makeFolder(
    Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`${i}`, content])),
  );
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
  const server = new FakePool({ onMessage: slow, count: 2 });
  const { summary } = await put(folder, server);
  assert.deepEqual([summary.stored, summary.failed], [400, 0]);
  assert.ok(server.messages > MAX_UNANSWERED);
  assert.ok(server.most > 1 && server.most <= MAX_UNANSWERED, `${server.most}`);
});

Deno.test("put: a connection that is lost before the answer leaves sent entries unknown, others not tried", async () => {
  const content = "x".repeat(60_000);
  const names = Array.from({ length: 400 }, (_, i) => String(i).padStart(3, "0"));
  await using folder = await makeFolder(Object.fromEntries(names.map((name) => [name, content])));
  const lost = new NetworkError("connection-lost", "lost");
  const server = new FakePool({ onMessage: () => Promise.reject(lost) });
  const { results, summary } = await put(folder, server);
  assert.equal(results["d/000"], "unknown connection-lost");
  assert.equal(results["d/399"], "not-tried connection-lost");
  assert.equal(Object.keys(results).length, 401, "each has a result");
  assert.equal(summary.failed, 401);
});

Deno.test("put: after an interruption, entries that were not reached are reported up to a limit", async () => {
  const names = Array.from({ length: MAX_UNTRIED + 10 }, (_, i) => `${i}`);
  await using folder = await makeFolder({});
  for (const name of names) Deno.writeFileSync(folder.join("d", name), new Uint8Array());
  const controller = new AbortController();
  const server = new FakePool({ signal: controller.signal });
  const { list } = server;
  server.list = async (...args) => {
    controller.abort(new InterruptedError("interrupted", "Ctrl-C"));
    await list.apply(server, args);
  };
  const { summary } = await put(folder, server, {
    connect: { signal: controller.signal } as ConnectOptions,
  });
  assert.equal(summary.stored, 0);
  assert.ok(
    summary.failed >= MAX_UNTRIED && summary.failed <= MAX_UNTRIED + 2,
    `${summary.failed}`,
  );
});

/** The size of the files whose reading is counted, in bytes: more than everything else that a run reads. */
const READ = 60_000;

/** The bytes that this thread has read. Those of the process include what its children had read when they ended. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(Deno.readTextFileSync("/proc/thread-self/io"))?.[1]);
}

Deno.test({
  name:
    "put: files that have not changed since the last run are not read again, except with checksum",
  ignore: !onLinux,
}, async () => {
  const [a, b, c] = ["1".repeat(READ), "2".repeat(READ), "x".repeat(READ + 40_000)] as const;
  await using folder = await makeFolder({ a, b, c });
  const entries = [
    ...[remote(folder, "d", ""), remote(folder, "d/a", a), remote(folder, "d/b", b)],
    remote(folder, "d/c", c),
  ];
  const all = { "d": "unchanged", "d/a": "unchanged", "d/b": "unchanged", "d/c": "unchanged" };
  const { now } = Date;
  const run = async (options: Partial<PutOptions> = {}) => {
    const before = bytesRead();
    const { results } = await put(folder, new FakePool({ entries }), options);
    assert.deepEqual(results, all);
    return Math.floor((bytesRead() - before) / READ);
  };
  try {
    assert.equal(await run(), 3, "the first run knows no digests");
    assert.equal(await run(), 3, "files that have just changed are not trusted");
    Date.now = () => now() + 10_000;
    await run();
    assert.equal(await run(), 0);
    assert.equal(await run({ checksum: true }), 3);
    assert.equal(await run(), 0);
    await Deno.utime(folder.join("d/b"), 1, 1);
    entries[2] = { ...entries[2] as RemoteFile, mtime: 1_000_000_000n };
    assert.equal(await run(), 1, "another time");
  } finally {
    Date.now = now;
  }
});
