/**
 * One file got back: it is there whole and seen to be what was stored, or not at all. What has come of a large one is
 * kept where the network, the disk or the user has put an end to it.
 *
 * @module
 */
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { IntegrityError, RefusedError, UsageError } from "../../protocol/errors.ts";
import { printable, shellWord } from "../../protocol/printable.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { Download, Replaced } from "./chunk_download.ts";
import type { RequestMux } from "./request_mux.ts";
import { PartialFile } from "../local/partial_file.ts";
import { type RemoteFile, RESUMABLE_SIZE } from "./remote_file.ts";
import type { V4Event } from "../events.ts";

/** So often a file is begun anew that was replaced meanwhile. */
const ATTEMPTS = 3;

/** Bytes from the first up to but not the last. */
/** A range of a file. */
export interface ByteRange {
  /** Offset of the first byte. */
  readonly from: number;
  /** Offset after the last byte; it may lie past the end of the file. */
  readonly to: number;
}

/** How many bytes are wanted of a file. Throws `UsageError` `bad-range` where the range begins behind its end. */
export function wantedBytes({ name, size }: RemoteFile, range: ByteRange | undefined): number {
  if (range === undefined) return size;
  const { from, to } = range;
  if (from < size) return Math.min(to, size) - from;
  throw new UsageError(
    "bad-range",
    `There is no byte ${from} in ${printable(name)}: it has ${size}, counted from 0`,
    { hint: `See what there is: xfer client stat ${shellWord(name)}.` },
  );
}

export interface Getting extends Abortable {
  readonly name: string;
  readonly version?: number | undefined;
  readonly target: string;
  readonly range?: ByteRange | undefined;
  /** Whether what is at the target is replaced. */
  readonly force: boolean;
  /** Whether what has come of it is looked for and kept under its usual name; without, it is. */
  readonly isResumable?: boolean;
  /** Makes the folder of the target, as soon as there is something to be written. */
  readonly makeFolder?: (() => Promise<void>) | undefined;
  readonly onEvent: (event: V4Event) => void;
  /** More of the file is here than ever before. */
  readonly onAdvance?: (() => void) | undefined;
}

/** Lives from the first connection that is used for it to the last. */
export class FileGet {
  readonly #getting: Getting;
  readonly #download: Download;
  #part: PartialFile | undefined;
  /** Whether a part of an earlier run was looked for. */
  #hasLooked = false;
  /** Counted from 1, as soon as it is known what the file is. */
  #attempt = 0;
  /** Bytes that are wanted, and those of them that are here. */
  #size = 0;
  #done = 0;
  /** The most that ever arrived: a file that is replaced on the server starts again, which is no progress. */
  #furthest = 0;
  /** Whether there is a part of an earlier run of which it is not known yet what it is worth. */
  #isUncompared = false;

  constructor(getting: Getting) {
    const { name, version, range } = getting;
    this.#getting = getting;
    this.#download = new Download({ name, version, ...range }, {
      begin: (file) => this.#begin(file),
      write: (chunk, offset) => this.#write(chunk, offset),
    });
  }

  /**
   * Gets what is not here yet, and gives the file its place; its folder is to be synced. Throws what `Download.run` does,
   * `UsageError` `target-exists`, `bad-range`; `StorageError`. It may be called again after a `NetworkError`; `end` comes last.
   */
  async run(exchanges: readonly RequestMux[]): Promise<RemoteFile> {
    const { target, range, force } = this.#getting;
    const [first] = exchanges as [RequestMux];
    if (!this.#hasLooked && this.#isResumable) {
      this.#part = await PartialFile.find(target);
      this.#isUncompared = this.#part !== undefined;
    }
    this.#hasLooked = true;
    if (this.#download.file !== undefined) this.#tellBegun();
    const isToBeCompared = this.#part !== undefined || exchanges.length > 1;
    for (let attempt = 1;; attempt++) {
      try {
        if (isToBeCompared && this.#download.file === undefined) await this.#download.look(first);
        const file = await this.#download.run(exchanges);
        const mtime = range === undefined ? new Date(file.mtime) : undefined;
        await (this.#part as PartialFile).publish(target, force, mtime);
        this.#part = undefined;
        return file;
      } catch (error) {
        if (!(error instanceof Replaced) || attempt >= ATTEMPTS) throw error;
      }
    }
  }

  get #isResumable(): boolean {
    const { range, isResumable = true } = this.#getting;
    return isResumable && range === undefined;
  }

  /** After the last `run`, which has thrown `error`: keeps what a later run can use, and removes what is wrong or useless. */
  async end(error: unknown): Promise<void> {
    const part = this.#part;
    if (part === undefined) return;
    const isUseful = part.isFindable && (this.#done > 0 || this.#isUncompared);
    if (!isUseful || error instanceof IntegrityError || error instanceof RefusedError) {
      return await part.discard();
    }
    await part.close();
    if (this.#done === 0) return;
    this.#getting.onEvent({ type: "kept-part", name: this.#getting.name, path: part.path });
  }

  /** Opens a part where there is none, and takes what of it is the file's. */
  async #begin(file: RemoteFile): Promise<void> {
    const { target, range, name, onEvent, signal } = this.#getting;
    this.#size = wantedBytes(file, range);
    this.#done = 0;
    this.#tellBegun();
    if (this.#part === undefined) {
      const isFindable = this.#isResumable && file.size >= RESUMABLE_SIZE;
      await this.#getting.makeFolder?.();
      this.#part = await PartialFile.create(target, isFindable);
      return;
    }
    const there = await this.#part.truncate(range === undefined ? file.size : 0);
    const buffer = new Uint8Array(CHUNK_SIZE);
    // Only what is there: what a server says of the size is worth nothing yet.
    for (let offset = 0; offset < there; offset += CHUNK_SIZE) {
      throwIfAborted(signal);
      const chunk = await this.#part.read(offset, buffer.subarray(0, there - offset));
      if (this.#download.take(offset, chunk)) this.#done += chunk.length;
      const done = Math.min(there, offset + CHUNK_SIZE);
      onEvent({ type: "comparing", done, total: there });
    }
    this.#isUncompared = false;
    const bytes = this.#done;
    if (bytes > 0) onEvent({ type: "found-part", name, bytes, size: file.size });
  }

  async #write(chunk: Bytes, offset: number): Promise<void> {
    const { from, to } = this.#getting.range ?? { from: 0, to: Infinity };
    const wanted = chunk.subarray(Math.max(0, from - offset), Math.max(0, to - offset));
    if (wanted.length === 0) return;
    await (this.#part as PartialFile).write(Math.max(0, offset - from), wanted);
    this.#done += wanted.length;
    if (this.#done > this.#furthest) {
      this.#furthest = this.#done;
      this.#getting.onAdvance?.();
    }
    this.#tell("received");
  }

  #tellBegun(): void {
    this.#attempt++;
    this.#tell("getting");
  }

  #tell(type: "getting" | "received"): void {
    const [size, done, attempt] = [this.#size, this.#done, this.#attempt];
    this.#getting.onEvent({ type, name: this.#getting.name, size, done, attempt });
  }
}
