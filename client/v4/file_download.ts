/**
 * The download of one file to its target, which is complete and verified or not written at all. The partial download of
 * a large file is kept if the network, the disk or the user ends the run.
 *
 * @module
 */
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { IntegrityError, RefusedError, UsageError } from "../../protocol/errors.ts";
import { printable, shellNames } from "../../protocol/printable.ts";
import { CHUNK_SIZE, createChunkBuffer } from "../../protocol/v4/merkle_tree.ts";
import type { V4Client } from "./client.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { ChunkDownload, Replaced } from "./chunk_download.ts";
import { explainDamage } from "./recheck.ts";
import type { RequestMux } from "./request_mux.ts";
import { PartialFile } from "../local/partial_file.ts";
import { checkKind, type RemoteFile, RESUMABLE_SIZE } from "./remote_file.ts";
import type { V4Event } from "../events.ts";

/** The size of the smallest download, in bytes, that is written past the page cache. A smaller one may be read at once. */
const DIRECT_SIZE = 64 * 1024 * 1024;

/** The most attempts if the file is replaced on the server during the download. */
const ATTEMPTS = 3;

/** A range of a file. */
export interface ByteRange {
  /** Offset of the first byte. */
  readonly from: number;
  /** Offset after the last byte. It may be after the end of the file. */
  readonly to: number;
}

/**
 * The number of bytes to download. Throws `UsageError` `bad-range` if the range is invalid, or begins after the end of the
 * file.
 */
export function wantedBytes({ name, size }: RemoteFile, range: ByteRange | undefined): number {
  if (range === undefined) return size;
  const { from, to } = range;
  if (from < size) {
    if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && to >= from) {
      return Math.min(to, size) - from;
    }
    throw new UsageError("bad-range", `invalid range of bytes: from ${from} up to ${to}`, {
      hint: "Count bytes from 0, and put the lower number first.",
    });
  }
  throw new UsageError(
    "bad-range",
    `the range begins after the end of ${printable(name)}: byte ${from} of ${size}, counted from 0`,
    { hint: `To see the size, run 'xfer client stat ${shellNames(name)}'.` },
  );
}

export interface FileDownloadOptions extends Abortable {
  readonly name: string;
  readonly version?: number | undefined;
  readonly target: string;
  readonly range?: ByteRange | undefined;
  /** Whether to overwrite an existing file at the target. */
  readonly force: boolean;
  /** Whether to resume a partial download of an earlier run, and to keep one for the next; default true. */
  readonly isResumable?: boolean;
  /** Creates the folder of the target, just before the first write. */
  readonly makeFolder?: (() => Promise<void>) | undefined;
  /** Throws if the folder of the target has become a link. Called before each use of the folder. */
  readonly guard?: (() => void) | undefined;
  /** Sets the mode and time of the complete file, just before it is moved to its target. */
  readonly prepare?: ((path: string, file: RemoteFile) => Promise<void>) | undefined;
  readonly onEvent: (event: V4Event) => void;
  /** Called when more of the file has arrived than ever before. */
  readonly onAdvance?: (() => void) | undefined;
}

/**
 * Downloads a file over one connection, or over those of a pool with retries. `isLarge`: an error closes the
 * connections, because waiting for the rest of a large file takes too long. Throws as {@link FileDownload.run} does.
 */
export async function downloadFile(
  source: V4Client | ConnectionPool,
  options: FileDownloadOptions,
  isLarge: boolean,
): Promise<RemoteFile> {
  const download = new FileDownload(options);
  const connected = (work: (mux: RequestMux) => Promise<void>) =>
    source instanceof ConnectionPool
      ? source.once(({ session }) => work(session.mux))
      : work(source.session.mux);
  let failure: unknown;
  const run = async (clients: readonly V4Client[]) => {
    try {
      return await download.run(clients.map(({ session }) => session.mux));
    } catch (error) {
      if (isLarge) { for (const client of clients) client[Symbol.dispose](); }
      throw error;
    }
  };
  try {
    if (!(source instanceof ConnectionPool)) return await run([source]);
    return await (source.count > 1 ? source.useAll(run) : source.use(0, (client) => run([client])));
  } catch (error) {
    failure = await explainDamage(error, connected);
    throw failure;
  } finally {
    await download.end(failure);
  }
}

/** One download, which outlives its connections. */
export class FileDownload {
  readonly #options: FileDownloadOptions;
  readonly #download: ChunkDownload;
  #part: PartialFile | undefined;
  /** Whether it has looked for a partial download of an earlier run. */
  #hasSearched = false;
  /** Counts from 1 when the file is known. */
  #attempt = 0;
  /** Bytes to download, and those of them that have arrived. */
  #size = 0;
  #done = 0;
  /** The most bytes that ever arrived. A replaced file starts again, which is not progress. */
  #furthest = 0;
  /** Whether a partial download of an earlier run was found and not compared yet. */
  #isUncompared = false;

  constructor(options: FileDownloadOptions) {
    const { name, version, range } = options;
    this.#options = options;
    this.#download = new ChunkDownload({ name, version, ...range }, {
      begin: (file) => this.#begin(file),
      write: (chunk, offset) => this.#write(chunk, offset),
    });
  }

  /**
   * Downloads the missing bytes and moves the file to its target. The caller syncs the folder. Throws as
   * `ChunkDownload.run` does; `UsageError` `target-exists`, `bad-range`; `StorageError`. Can be called again after a
   * `NetworkError`. Call `end` last.
   */
  async run(muxes: readonly RequestMux[]): Promise<RemoteFile> {
    const { target, force, guard, prepare = () => Promise.resolve() } = this.#options;
    const [first] = muxes as [RequestMux];
    guard?.();
    if (!this.#hasSearched && this.#isResumable) {
      this.#part = await PartialFile.find(target);
      this.#isUncompared = this.#part !== undefined;
    }
    this.#hasSearched = true;
    if (this.#download.file !== undefined) this.#reportStarted();
    const isToBeCompared = this.#part !== undefined || muxes.length > 1;
    for (let attempt = 1;; attempt++) {
      try {
        if (isToBeCompared && this.#download.file === undefined) {
          await this.#download.inspect(first);
        }
        const file = await this.#download.run(muxes);
        guard?.();
        const part = this.#part as PartialFile;
        await part.publish(target, force, (path) => prepare(path, file));
        this.#part = undefined;
        return file;
      } catch (error) {
        if (!(error instanceof Replaced) || attempt >= ATTEMPTS) throw error;
      }
    }
  }

  get #isResumable(): boolean {
    const { range, isResumable = true } = this.#options;
    return isResumable && range === undefined;
  }

  /**
   * Ends the download after the last `run`, which threw `error`. Keeps what a later run can resume, and removes what is
   * damaged or useless.
   */
  async end(error: unknown): Promise<void> {
    const part = this.#part;
    if (part === undefined) return;
    const isUseful = part.isFindable && (this.#done > 0 || this.#isUncompared);
    if (!isUseful || error instanceof IntegrityError || error instanceof RefusedError) {
      return await part.discard();
    }
    await part.close();
    if (this.#done === 0) return;
    this.#options.onEvent({ type: "kept-part", name: this.#options.name, path: part.path });
  }

  /** Opens a partial download, and accepts those of its chunks that match the file. */
  async #begin(file: RemoteFile): Promise<void> {
    const { target, range, name, onEvent, signal, guard } = this.#options;
    checkKind(file, "file");
    this.#size = wantedBytes(file, range);
    this.#done = 0;
    this.#reportStarted();
    if (this.#part === undefined) {
      const isFindable = this.#isResumable && file.size >= RESUMABLE_SIZE;
      await this.#options.makeFolder?.();
      guard?.();
      this.#part = await PartialFile.create(target, isFindable);
      if (this.#size >= DIRECT_SIZE) this.#part.writeDirectly();
      return;
    }
    if (this.#size >= DIRECT_SIZE) this.#part.writeDirectly();
    const there = await this.#part.truncate(range === undefined ? file.size : 0);
    const buffer = createChunkBuffer();
    // Reads only what exists: the size that the server claims is not verified yet.
    for (let offset = 0; offset < there; offset += CHUNK_SIZE) {
      throwIfAborted(signal);
      const chunk = await this.#part.read(offset, buffer.subarray(0, there - offset));
      if (await this.#download.take(offset, chunk)) this.#done += chunk.length;
      const done = Math.min(there, offset + CHUNK_SIZE);
      onEvent({ type: "comparing", done, total: there });
    }
    this.#isUncompared = false;
    const bytes = this.#done;
    if (bytes > 0) onEvent({ type: "found-part", name, bytes, size: file.size });
  }

  async #write(chunk: Bytes, offset: number): Promise<void> {
    const { from, to } = this.#options.range ?? { from: 0, to: Infinity };
    const wanted = chunk.subarray(Math.max(0, from - offset), Math.max(0, to - offset));
    if (wanted.length === 0) return;
    await (this.#part as PartialFile).write(Math.max(0, offset - from), wanted);
    this.#done += wanted.length;
    if (this.#done > this.#furthest) {
      this.#furthest = this.#done;
      this.#options.onAdvance?.();
    }
    this.#report("received");
  }

  #reportStarted(): void {
    this.#attempt++;
    this.#report("getting");
  }

  #report(type: "getting" | "received"): void {
    const [size, done, attempt] = [this.#size, this.#done, this.#attempt];
    this.#options.onEvent({ type, name: this.#options.name, size, done, attempt });
  }
}
