/**
 * Remembers the digests of local files from run to run, so that files that have not changed need not be read. A file
 * counts as unchanged while its size, times, inode and file system stay the same. A digest is trusted if a later change of
 * the file has another time: on a file system of this machine, if it was last changed long enough ago; on any other,
 * whose clock is not known, if it was read again long enough after it was first seen. An index is only a memory: without
 * one, or with a damaged one, files are read.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { dirname } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import type { EntryStat } from "./entry_stat.ts";
import { CLOCK_GRAIN_MS, type Device, deviceWithOwnClock, isOld } from "./file_system_clock.ts";
import { IndexReader, IndexWriter, TRUSTED } from "./index_file.ts";
import { pathInIndexFolder, removeOldest, unlessError } from "./index_folder.ts";

/** The most digests that may come out of order, for large files. Further files are read again by the next run. */
const MAX_LATE = 16_384;

/** A digest that came after those of later names. */
interface LateDigest {
  readonly key: Bytes;
  readonly stat: EntryStat;
  readonly at: number;
  readonly digest: Bytes;
}

/** The use of an index. */
export interface IndexUse {
  /** Whether the digests of the last run are used; default true. */
  readonly isRead?: boolean;
  /** Whether they are replaced; default true. */
  readonly isWritten?: boolean;
  /** The file system of the folder, if it has the clock of this machine. Tests replace it. */
  readonly deviceWithOwnClock?: (folder: string) => Device | undefined;
}

/** The index of one folder: that of the last run, which is read, and the one that replaces it, which is written. */
export class DigestIndex implements Disposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #old: IndexReader | undefined;
  /** `undefined` after an error. */
  #new: IndexWriter | undefined;
  readonly #late: LateDigest[] = [];
  /** The file system with the clock of this machine. */
  readonly #local: Device | undefined;

  private constructor(path: string, local: Device | undefined, use: IndexUse) {
    const { isRead = true, isWritten = true } = use;
    this.#path = path;
    this.#local = local;
    this.#temporary = `${path}.${crypto.randomUUID()}.tmp`;
    this.#old = isRead ? unlessError(() => new IndexReader(path)) : undefined;
    if (!isWritten) return;
    this.#new = unlessError(() => new IndexWriter(this.#temporary));
    if (this.#new === undefined) this.#removeTemporary();
  }

  /** Opens the index of a folder. Never throws. `real`: the folder's path without links. */
  static open(identityFolder: string, real: string, use: IndexUse = {}): DigestIndex {
    const path = pathInIndexFolder(identityFolder, real, use.isWritten);
    const local = (use.deviceWithOwnClock ?? deviceWithOwnClock)(real);
    return new DigestIndex(path, local, use);
  }

  /**
   * The digest of a file's content, if it is known. Keys are names in UTF-8, and ascend from call to call. The result is
   * valid until the next call.
   */
  find(key: Bytes, stat: EntryStat): Bytes | undefined {
    return this.#old?.seek(key) === true ? this.#old.digestOf(stat) : undefined;
  }

  /**
   * Keeps the digest of a file for the next run. `at`: when the file was inspected, in milliseconds since 1970. Keys
   * ascend from call to call.
   */
  add(key: Bytes, stat: EntryStat, at: number, digest: Bytes): void {
    const seenAt = this.#seenAt(key, stat, at, this.#old);
    if (seenAt !== undefined) this.#attempt((index) => index.add(key, stat, digest, seenAt));
  }

  /** Keeps the digest that the last call of {@link find} has found. */
  keepFound(): void {
    this.#attempt((index) => index.copy(this.#old as IndexReader));
  }

  /** Keeps the digest of a file that is read after others with later names. */
  addLate(key: Bytes, stat: EntryStat, at: number, digest: Bytes): void {
    if (this.#late.length === MAX_LATE) return;
    if (this.#seenAt(key, stat, at, undefined) === undefined) return;
    this.#late.push({ key: key.slice(), stat, at, digest: digest.slice() });
  }

  /** Replaces the index of the last run. `isWhole`: whether the whole folder was seen; if not, the rest stays as it was. */
  save(isWhole: boolean): void {
    this.#attempt((index) => {
      if (!isWhole) {
        for (; this.#old?.hasEnded === false; this.#old.next()) index.copy(this.#old);
      }
      index.flush();
      index[Symbol.dispose]();
      this.#new = undefined;
      if (this.#late.length > 0) this.#insertLate();
      Deno.renameSync(this.#temporary, this.#path);
      removeOldest(dirname(this.#path));
    });
  }

  [Symbol.dispose](): void {
    this.#old?.[Symbol.dispose]();
    if (this.#new === undefined) return;
    this.#new[Symbol.dispose]();
    this.#new = undefined;
    this.#removeTemporary();
  }

  /**
   * Since when a digest is kept, which was read from a file in the state `stat`; `undefined` if it must not be. `old`: the
   * index of the last run, which stands at no later key.
   */
  #seenAt(
    key: Bytes,
    stat: EntryStat,
    at: number,
    old: IndexReader | undefined,
  ): number | undefined {
    if (Number.isNaN(stat.ctimeSeconds)) return undefined;
    const isLocal = stat.deviceMajor === this.#local?.deviceMajor &&
      stat.deviceMinor === this.#local.deviceMinor;
    if (isLocal) return isOld(stat, at) ? TRUSTED : undefined;
    const before = old?.seek(key) === true ? old.seenAt(stat) : undefined;
    if (before === TRUSTED) return TRUSTED;
    if (before === undefined || before > at) return at;
    return at - before > CLOCK_GRAIN_MS ? TRUSTED : before;
  }

  #insertLate(): void {
    const late = this.#late.toSorted((a, b) => Buffer.compare(a.key, b.key));
    const merged = this.#merged;
    {
      using old = this.#old && unlessError(() => new IndexReader(this.#path));
      using reader = new IndexReader(this.#temporary);
      using writer = new IndexWriter(merged);
      for (const { key, stat, at, digest } of late) {
        let isHere = false;
        for (; !reader.hasEnded; reader.next()) {
          const order = Buffer.compare(reader.key, key);
          if (order > 0) break;
          if (order === 0) isHere = true;
          writer.copy(reader);
        }
        const seenAt = isHere ? undefined : this.#seenAt(key, stat, at, old);
        if (seenAt !== undefined) writer.add(key, stat, digest, seenAt);
      }
      for (; !reader.hasEnded; reader.next()) writer.copy(reader);
      writer.flush();
    }
    Deno.renameSync(merged, this.#temporary);
  }

  /** The temporary file of {@link #insertLate}. */
  get #merged(): string {
    return `${this.#temporary.slice(0, -".tmp".length)}-merged.tmp`;
  }

  #removeTemporary(): void {
    for (const path of [this.#temporary, this.#merged]) unlessError(() => Deno.removeSync(path));
  }

  /** Does something with the new index. After an error, there will be none. */
  #attempt(work: (index: IndexWriter) => void): void {
    const index = this.#new;
    if (index === undefined) return;
    try {
      work(index);
    } catch {
      if (this.#new !== undefined) unlessError(() => index[Symbol.dispose]());
      this.#new = undefined;
      this.#removeTemporary();
    }
  }
}
