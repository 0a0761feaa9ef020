/**
 * What the server does for a client that has proven who it is.
 *
 * @module
 */
import { type Bytes, printable, ProtocolError, release, toHex } from "../../protocol/mod.ts";
import { type Kind, MAX_BULK, type Message, type MessageOf } from "../../protocol/v4/messages.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { CHUNK_SIZE, chunkCount, DIGEST_SIZE, digestTree } from "../../protocol/v4/tree.ts";
import type { Context } from "../context.ts";
import { LimitError } from "../limits.ts";
import { CatalogRefusal, type StoredFile } from "../store/catalog.ts";
import { checkRoom, removeOrphan, storeFile } from "../storing.ts";
import { Receipt, sameSums } from "./receipt.ts";
import { Refusal } from "./refusal.ts";

/** Puts of a connection that are not answered at a time: so many small files are synced and committed together. */
export const WINDOW = 32;
/** Names that are looked up at once for a list. */
const PAGE = 500;

export interface Owner {
  readonly clientId: Bytes;
  /** Of the peer, for the log. */
  readonly address: string;
}

export interface Answers {
  /** Resolves when the message is sent. */
  send(message: Message): Promise<void>;
  sendChunk(tag: number, chunk: Bytes): Promise<void>;
}

/** A put whose data comes: into a receipt, or passed over since it was refused. */
interface Incoming {
  readonly tag: number;
  receipt: Receipt | undefined;
}

type Looking = Exclude<Kind, "put" | "data" | "end" | "cancel">;

export class Requests implements AsyncDisposable {
  readonly #context: Context;
  readonly #owner: Owner;
  readonly #answers: Answers;
  #incoming: Incoming | undefined;
  /** Puts that have come whole and are not answered. */
  readonly #finishing = new Set<Promise<void>>();

  constructor(context: Context, owner: Owner, answers: Answers) {
    this.#context = context;
    this.#owner = owner;
    this.#answers = answers;
  }

  /** Whether a file's data is what comes next. */
  get isReceiving(): boolean {
    return this.#incoming !== undefined;
  }

  /** Whether a file is on its way, or not answered yet. */
  get isAtWork(): boolean {
    return this.isReceiving || this.#finishing.size > 0;
  }

  /** Throws `ProtocolError` `bad-frame` for a message that does not fit the state. */
  async handle(message: Message): Promise<void> {
    switch (message.kind) {
      case "put":
        return await this.#put(message);
      case "data":
        return await this.#data(message);
      case "end":
        return this.#end(message);
      case "cancel":
        return await this.#cancel(message);
      default:
        return await this.#answer(message);
    }
  }

  /** Drops what is on its way in, and waits for what is being stored. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#incoming?.receipt?.discard();
    this.#incoming = undefined;
    await Promise.allSettled(this.#finishing);
  }

  async #put(request: MessageOf<"put">): Promise<void> {
    if (this.#incoming !== undefined) throw outOfPlace(request, "the file before has not ended");
    if (this.#finishing.size >= WINDOW) throw outOfPlace(request, `${WINDOW} are not answered`);
    const incoming: Incoming = { tag: request.tag, receipt: undefined };
    this.#incoming = incoming;
    await this.#refusing(request.tag, async () => {
      const { clientId } = this.#owner;
      const { tag, name, size, resume } = request;
      refuseName(name);
      if (resume !== 0) {
        // Uploads that were broken off are not kept.
        const digest = await digestTree(new Uint8Array(0));
        await this.#answers.send({ kind: "held", tag, offset: 0, digest });
      }
      await checkRoom(this.#context, { clientId, name, size });
      const blob = await this.#context.staging.stage(clientId, size);
      incoming.receipt = new Receipt(request, blob);
    });
  }

  async #data(message: MessageOf<"data">): Promise<void> {
    const incoming = this.#expect(message);
    const { receipt } = incoming;
    if (receipt === undefined) return release(message.bytes); // it is refused, and passed over
    await this.#refusing(message.tag, () => receipt.take(message.bytes), () => {
      incoming.receipt = undefined;
      return receipt.discard();
    });
  }

  /** What remains to be done for a file goes on while the next one comes. */
  #end(message: MessageOf<"end">): void {
    const { receipt } = this.#expect(message);
    if (receipt?.isWhole === false) throw outOfPlace(message, "some of the file is missing");
    this.#incoming = undefined;
    if (receipt === undefined) return;
    const finishing: Promise<void> = this.#refusing(
      message.tag,
      () => this.#finish(receipt, message),
      () => receipt.discard(),
    ).catch(() => undefined).finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
  }

  async #finish(receipt: Receipt, message: MessageOf<"end">): Promise<void> {
    const { tag } = message;
    const sums = await receipt.sums();
    if (!sameSums(sums, message)) {
      await receipt.discard();
      return await this.#answers.send({ kind: "mismatch", tag, ...sums });
    }
    const { request: { name, size, mtime }, blob, leaves } = receipt;
    await blob.seal();
    await storeFile(this.#context, this.#owner, {
      ...{ clientId: this.#owner.clientId, name, size, crc: sums.cksum, blob },
      storedAt: this.#context.clock(),
      tree: { mtime, digest: sums.digest },
      chunks: leaves.bytes.slice(),
    });
    await this.#answers.send({ kind: "stored", tag, ...sums });
  }

  async #cancel(message: MessageOf<"cancel">): Promise<void> {
    const { receipt } = this.#expect(message);
    this.#incoming = undefined;
    await receipt?.discard();
  }

  /** The put that a message belongs to. Throws `ProtocolError`. */
  #expect(message: Message): Incoming {
    if (this.#incoming?.tag === message.tag) return this.#incoming;
    throw outOfPlace(message, "no put with its tag is open");
  }

  async #answer(message: Message): Promise<void> {
    if (this.#incoming !== undefined) throw outOfPlace(message, "the file before has not ended");
    const handler = this.#handlers[message.kind as Looking] as
      | ((message: Message) => Promise<void>)
      | undefined;
    if (handler === undefined) throw outOfPlace(message, "it is known who the client is");
    await this.#refusing(message.tag, () => handler(message));
  }

  readonly #handlers: {
    readonly [K in Looking]?: (message: MessageOf<K>) => Promise<void>;
  } = {
    list: async ({ tag, prefix }) => {
      const { store: { catalog } } = this.#context;
      for (let after = "";;) {
        const files = await catalog.listFilesBelow(this.#owner.clientId, prefix, after, PAGE);
        for (const file of files) await this.#answers.send(describe(tag, file));
        const last = files.at(-1);
        if (last === undefined) break;
        after = last.name;
      }
      await this.#answers.send({ kind: "done", tag });
    },
    stat: async ({ tag, name }) => {
      await this.#answers.send(describe(tag, await this.#find(name)));
    },
    get: async (request) => await this.#get(request),
    remove: async ({ tag, name }) => {
      const paths = await this.#context.store.catalog.dropFile(this.#owner.clientId, name);
      if (paths.length === 0) throw noSuchFile(name);
      for (const path of paths) await removeOrphan(this.#context, path);
      this.#log("file.removed", "Removed {file} of {client}", name);
      await this.#answers.send({ kind: "done", tag });
    },
    rename: async ({ tag, oldName, newName }) => {
      refuseName(newName);
      const { store: { catalog } } = this.#context;
      const outcome = await catalog.renameFile(this.#owner.clientId, oldName, newName);
      if (outcome === "missing") throw noSuchFile(oldName);
      if (outcome === "taken") throw new Refusal("file-exists", `${newName} is there already`);
      this.#log("file.renamed", "Renamed a file of {client} to {file}", newName);
      await this.#answers.send({ kind: "done", tag });
    },
  };

  async #get({ tag, name, from, to }: MessageOf<"get">): Promise<void> {
    const { store: { catalog, blobs } } = this.#context;
    const file = await this.#find(name);
    const chunks = await catalog.findChunks(file);
    if (chunks?.length !== chunkCount(file.size) * DIGEST_SIZE) {
      throw new Refusal("damaged", `${name} has no digests of its chunks`);
    }
    await this.#answers.send(describe(tag, file));
    for (let at = 0; at < chunks.length; at += MAX_BULK) {
      await this.#answers.send({ kind: "digests", tag, bytes: chunks.slice(at, at + MAX_BULK) });
    }
    const end = Math.min(to, file.size);
    const first = Math.floor(from / CHUNK_SIZE) * CHUNK_SIZE;
    let at = first;
    if (from < end) {
      for await (const chunk of blobs.read(file.path, { from: first, pieceSize: CHUNK_SIZE })) {
        await this.#answers.sendChunk(tag, chunk);
        at += chunk.length;
        if (at >= end) break;
      }
      if (at < end) throw new Refusal("damaged", `${name} is shorter than it was stored`);
    }
    await this.#answers.send({ kind: "done", tag });
  }

  async #find(name: string): Promise<StoredFile> {
    const file = await this.#context.store.catalog.findFile(this.#owner.clientId, name);
    if (file === undefined) throw noSuchFile(name);
    return file;
  }

  /**
   * Does work for a request; where it fails, cleans up and answers why. Throws `ProtocolError`, which ends the
   * connection.
   */
  async #refusing(
    tag: number,
    work: () => Promise<void>,
    cleanUp: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      await cleanUp();
      if (error instanceof ProtocolError) throw error;
      const { code, message } = this.#explain(error);
      await this.#answers.send({ kind: "error", tag, code, message });
    }
  }

  #explain(error: unknown): Refusal {
    const { log, limitLog } = this.#context;
    const { address } = this.#owner;
    if (error instanceof LimitError) {
      limitLog.report(error, address);
      return new Refusal("over-limit", error.message);
    }
    if (error instanceof CatalogRefusal) return new Refusal("bad-file-name", error.message);
    if (error instanceof Refusal) return error;
    log.error("Could not answer {request} of {address}: {reason}", {
      event: "request.failed",
      ...{ request: "protocol 4", address, reason: printable(String(error)) },
    });
    return new Refusal("cannot-store", "the server could not do it: it is full or failing");
  }

  #log(event: string, words: string, name: string): void {
    const { clientId, address } = this.#owner;
    const properties = { file: printable(name), client: toHex(clientId), address };
    this.#context.log.info(words, { event, ...properties });
  }
}

function describe(tag: number, file: StoredFile): Message {
  const { name, size, crc, storedAt, tree } = file;
  if (tree === undefined) throw new Refusal("damaged", `${name} has no digest`);
  return { kind: "file", tag, name, size, storedAt, cksum: crc, ...tree };
}

function refuseName(name: string): void {
  const fault = pathNameFault(name);
  if (fault !== undefined) throw new Refusal("bad-file-name", `the name ${fault}`);
}

function noSuchFile(name: string): Refusal {
  return new Refusal("no-such-file", `there is no file ${name}`);
}

function outOfPlace({ kind }: Message, why: string): ProtocolError {
  return new ProtocolError("bad-frame", `Cannot take ${kind}: ${why}`);
}
