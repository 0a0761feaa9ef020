/**
 * Requests about files that are stored.
 *
 * @module
 */
import type { Kind, Message, MessageOf } from "../../protocol/v4/messages.ts";
import { CHUNK_SIZE, chunkCount, DIGEST_SIZE } from "../../protocol/v4/tree.ts";
import type { StoredFile } from "../store/catalog.ts";
import { removeOrphan } from "../storing.ts";
import { Refusal, refuseName } from "./refusal.ts";
import { logFile, type Session } from "./session.ts";

/** Names that are looked up at once for a list. */
const PAGE = 500;

type Handlers = {
  readonly [K in Kind]?: (session: Session, message: MessageOf<K>) => Promise<void>;
};

/** Each answers by itself, or throws why it does not. */
export const FILE_REQUESTS: Handlers = {
  get,
  async list({ context, owner, answers }, { tag, prefix }) {
    const { store: { catalog } } = context;
    for (let after = "";;) {
      const files = await catalog.listFilesBelow(owner.clientId, prefix, after, PAGE);
      for (const file of files) await answers.send(describe(tag, file));
      const last = files.at(-1);
      if (last === undefined) break;
      after = last.name;
    }
    await answers.send({ kind: "done", tag });
  },
  async stat(session, { tag, name, version }) {
    await session.answers.send(describe(tag, await find(session, name, version)));
  },
  async versions({ context, owner, answers }, { tag, name }) {
    const files = await context.store.catalog.listVersions(owner.clientId, name);
    if (files.length === 0) throw noSuchFile(name);
    for (const file of files) await answers.send(describe(tag, file));
    await answers.send({ kind: "done", tag });
  },
  async remove(session, { tag, name }) {
    const { context, owner, answers } = session;
    const paths = await context.store.catalog.dropFile(owner.clientId, name);
    if (paths.length === 0) throw noSuchFile(name);
    for (const path of paths) await removeOrphan(context, path);
    logFile(session, "file.removed", "Removed {file} of {client}", name);
    await answers.send({ kind: "done", tag });
  },
  async rename(session, { tag, oldName, newName }) {
    refuseName(newName);
    const { context, owner, answers } = session;
    const outcome = await context.store.catalog.renameFile(owner.clientId, oldName, newName);
    if (outcome === "missing") throw noSuchFile(oldName);
    if (outcome === "taken") throw new Refusal("file-exists", `${newName} is there already`);
    logFile(session, "file.renamed", "Renamed a file of {client} to {file}", newName);
    await answers.send({ kind: "done", tag });
  },
};

async function get(session: Session, request: MessageOf<"get">): Promise<void> {
  const { tag, name, version, from, to } = request;
  const { context: { store: { catalog, blobs } }, answers } = session;
  const file = await find(session, name, version);
  const digests = await catalog.findChunks(file);
  if (digests?.length !== chunkCount(file.size) * DIGEST_SIZE) {
    throw new Refusal("damaged", `${name} has no digests of its chunks`);
  }
  await answers.send(describe(tag, file));
  for (let at = 0; at < digests.length; at += CHUNK_SIZE) {
    await answers.send({ kind: "digests", tag, bytes: digests.slice(at, at + CHUNK_SIZE) });
  }
  const end = Math.min(to, file.size);
  const first = Math.floor(from / CHUNK_SIZE) * CHUNK_SIZE;
  let at = first;
  if (from < end) {
    for await (const chunk of blobs.read(file.path, { from: first, pieceSize: CHUNK_SIZE })) {
      await answers.sendChunk(tag, at, chunk);
      at += chunk.length;
      if (at >= end) break;
    }
    if (at < end) throw new Refusal("damaged", `${name} is shorter than it was stored`);
  }
  await answers.send({ kind: "done", tag });
}

async function find({ context, owner }: Session, name: string, version: number) {
  const file = await context.store.catalog.findFile(owner.clientId, name, version);
  if (file === undefined) throw noSuchFile(name);
  return file;
}

function describe(tag: number, file: StoredFile): Message {
  const { name, version = 1, size, crc, storedAt, tree } = file;
  if (tree === undefined) throw new Refusal("damaged", `${name} has no digest`);
  return { kind: "file", tag, name, version, size, storedAt, cksum: crc, ...tree };
}

function noSuchFile(name: string): Refusal {
  return new Refusal("no-such-file", `there is no file ${name}`);
}
