/**
 * Remembers the digests of local files from run to run, so that files that have not changed need not be read. A file
 * counts as unchanged while its size, times, inode and file system stay the same. An index is only a memory: without
 * one, or with a damaged one, files are read.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import type { EntryStat } from "./entry_stat.ts";
import { IndexReader, IndexWriter } from "./index_file.ts";

/** The folder with the indexes, beside the identity. */
export const INDEX_FOLDER = "me.index";
/** The most indexes, one for each uploaded folder. The oldest are removed. */
export const MAX_INDEXES = 64;
/**
 * The coarsest clock of a file system, in milliseconds. A file that changed no longer ago than this may change again
 * without a difference that shows.
 */
export const CLOCK_GRAIN_MS = 2000;
/** The most digests that may come out of order, for large files. Further files are read again by the next run. */
const MAX_LATE = 16_384;

/** A digest that came after those of later names. */
interface LateDigest {
  readonly key: Bytes;
  readonly stat: EntryStat;
  readonly digest: Bytes;
}

/** The names of indexes, and of temporary files. */
const OWN = /^[0-9a-f]{32}(\.[0-9a-f-]{36}(-merged)?\.tmp)?$/;

/** The use of an index. */
export interface IndexUse {
  /** Whether the digests of the last run are used; default true. */
  readonly isRead?: boolean;
  /** Whether they are replaced; default true. */
  readonly isWritten?: boolean;
}

/** The index of one folder: that of the last run, which is read, and the one that replaces it, which is written. */
export class DigestIndex implements Disposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #old: IndexReader | undefined;
  /** `undefined` after an error. */
  #new: IndexWriter | undefined;
  readonly #late: LateDigest[] = [];
  /** Whether the last run's index stands at the file that was sought last. */
  #isFound = false;

  private constructor(path: string, { isRead = true, isWritten = true }: IndexUse) {
    this.#path = path;
    this.#temporary = `${path}.${crypto.randomUUID()}.tmp`;
    this.#old = isRead ? unlessError(() => new IndexReader(path)) : undefined;
    this.#new = isWritten ? unlessError(() => new IndexWriter(this.#temporary)) : undefined;
  }

  /** Opens the index of a folder. Never throws. `real`: the folder's path without links. */
  static open(identityFolder: string, real: string, use: IndexUse = {}): DigestIndex {
    const folder = join(identityFolder, INDEX_FOLDER);
    if (use.isWritten !== false) unlessError(() => Deno.mkdirSync(folder, { mode: 0o700 }));
    const name = createHash("sha256").update(real).digest("hex").slice(0, 32);
    return new DigestIndex(join(folder, name), use);
  }

  /**
   * The digest of a file's content, if it is known. Keys are names in UTF-8, and ascend from call to call. The result is
   * valid until the next call.
   */
  find(key: Bytes, stat: EntryStat): Bytes | undefined {
    this.#isFound = this.#old?.seek(key) === true;
    return this.#isFound ? this.#old?.digestOf(stat) : undefined;
  }

  /**
   * Keeps the digest of a file for the next run. `at`: when the file was inspected, in milliseconds since 1970. Keys
   * ascend from call to call.
   */
  add(key: Bytes, stat: EntryStat, at: number, digest: Bytes): void {
    if (isTrusted(stat, at)) this.#attempt((index) => index.add(key, stat, digest));
  }

  /** Keeps the digest of a file that is read after others with later names. */
  addLate(key: Bytes, stat: EntryStat, at: number, digest: Bytes): void {
    if (this.#late.length === MAX_LATE || !isTrusted(stat, at)) return;
    this.#late.push({ key: key.slice(), stat, digest: digest.slice() });
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
      removeOldest(join(this.#path, ".."));
    });
  }

  [Symbol.dispose](): void {
    this.#old?.[Symbol.dispose]();
    if (this.#new === undefined) return;
    this.#new[Symbol.dispose]();
    this.#new = undefined;
    unlessError(() => Deno.removeSync(this.#temporary));
  }

  #insertLate(): void {
    const late = this.#late.toSorted((a, b) => Buffer.compare(a.key, b.key));
    const merged = `${this.#temporary.slice(0, -".tmp".length)}-merged.tmp`;
    {
      using reader = new IndexReader(this.#temporary);
      using writer = new IndexWriter(merged);
      for (const { key, stat, digest } of late) {
        let isHere = false;
        for (; !reader.hasEnded; reader.next()) {
          const order = Buffer.compare(reader.key, key);
          if (order > 0) break;
          if (order === 0) isHere = true;
          writer.copy(reader);
        }
        if (!isHere) writer.add(key, stat, digest);
      }
      for (; !reader.hasEnded; reader.next()) writer.copy(reader);
      writer.flush();
    }
    Deno.renameSync(merged, this.#temporary);
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
      unlessError(() => Deno.removeSync(this.#temporary));
    }
  }
}

/** Whether a file's times would show a change after it was inspected. */
function isTrusted({ mtimeSeconds, ctimeSeconds }: EntryStat, at: number): boolean {
  return at - 1000 * (Math.max(mtimeSeconds, ctimeSeconds) + 1) > CLOCK_GRAIN_MS;
}

/**
 * Removes the indexes that were not used for longest, and temporary files of runs that were killed. Files of others,
 * which a folder of this name can have had before, stay.
 */
function removeOldest(folder: string): void {
  const files = [...Deno.readDirSync(folder)].filter(({ name }) => OWN.test(name)).map(
    ({ name }) => {
      const path = join(folder, name);
      return { path, at: unlessError(() => Deno.lstatSync(path).mtime?.getTime()) ?? 0 };
    },
  );
  const left = files.toSorted((a, b) => b.at - a.at).slice(MAX_INDEXES);
  for (const { path } of left) unlessError(() => Deno.removeSync(path));
}

function unlessError<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
