/**
 * The download of one file. Each chunk is verified against the file's digests before it is used. A download outlives
 * its connections and can use several at once.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { IntegrityError, NetworkError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { release } from "../../protocol/memory.ts";
import { inSlices } from "../../protocol/v4/slices.ts";
import { ChunkDigests, haveSameSums } from "../../protocol/v4/chunk_digests.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import {
  addingLeaves,
  CHUNK_SIZE,
  chunkCount,
  chunkSize,
  DIGEST_SIZE,
  MerkleTree,
} from "../../protocol/v4/merkle_tree.ts";
import type { RequestMux } from "./request_mux.ts";
import { unexpected } from "./errors.ts";
import { DamagedContentError } from "./recheck.ts";
import { checkAsked, checkSize, type RemoteFile } from "./remote_file.ts";
import { WorkQueue } from "./work_queue.ts";

/** Called with each chunk and its offset in the file. The chunk may change once the promise resolves. */
export type WriteChunk = (chunk: Bytes, offset: number, file: RemoteFile) => Promise<void>;

/** A file, or a range of one. */
export interface Wanted {
  /** Its name on the server. */
  readonly name: string;
  /** The number of the version; 0, the default, for the current one. */
  readonly version?: number | undefined;
  /** Offset of the first byte; 0 by default. Whole chunks that contain the range are read. */
  readonly from?: number;
  /** Offset after the last byte; the end of the file by default. */
  readonly to?: number;
}

/** The consumer of a download's chunks. */
export interface ChunkSink {
  /** The file is known. Called again if the file was replaced on the server. */
  begin(file: RemoteFile): Promise<void>;
  write(chunk: Bytes, offset: number): Promise<void>;
}

type ChunkRange = readonly [from: number, to: number];

/** Chunks per request if several connections download. */
const RANGE = 16;
/** The most requests for one file, because each answer has the digests of all chunks. */
const MAX_RANGES = 64;

/** The most chunks that wait to be verified or written while another arrives. */
const MAX_UNWRITTEN = 3;

export class ChunkDownload {
  readonly #wanted: Required<Pick<Wanted, "name" | "from" | "to">> & { readonly version: number };
  readonly #sink: ChunkSink;
  #file: RemoteFile | undefined;
  #digests: Bytes = new Uint8Array(0);
  #sums = new ChunkDigests(0);

  constructor(
    { name, version = 0, from = 0, to = Number.MAX_SAFE_INTEGER }: Wanted,
    sink: ChunkSink,
  ) {
    this.#wanted = { name, version, from, to };
    this.#sink = sink;
  }

  /** The file, once the server has described it. */
  get file(): RemoteFile | undefined {
    return this.#file;
  }

  /**
   * Accepts a chunk from an earlier run if it matches the file. It is not passed to the sink. Returns `false` before
   * `ChunkSink.begin`.
   */
  async take(offset: number, chunk: Bytes): Promise<boolean> {
    if (
      this.#file === undefined || chunk.length !== chunkSize(this.#file.size, offset / CHUNK_SIZE)
    ) {
      return false;
    }
    return await this.#sums.addBeside(offset, chunk, this.#digestAt(offset));
  }

  /** Asks the server for the file's description, without content. Throws as `run` does. */
  async inspect(mux: RequestMux): Promise<void> {
    await this.#fetch(mux, 0, 0);
  }

  /**
   * Downloads the missing chunks. Throws `IntegrityError` `not-what-was-stored`; `StorageError` `file-too-large`;
   * {@link Replaced} if the file was replaced on the server, after the sink's `begin`, when earlier chunks are of no
   * use; `RefusedError`, `NetworkError`, `ProtocolError`, `InterruptedError`.
   */
  async run(muxes: readonly RequestMux[]): Promise<RemoteFile> {
    const [first] = muxes as [RequestMux];
    const { from, to } = this.#wanted;
    if (this.#file === undefined) await this.#fetch(first, from, to);
    const ranges = new WorkQueue(this.#missing(muxes.length));
    let lost: unknown;
    const got = muxes.map(async (mux) => {
      for (let range = ranges.take(); range !== undefined; range = ranges.take()) {
        try {
          await this.#fetch(mux, ...range);
        } catch (error) {
          if (error instanceof NetworkError) {
            // Other connections can download the rest.
            ranges.requeue([this.#rest(range)]);
            lost = error;
            return;
          }
          ranges.drain();
          throw error;
        }
      }
    });
    await Promise.allSettled(got);
    await Promise.all(got);
    if (!ranges.isEmpty) throw lost;
    return await this.#check(first);
  }

  /** The rest of a range, whose chunks arrive in order. */
  #rest([from, to]: ChunkRange): ChunkRange {
    while (from < to && this.#sums.has(from)) from += CHUNK_SIZE;
    return [from, to];
  }

  /** The ranges to request. */
  #missing(pool: number): ChunkRange[] {
    const { size } = this.#file as RemoteFile;
    const { from, to } = this.#wanted;
    const count = chunkCount(Math.min(to, size));
    const max = pool === 1 ? Infinity : Math.max(RANGE, Math.ceil(chunkCount(size) / MAX_RANGES));
    const ranges: ChunkRange[] = [];
    for (let index = Math.floor(from / CHUNK_SIZE); from < to && index < count;) {
      const begin = index;
      while (
        index < count && !this.#sums.has(index * CHUNK_SIZE) && index - begin < max
      ) index++;
      if (index > begin) ranges.push([begin * CHUNK_SIZE, Math.min(size, index * CHUNK_SIZE)]);
      else index++;
    }
    return ranges;
  }

  /** Throws `IntegrityError` if what was received is not the complete file or range. */
  async #check(mux: RequestMux): Promise<RemoteFile> {
    const file = this.#file as RemoteFile;
    if (this.#missing(1).length > 0) throw new DamagedContentError(file);
    if (!this.#sums.isWhole) return file;
    const { cksum } = await inSlices(
      this.#sums.summing(),
      () => mux.gracefulAbort.yieldToSignals(),
    );
    if (cksum !== file.cksum) throw new DamagedContentError(file);
    return file;
  }

  /** Requests the chunks that contain a range, and, the first time, the description of the file. */
  async #fetch(mux: RequestMux, from: number, to: number): Promise<void> {
    const tag = mux.nextTag();
    const { name, version } = this.#wanted;
    let file: RemoteFile | undefined;
    let digests: Bytes = new Uint8Array(0);
    const tree = new MerkleTree();
    let missing = 0;
    let at = Math.floor(from / CHUNK_SIZE) * CHUNK_SIZE;
    let writing = Promise.resolve();
    /** The last chunks that have arrived, until each is written. */
    const unwritten: Promise<void>[] = [];
    /** The handling of the current message. It continues when the connection is closed here, and must end first. */
    let taking: Promise<unknown> = Promise.resolve();
    const begin = async (file: RemoteFile) => {
      if (!equalBytes(tree.digest, file.digest)) throw new DamagedContentError(file);
      const known = this.#file;
      if (known !== undefined && isSame(known, file)) return;
      this.#file = file;
      this.#digests = digests;
      this.#sums = new ChunkDigests(file.size, Infinity);
      await this.#sink.begin(file);
      if (known !== undefined) throw new Replaced(file);
    };
    try {
      const take = async (message: Message): Promise<boolean> => {
        if (file === undefined) {
          if (message.kind !== "file") throw unexpected(message);
          checkAsked(message, { name, version });
          checkSize(message);
          file = message;
          missing = chunkCount(file.size) * DIGEST_SIZE;
          // The system allocates the memory as it is filled.
          digests = new Uint8Array(missing);
          if (missing === 0) await begin(file);
          return false;
        }
        switch (message.kind) {
          case "digests":
            if (!isWhole(message.bytes, missing)) throw unexpected(message);
            digests.set(message.bytes, digests.length - missing);
            missing -= message.bytes.length;
            await inSlices(
              addingLeaves(tree, message.bytes),
              () => mux.gracefulAbort.yieldToSignals(),
            );
            if (missing === 0) await begin(file);
            return false;
          case "data": {
            const { offset, bytes } = message;
            const isNext = offset === at && bytes.length === chunkSize(file.size, at / CHUNK_SIZE);
            if (missing > 0 || !isNext || this.#sums.has(at)) throw unexpected(message);
            at += bytes.length;
            // The chunk is verified and written while the next ones arrive.
            writing = this.#write(message, file, writing);
            // The promise is awaited later. Until then, a rejection must not count as unhandled.
            writing.catch(() => undefined);
            unwritten.push(writing);
            if (unwritten.length > MAX_UNWRITTEN) await unwritten.shift();
            return false;
          }
          case "done":
            if (missing > 0) throw new DamagedContentError(file);
            return true;
          default:
            throw unexpected(message);
        }
      };
      await mux.ask({ kind: "get", tag, name, version, from, to }, (message) => {
        const taken = take(message);
        taking = taken.catch(() => undefined);
        return taken;
      });
    } finally {
      await taking;
      await writing;
    }
  }

  /** Verifies a chunk and passes it to the sink, after the one before it. Throws `IntegrityError`. */
  async #write(
    { offset, bytes }: MessageOf<"data">,
    file: RemoteFile,
    before: Promise<void>,
  ): Promise<void> {
    const sums = this.#sums;
    // The payload begins with the offset, which is no longer needed, so the byte before the chunk is free.
    const isIntact = await sums.addBeside(offset, bytes, this.#digestAt(offset));
    await before;
    if (!isIntact) throw new DamagedContentError(file, offset);
    // Another connection has found that the file was replaced.
    if (this.#sums !== sums) return;
    await this.#sink.write(bytes, offset);
    release(bytes);
  }

  #digestAt(offset: number): Bytes {
    const at = offset / CHUNK_SIZE * DIGEST_SIZE;
    return this.#digests.subarray(at, at + DIGEST_SIZE);
  }
}

/** Downloads a file, or the chunks that contain a range. Throws as {@link ChunkDownload.run} does. */
export async function readChunks(
  mux: RequestMux,
  wanted: Wanted,
  write: WriteChunk,
): Promise<RemoteFile> {
  const download: ChunkDownload = new ChunkDownload(wanted, {
    begin: () => Promise.resolve(),
    write: (chunk, offset) => write(chunk, offset, download.file as RemoteFile),
  });
  return await download.run([mux]);
}

/** The file was replaced on the server during the download. */
export class Replaced extends IntegrityError {
  constructor({ name }: RemoteFile) {
    super("file-replaced", `${printable(name)} was replaced on the server during the download`, {
      hint: "Download it again.",
    });
  }
}

/** Whether `bytes` are complete digests, at most the missing ones. */
function isWhole({ length }: Bytes, missing: number): boolean {
  return length > 0 && length % DIGEST_SIZE === 0 && length <= missing;
}

function isSame(a: RemoteFile, b: RemoteFile): boolean {
  return a.size === b.size && haveSameSums(a, b);
}
