/** What a client of protocol 4 sends, to a server that says what a test wants. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { XferError } from "../../../protocol/errors.ts";
import { UploadItem } from "../../../client/v4/upload_item.ts";
import { WorkQueue } from "../../../client/v4/work_queue.ts";
import { SPREAD, spreadUpload } from "../../../client/v4/parallel_put.ts";
import { PutPipeline } from "../../../client/v4/put_pipeline.ts";
import { SourceFile } from "../../../client/local/source_file.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import type { Message } from "../../../protocol/v4/messages.ts";
import { CHUNK_SIZE, digestTree } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { type Script, ScriptedServer } from "../../support/v4/scripted_session.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const SIZE = 5 * CHUNK_SIZE + 7;
const content = pseudoRandomBytes(SIZE);
const TRANSFER = new Uint8Array(16).fill(7);
const NOTHING = digestTree(new Uint8Array(0));

function digestOfFirst(bytes: number, of = content): Bytes {
  const sums = new ChunkDigests(bytes);
  for (let at = 0; at < bytes; at += CHUNK_SIZE) {
    sums.add(at, of.slice(at, Math.min(bytes, at + CHUNK_SIZE)));
  }
  return sums.sums().digest;
}

/** Says what it holds where it is asked, and stores whatever is ended. */
function storing(offset = 0, digest = digestOfFirst(offset), transfer = TRANSFER): Script {
  return (message, server) => {
    const { tag } = message;
    if (message.kind === "put" && message.resume === 1) {
      server.say({ kind: "held", tag, transfer, offset, digest });
    }
    if (message.kind === "join" || message.kind === "leave") server.say({ kind: "done", tag });
    if (message.kind === "end") server.say({ ...message, kind: "stored", version: 1 });
  };
}

async function jobOf(folder: TemporaryFolder, bytes = content, name = "a"): Promise<UploadItem> {
  return new UploadItem(await SourceFile.inspect(await folder.write(name, bytes)));
}

interface Sent {
  readonly outcomes: (number | string)[];
  readonly resumedAt: number[];
  readonly error: unknown;
}

async function send(server: ScriptedServer, ...jobs: UploadItem[]): Promise<Sent> {
  const queue = new WorkQueue(jobs);
  const outcomes: (number | string)[] = [];
  const resumedAt: number[] = [];
  const upload = new PutPipeline(server.session, (event) => {
    if (event.type === "resumed") resumedAt.push(event.offset);
  }, (_, outcome) => {
    outcomes.push(typeof outcome === "number" ? outcome : (outcome as XferError).code);
  });
  const error = await upload.run(queue).then(() => undefined, (error) => error);
  return { outcomes, resumedAt, error };
}

function test(what: string, body: (folder: TemporaryFolder) => Promise<void>) {
  Deno.test(`v4 upload: ${what}`, async () => {
    await using folder = await TemporaryFolder.create();
    await body(folder);
  });
}

/** How many bytes of files are read while something is done. */
async function countingReads(work: () => Promise<void>): Promise<number> {
  const { read } = Deno.FsFile.prototype;
  let bytes = 0;
  Deno.FsFile.prototype.read = async function (buffer) {
    const size = await read.call(this, buffer);
    bytes += size ?? 0;
    return size;
  };
  try {
    await work();
  } finally {
    Deno.FsFile.prototype.read = read;
  }
  return bytes;
}

const HELD = [
  ["nothing", 0],
  ["one chunk", CHUNK_SIZE],
  ["all whole chunks", 5 * CHUNK_SIZE],
  ["all of it", SIZE],
] as const;
for (const [what, offset] of HELD) {
  test(`where the server holds ${what}, the rest is sent`, async (folder) => {
    using server = new ScriptedServer(storing(offset));
    const { outcomes, resumedAt } = await send(server, await jobOf(folder));
    assert.deepEqual(outcomes, [cksum(content)]);
    assert.deepEqual(resumedAt, offset === 0 ? [] : [offset]);
    const expected = [];
    for (let at = Math.ceil(offset / CHUNK_SIZE) * CHUNK_SIZE; at < SIZE; at += CHUNK_SIZE) {
      expected.push(at);
    }
    assert.deepEqual(server.offsets, expected);
  });
}

test("what the server holds of another file is dropped, and all is sent", async (folder) => {
  using server = new ScriptedServer(storing(2 * CHUNK_SIZE, digestOfFirst(CHUNK_SIZE)));
  const { outcomes, resumedAt } = await send(server, await jobOf(folder));
  assert.deepEqual([outcomes, resumedAt], [[cksum(content)], []]);
  assert.deepEqual(server.kinds("put", "cancel", "end"), ["put", "cancel", "put", "end"]);
  const puts = server.heard.flatMap((message) => message.kind === "put" ? [message.resume] : []);
  assert.deepEqual(puts, [1, 0]);
  assert.equal(server.offsets.length, 6);
});

for (
  const [what, offset] of [["between chunks", 5], ["beyond the file", 6 * CHUNK_SIZE]] as const
) {
  test(`an offset ${what} is not what a server may say`, async (folder) => {
    using server = new ScriptedServer(storing(offset, NOTHING));
    const { outcomes, error } = await send(server, await jobOf(folder));
    assert.deepEqual(outcomes, []);
    assert.equal((error as XferError).code, "unexpected-answer");
    assert.deepEqual(server.offsets, []);
  });
}

test("a small file does not wait for what is held", async (folder) => {
  using server = new ScriptedServer(storing());
  const small = pseudoRandomBytes(4 * CHUNK_SIZE - 1);
  const { outcomes } = await send(server, await jobOf(folder, small));
  assert.deepEqual(outcomes, [cksum(small)]);
  assert.equal(server.heard[0]?.kind === "put" && server.heard[0].resume, 0);
});

test("what was hashed is not read again in the same run; from a new process it is", async (folder) => {
  const job = await jobOf(folder);
  using lost = new ScriptedServer((message, server) => {
    storing()(message, server);
    if (message.kind === "data" && message.offset === 3 * CHUNK_SIZE) server.close();
  });
  const { error } = await send(lost, job);
  assert.equal((error as XferError).category, "network");
  const held = 3 * CHUNK_SIZE;
  const again = async (job: UploadItem) => {
    using server = new ScriptedServer(storing(held));
    const { outcomes, resumedAt } = await send(server, job);
    assert.deepEqual([outcomes, resumedAt], [[cksum(content)], [held]]);
  };
  assert.equal(await countingReads(() => again(job)), SIZE - held);
  assert.equal(await countingReads(async () => await again(await jobOf(folder))), SIZE);
});

test("a file that was changed since is hashed anew", async (folder) => {
  const job = await jobOf(folder);
  using lost = new ScriptedServer((message, server) => {
    storing()(message, server);
    if (message.kind === "data" && message.offset === 3 * CHUNK_SIZE) server.close();
  });
  await send(lost, job);
  const other = pseudoRandomBytes(SIZE, 2);
  await Deno.writeFile(job.file.path, other);
  await job.lookAgain();
  using server = new ScriptedServer(storing(3 * CHUNK_SIZE));
  const { outcomes, resumedAt } = await send(server, job);
  assert.deepEqual([outcomes, resumedAt], [[cksum(other)], []]);
});

test("after a mismatch of what was gone on with, all is sent and nothing is asked", async (folder) => {
  let ends = 0;
  using server = new ScriptedServer((message, server) => {
    if (message.kind === "end" && ends++ === 0) {
      server.say({ ...message, kind: "mismatch", cksum: 1 });
    } else storing(CHUNK_SIZE)(message, server);
  });
  const { outcomes } = await send(server, await jobOf(folder));
  assert.deepEqual(outcomes, [cksum(content)]);
  const puts = server.heard.flatMap((message) => message.kind === "put" ? [message.resume] : []);
  assert.deepEqual(puts, [1, 0]);
  assert.equal(server.offsets.length, 5 + 6);
});

test("sums that differ three times are an error of that file alone", async (folder) => {
  using server = new ScriptedServer((message, server) => {
    if (message.kind === "end") server.say({ ...message, kind: "mismatch", cksum: 1 });
  });
  const { outcomes, error } = await send(server, await jobOf(folder, content.slice(0, 9)));
  assert.deepEqual([outcomes, error], [["checksum-mismatch"], undefined]);
  assert.equal(server.kinds("put").length, 3);
});

test("what was told to be stored when the connection was lost is looked for, not sent again", async (folder) => {
  const job = await jobOf(folder);
  using lost = new ScriptedServer((message, server) => {
    if (message.kind === "end") server.close();
    else storing()(message, server);
  });
  await send(lost, job);
  assert.equal(job.isUnknown, true);
  const stored = {
    ...{ version: 1, size: SIZE, storedAt: 0, cksum: cksum(content), digest: digestOfFirst(SIZE) },
    ...{ name: "a", mtime: job.file.mtime },
  };
  using server = new ScriptedServer(({ kind, tag }, server) => {
    if (kind === "stat") server.say({ kind: "file", tag, ...stored });
  });
  const { outcomes } = await send(server, job);
  assert.deepEqual(outcomes, [cksum(content)]);
  assert.deepEqual(server.offsets, []);
});

test("a file that is refused is ended, and the next is sent", async (folder) => {
  using server = new ScriptedServer((message, server) => {
    const { kind, tag } = message;
    if (kind === "put" && message.name === "a") {
      server.say({ kind: "error", tag, code: "over-limit", message: "it is full" });
    } else storing()(message, server);
  });
  const small = content.slice(0, 10);
  const { outcomes } = await send(server, await jobOf(folder), await jobOf(folder, small, "b"));
  assert.deepEqual(outcomes, ["over-limit", cksum(small)]);
  assert.deepEqual(server.kinds("put", "cancel", "end"), ["put", "cancel", "put", "end"]);
});

test("a small file goes in one write, with what belongs to it", async (folder) => {
  using server = new ScriptedServer(storing());
  const { outcomes } = await send(server, await jobOf(folder, content.slice(0, 4096)));
  assert.equal(outcomes.length, 1);
  assert.equal(server.writes.length, 1);
});

test("no more puts are unanswered than the server allows", async (folder) => {
  let open = 0;
  let most = 0;
  using server = new ScriptedServer((message, server) => {
    if (message.kind === "put") most = Math.max(most, ++open);
    if (message.kind !== "end") return;
    setTimeout(() => {
      open--;
      server.say({ ...message, kind: "stored", version: 1 });
    }, 0);
  }, { window: 3 });
  const jobs = await Promise.all(
    Array.from({ length: 40 }, (_, i) => jobOf(folder, content.slice(0, i), `f${i}`)),
  );
  const { outcomes } = await send(server, ...jobs);
  assert.equal(outcomes.length, 40);
  assert.equal(most, 3);
});

test("what is not answered when the connection is lost can be taken again", async (folder) => {
  using server = new ScriptedServer((message, server) => {
    if (message.kind === "end") server.close();
  });
  const jobs = await Promise.all(
    ["x", "y"].map((name) => jobOf(folder, content.slice(0, 9), name)),
  );
  const queue = new WorkQueue(jobs);
  const upload = new PutPipeline(
    server.session,
    () => undefined,
    () => assert.fail("it is not settled"),
  );
  await assert.rejects(upload.run(queue), { name: "NetworkError" });
  assert.deepEqual(new Set(queue.drain()), new Set(jobs));
});

const LARGE = pseudoRandomBytes(SPREAD + 3 * CHUNK_SIZE + 5);

async function spread(folder: TemporaryFolder, scripts: readonly Script[], job?: UploadItem) {
  job ??= await jobOf(folder, LARGE);
  const servers = scripts.map((script) => new ScriptedServer(script));
  try {
    const sessions = servers.map(({ session }) => session);
    return { servers, job, verdict: await spreadUpload(job, sessions, () => undefined) };
  } finally {
    for (const server of servers) server[Symbol.dispose]();
  }
}

test("a large file is spread: each chunk goes once, by put or join, and the end comes last", async (folder) => {
  const order: Message["kind"][] = [];
  const noting: Script = (message, server) => {
    if (message.kind === "end" || message.kind === "leave") order.push(message.kind);
    return storing()(message, server);
  };
  const { servers, verdict } = await spread(folder, [noting, noting, noting]);
  assert.equal(verdict, cksum(LARGE));
  const sent = servers.flatMap(({ offsets }) => offsets).sort((a, b) => a - b);
  assert.deepEqual(sent, Array.from({ length: 36 }, (_, i) => i * CHUNK_SIZE));
  assert.deepEqual(order, ["leave", "leave", "end"]);
  for (const { heard } of servers.slice(1)) {
    assert.deepEqual(heard[0], { kind: "join", tag: 1, transfer: TRANSFER });
  }
});

test("where nothing can be joined, one connection sends all", async (folder) => {
  const none = storing(0, NOTHING, new Uint8Array(16));
  const { servers: [first, second], verdict } = await spread(folder, [none, none]);
  assert.equal(verdict, cksum(LARGE));
  assert.equal(first?.offsets.length, 36);
  assert.deepEqual(second?.heard, []);
});

test("a connection that is lost ends them all; the next attempt goes on from what is held", async (folder) => {
  const failing: Script = (message, server) => {
    if (message.kind === "data") server.close();
    else return storing()(message, server);
  };
  const job = await jobOf(folder, LARGE);
  await assert.rejects(spread(folder, [storing(), failing], job), { name: "NetworkError" });
  const held = 4 * CHUNK_SIZE;
  const holding = storing(held, digestOfFirst(held, LARGE));
  const { servers, verdict } = await spread(folder, [holding, storing()], job);
  assert.equal(verdict, cksum(LARGE));
  const sent = servers.flatMap(({ offsets }) => offsets).sort((a, b) => a - b);
  assert.deepEqual(sent, Array.from({ length: 32 }, (_, i) => (i + 4) * CHUNK_SIZE));
});
