/**
 * Requests about stored files.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { Message, MessageKind, MessageOf } from "../../protocol/v4/messages.ts";
import { CHUNK_SIZE, chunkCount, DIGEST_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { keepsHistory } from "../uploads/commit.ts";
import { BlobNotFound } from "../blobs/blob_store.ts";
import { recordDamage } from "./damage.ts";
import type { ImplicitFolder, StoredFile } from "../catalog/files.ts";
import { StoredDigests } from "./chunk_digests.ts";
import { checkFileName, RequestError } from "./request_error.ts";
import { logFile, type RequestContext } from "./request_context.ts";
import { type FileWithDigests, isDamaged, refuseDamaged, withDigests } from "./backfill_digests.ts";

/** The number of files in one look-up of a list. */
const PAGE = 500;
/** The most look-ups of a file that is replaced each time before it can be read. */
const MAX_LOOKS = 16;
/** The most characters of a name in an error, which must fit into one frame. */
const MAX_QUOTED = 255;

type Handlers = {
  readonly [K in MessageKind]?: (session: RequestContext, message: MessageOf<K>) => Promise<void>;
};

/** Each handler sends its answer, or throws why it refuses. */
export const FILE_REQUESTS: Handlers = {
  get,
  async list(session, { tag, prefix, scope }) {
    if (scope === "removed") throw new RequestError("over-limit", "not supported yet");
    const files = scope === "below" ? filesBelow(session, prefix) : levelOf(session, prefix);
    await describeAll(session, tag, files, () => 0);
  },
  async stat(session, { tag, name, version }) {
    await session.answers.send(describe(tag, await find(session, name, version)));
  },
  async versions(session, { tag, name }) {
    const files = versionsOf(session, name);
    await describeAll(session, tag, files, ({ version = 0 }) => version);
  },
  async update(session, { tag, name, version, ...metadata }) {
    const { context, owner, answers } = session;
    const { files } = context.store.catalog;
    const outcome = await files.update(owner.accountId, name, version, metadata);
    if (outcome === "missing") throw noSuchFile(name);
    if (outcome === "changed") {
      throw new RequestError("file-changed", `another version of ${quoted(name)} is current`);
    }
    const words = "Changed permissions and time of {file} for {user} from {address}";
    logFile(session, "file.updated", words, name);
    await answers.send({ kind: "done", tag });
  },
  async remove(session, { tag, name }) {
    const { context, owner, answers } = session;
    const { outcome, garbage, entries, bytes } = await context.store.catalog.files.remove(
      owner.accountId,
      name,
      {
        keepHistory: keepsHistory(context.limits),
        now: context.clock(),
      },
    );
    context.quotaReservations.revoke(owner.accountId, name);
    if (outcome === "not-empty") {
      throw new RequestError("not-empty", `${name.slice(0, MAX_QUOTED)} is not empty`);
    }
    if (outcome === "missing") throw noSuchFile(name);
    await context.garbage.collect(garbage);
    logFile(session, "file.removed", "Removed {file} for {user} from {address}", name);
    await answers.send({ kind: "changed", tag, entries, bytes });
  },
  async rename(session, { tag, oldName, newName }) {
    checkFileName(newName);
    const { context, owner, answers } = session;
    const { outcome, entries, bytes } = await context.store.catalog.files.rename(
      ...[owner.accountId, oldName, newName] as const,
    );
    if (outcome === "renamed") {
      context.quotaReservations.revoke(owner.accountId, oldName);
      context.quotaReservations.revoke(owner.accountId, newName, { isStored: true });
    }
    if (outcome === "missing") throw noSuchFile(oldName);
    if (outcome === "taken") throw new RequestError("file-exists", `${newName} already exists`);
    const words = "Renamed {oldName} to {file} for {user} from {address}";
    logFile(session, "file.renamed", words, newName, { oldName: printable(oldName) });
    await answers.send({ kind: "changed", tag, entries, bytes });
  },
};

async function* filesBelow({ context, owner }: RequestContext, prefix: string) {
  const { store: { catalog } } = context;
  for (let after = "";;) {
    const files = await catalog.files.list(owner.accountId, { prefix, after, limit: PAGE });
    yield* files;
    const last = files.at(-1);
    if (last === undefined) return;
    after = last.name;
  }
}

/** The entries and folders directly below a folder. Throws `RequestError` `bad-file-name`. */
async function* levelOf({ context, owner }: RequestContext, prefix: string) {
  if (prefix !== "" && !prefix.endsWith("/")) {
    throw new RequestError("bad-file-name", "the prefix of one level is empty or ends in a slash");
  }
  const { store: { catalog } } = context;
  for (let after: string | undefined = ""; after !== undefined;) {
    const page = await catalog.files.listLevel(owner.accountId, { prefix, after, limit: PAGE });
    yield* page.files;
    after = page.next;
  }
}

/** Throws `RequestError` `no-such-file`. */
async function* versionsOf({ context, owner }: RequestContext, name: string) {
  const { store: { catalog } } = context;
  for (let before = Infinity;;) {
    const files = await catalog.files.versions(owner.accountId, name, { before, limit: PAGE });
    if (files.length === 0 && before === Infinity) throw noSuchFile(name);
    yield* files;
    const last = files.at(-1);
    if (last?.version === undefined) return;
    before = last.version;
  }
}

/**
 * Describes files, including damaged ones. `versionOf`: the version to look up if the file was replaced in the
 * meantime.
 */
async function describeAll(
  session: RequestContext,
  tag: number,
  files: AsyncIterable<StoredFile | ImplicitFolder>,
  versionOf: (file: StoredFile) => number,
): Promise<void> {
  const { answers } = session;
  for await (const file of files) {
    const answer = "content" in file
      ? await describeOne(session, tag, file, versionOf(file))
      : describeFolder(tag, file);
    if (answer !== undefined) await answers.send(answer);
  }
  await answers.send({ kind: "done", tag });
}

/** `undefined` for a file that was removed in the meantime. */
async function describeOne(
  session: RequestContext,
  tag: number,
  file: StoredFile,
  version: number,
): Promise<Message | undefined> {
  const { name } = file;
  try {
    return describe(tag, await withDigests(session, file) ?? await find(session, name, version));
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (error.code === "damaged") return { kind: "damaged", tag, name, version: file.version ?? 1 };
    if (error.code === "no-such-file") return undefined;
    throw error;
  }
}

async function get(session: RequestContext, request: MessageOf<"get">): Promise<void> {
  const { tag, from, to } = request;
  const { answers } = session;
  const { file, digests, first, chunks } = await open(session, request);
  try {
    await answers.send(describe(tag, file));
    for await (const bytes of digests.pages()) {
      if (bytes === undefined) throw noSuchFile(file.name, file.version);
      await answers.send({ kind: "digests", tag, bytes });
    }
    const end = Math.min(to, file.size);
    for (let at = beginOfChunk(from), piece = first; from < end && at < end;) {
      if (piece.value === undefined || !(await digests.isIntact(at, piece.value))) {
        // Does nothing if the file was replaced in the meantime.
        await recordDamage(session.context, file, "content");
        throw isDamaged(file);
      }
      await answers.sendChunk(tag, at, piece.value);
      at += piece.value.length;
      if (at < end) piece = await chunks.next();
    }
    await answers.send({ kind: "done", tag });
  } finally {
    await chunks.return();
  }
}

interface Opened {
  readonly file: FileWithDigests;
  readonly digests: StoredDigests;
  /**
   * The first requested chunk, if any, and the chunks after it. They stay readable if the file is replaced or removed.
   */
  readonly first: IteratorResult<Bytes, void>;
  readonly chunks: AsyncGenerator<Bytes, void, void>;
}

/**
 * Looks up a file and opens it. Looks it up again if it is replaced or removed in between, so that only open files are
 * described. Throws `RequestError`.
 */
async function open(
  session: RequestContext,
  { name, version, from, to }: MessageOf<"get">,
): Promise<Opened> {
  const { context, owner } = session;
  const { store: { catalog, blobs } } = context;
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const found = await catalog.files.find(owner.accountId, name, { version, want: "all" });
    if (found === undefined) throw noSuchFile(name, version);
    const { chunks: digests, bytes, ...stored } = found;
    const file = await withDigests(session, stored);
    // After the digest was computed, the chunk digests are in the catalog too.
    if (file === undefined || stored.tree === undefined) continue;
    const begin = beginOfChunk(from);
    const chunks = bytes === undefined
      ? blobs.read(file.content.id, { from: begin, pieceSize: Math.min(CHUNK_SIZE, file.size) })
      : inMemory(bytes);
    const first = from < Math.min(to, file.size) ? await firstOf(chunks) : NONE;
    const isWhole = digests?.size === chunkCount(file.size) * DIGEST_SIZE;
    if (first !== undefined && digests !== undefined && isWhole) {
      return { file, digests: new StoredDigests(catalog, file, digests.first), first, chunks };
    }
    await chunks.return();
    await refuseDamaged(context, file, first === undefined ? "missing" : "content");
  }
  throw replacedTooOften(name);
}

/** Inline content as chunks. It is at most one chunk. */
async function* inMemory(content: Bytes): AsyncGenerator<Bytes, void, void> {
  yield content;
}

const NONE: IteratorResult<Bytes, void> = { done: true, value: undefined };

/** The first piece of a blob, which opens it; `undefined` if the blob is missing. */
async function firstOf(
  pieces: AsyncGenerator<Bytes, void, void>,
): Promise<IteratorResult<Bytes, void> | undefined> {
  try {
    return await pieces.next();
  } catch (error) {
    if (error instanceof BlobNotFound) return undefined;
    throw error;
  }
}

function beginOfChunk(offset: number): number {
  return Math.floor(offset / CHUNK_SIZE) * CHUNK_SIZE;
}

/** A file with its digest. Throws `RequestError` `no-such-file`, `damaged`. */
async function find(
  session: RequestContext,
  name: string,
  version: number,
): Promise<FileWithDigests> {
  const { context, owner } = session;
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const file = await context.store.catalog.files.find(owner.accountId, name, { version });
    if (file === undefined) throw noSuchFile(name, version);
    const found = await withDigests(session, file);
    if (found !== undefined) return found;
  }
  throw replacedTooOften(name);
}

function describe(tag: number, file: FileWithDigests): Message {
  const { name, version = 1, kind = "file", mode, size, crc, storedAt, endedAt = 0, tree } = file;
  return {
    ...{ kind: "file", tag, name, version, entry: kind, mode, size },
    ...{ mtime: tree.mtime, storedAt, endedAt, cksum: crc },
    digest: tree.digest,
  };
}

/** A folder without an entry of its own. */
function describeFolder(tag: number, { name }: ImplicitFolder): Message {
  return {
    ...{ kind: "file", tag, name, version: 0, entry: "folder", mode: undefined, size: 0 },
    ...{ mtime: 0n, storedAt: 0, endedAt: 0, cksum: 0, digest: new Uint8Array(DIGEST_SIZE) },
  };
}

function quoted(name: string): string {
  return name.slice(0, MAX_QUOTED);
}

/** `version`: 0 for the current one. */
function noSuchFile(name: string, version = 0): RequestError {
  const what = version === 0 ? "file" : `version (${version})`;
  return new RequestError("no-such-file", `no such ${what}: ${name.slice(0, MAX_QUOTED)}`);
}

function replacedTooOften(name: string): RequestError {
  return new RequestError("cannot-store", `${name} is overwritten faster than it can be read`);
}
