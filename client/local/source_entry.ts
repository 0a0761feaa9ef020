/**
 * What is uploaded: files, folders and symbolic links. The content of a folder is empty, that of a link its target.
 *
 * @module
 */
import { basename } from "node:path";
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { type EntryKind, linkTarget } from "../../protocol/entry.ts";
import { StorageError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { modeOf, readTime } from "./file_metadata.ts";
import { cannotRead } from "./read_small_file.ts";

/** An entry, as it was when it was inspected. */
export interface SourceEntry {
  readonly kind: EntryKind;
  /** As named by the user, or found in a folder that the user named. */
  readonly path: string;
  /** The last component of the path. */
  readonly name: string;
  /** Of the content, in bytes. */
  readonly size: number;
  /** Permission bits; `undefined` if the system has none. */
  readonly mode: number | undefined;
  /** The modification time, in nanoseconds since the epoch. */
  readonly mtime: bigint;
  /** Throws `StorageError` `cannot-read`. */
  readonly open: () => Promise<OpenEntry>;
  /** Inspects the path again. Throws `StorageError` `cannot-read`, `not-a-file`. */
  readonly reinspect: () => Promise<SourceEntry>;
  /** Whether both were the same entry with the same content when they were inspected. */
  readonly isSameAs: (other: SourceEntry) => boolean;
}

/** The content of an entry, for one reader at a time. */
export interface OpenEntry extends Disposable {
  /** Yields the content between two offsets, in pieces of the buffers' size. */
  read(
    buffers: readonly [Bytes, Bytes, ...Bytes[]],
    from?: number,
    to?: number,
  ): AsyncGenerator<Bytes, void, void>;
  /** Reads at an offset, as many bytes as the buffer can hold. */
  readAt(offset: number, buffer: Bytes): Promise<Bytes>;
  /** Reads all of a small content. */
  readWhole(): Promise<Bytes>;
  /** Whether the entry differs from the inspected one. */
  hasChanged(): Promise<boolean>;
}

/** A folder or a symbolic link, whose content is in memory. */
export class SmallEntry implements SourceEntry {
  readonly kind: "folder" | "link";
  readonly path: string;
  readonly name: string;
  readonly mode: number | undefined;
  readonly mtime: bigint;
  readonly #real: string;
  readonly #content: Bytes;

  private constructor(path: string, real: string, info: Deno.FileInfo, content: Bytes) {
    this.kind = info.isDirectory ? "folder" : "link";
    this.path = path;
    this.name = basename(path);
    // That of a link means nothing, and differs between systems.
    this.mode = this.kind === "link" ? undefined : modeOf(info);
    this.mtime = readTime(real);
    this.#real = real;
    this.#content = content;
  }

  /**
   * Inspects a folder or a link, which is not followed. `real`: the path without links, for a folder to which one leads.
   * Throws `StorageError` `cannot-read`, `bad-entry`; `not-a-file` if something else is at the path.
   */
  static async inspect(path: string, real = path): Promise<SmallEntry> {
    try {
      const info = await Deno.lstat(real);
      if (info.isDirectory) return new SmallEntry(path, real, info, new Uint8Array());
      if (info.isSymlink) {
        return new SmallEntry(path, real, info, linkContent(path, await Deno.readLink(path)));
      }
    } catch (cause) {
      throw cannotRead(path, cause, "Check the path and its permissions.");
    }
    throw new StorageError("not-a-file", `cannot upload ${printable(path)}: it has just changed`, {
      hint: "Upload it again when no program changes it.",
    });
  }

  get size(): number {
    return this.#content.length;
  }

  open(): Promise<OpenEntry> {
    return Promise.resolve(new OpenSmallEntry(this.#content, () => this.#hasChanged()));
  }

  reinspect(): Promise<SmallEntry> {
    return SmallEntry.inspect(this.path, this.#real);
  }

  isSameAs(other: SourceEntry): boolean {
    return other instanceof SmallEntry && other.kind === this.kind && other.mode === this.mode &&
      other.mtime === this.mtime && equalBytes(other.#content, this.#content);
  }

  /** Files that come and go in a folder don't change its content here. */
  async #hasChanged(): Promise<boolean> {
    const now = await this.reinspect();
    return now.kind !== this.kind || !equalBytes(now.#content, this.#content);
  }
}

class OpenSmallEntry implements OpenEntry {
  readonly #content: Bytes;
  readonly hasChanged: () => Promise<boolean>;

  constructor(content: Bytes, hasChanged: () => Promise<boolean>) {
    this.#content = content;
    this.hasChanged = hasChanged;
  }

  async *read(
    [{ length }]: readonly [Bytes, Bytes, ...Bytes[]],
    from = 0,
    to: number = this.#content.length,
  ): AsyncGenerator<Bytes, void, void> {
    for (let at = from; at < to; at += length) {
      yield await Promise.resolve(this.#content.slice(at, Math.min(to, at + length)));
    }
  }

  readAt(offset: number, { length }: Bytes): Promise<Bytes> {
    return Promise.resolve(this.#content.slice(offset, offset + length));
  }

  readWhole(): Promise<Bytes> {
    return Promise.resolve(this.#content.slice());
  }

  [Symbol.dispose](): void {
    // Nothing is open.
  }
}

/** Stands for bytes that are not UTF-8 in texts from Deno. No file is found at a path with this character. */
export const UNDECODABLE = "\ufffd";

/** The content of a link that leads to a path. Throws `StorageError` `bad-entry`. */
export function linkContent(path: string, target: string): Bytes {
  const content = new TextEncoder().encode(target);
  if (!target.includes(UNDECODABLE) && linkTarget(content) === target) return content;
  throw new StorageError(
    "bad-entry",
    `cannot upload ${printable(path)}: the path that it leads to is empty, too long or not UTF-8`,
    { hint: "Make a link to another path, or skip it with --exclude PATTERN." },
  );
}
