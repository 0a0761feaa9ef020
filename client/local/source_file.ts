/**
 * A file to upload. It is read as a stream in each attempt, and checked for changes.
 *
 * @module
 */
import { basename } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { fileChanged, StorageError, UsageError } from "../../protocol/errors.ts";
import { joinNanoseconds } from "../../protocol/nanoseconds.ts";
import { modeOf, readTime } from "./file_metadata.ts";
import { cannotRead } from "./read_small_file.ts";
import type { InspectedFile, OpenEntry, SourceEntry } from "./source_entry.ts";

/**
 * With at most this many bytes, a file is read at once in this thread, as it is inspected and opened. A trip to another
 * thread takes longer.
 */
const SMALL = 64 * 1024;

/** A file to upload, as it was when it was inspected. */
export class SourceFile implements SourceEntry {
  readonly kind = "file";
  /** As named by the user. */
  readonly path: string;
  /** The name under which it is stored: the last component of the path. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Permission bits; `undefined` if the system has none. */
  readonly mode: number | undefined;
  /** The modification time, in nanoseconds since the epoch; 0 if the system does not report it. */
  readonly mtime: bigint;
  readonly inspected: InspectedFile;
  readonly #identity: string;

  /** `real`: the path without a link at its end. */
  private constructor(path: string, info: Deno.FileInfo, real = path) {
    this.path = path;
    this.name = basename(path);
    this.size = info.size;
    this.mode = modeOf(info);
    this.mtime = timeOf(real, info);
    this.inspected = { real, info, at: Date.now() };
    this.#identity = identityOf(info);
  }

  /**
   * Inspects a file before anything is sent. Throws `UsageError` `empty-path`; `StorageError` `cannot-read`,
   * `not-a-file`.
   */
  static async inspect(path: string): Promise<SourceFile> {
    const info = await statFile(path);
    return new SourceFile(path, info, await attempt(path, () => Deno.realPathSync(path)));
  }

  /**
   * A file that was already inspected. Whether it can be read shows when it is opened. `real`: the path without a link
   * at its end.
   */
  static found(path: string, info: Deno.FileInfo, real = path): SourceFile {
    return new SourceFile(path, info, real);
  }

  /** Throws `StorageError` `cannot-read`. */
  async open(): Promise<OpenSource> {
    return new OpenSource(this, await attempt(this.path, () => Deno.openSync(this.path)));
  }

  /**
   * Yields the content in pieces of the buffers' size, as {@link OpenSource.read} does. Throws `StorageError`
   * `cannot-read`.
   */
  async *read(buffers: readonly [Bytes, Bytes, ...Bytes[]]): AsyncGenerator<Bytes, void, void> {
    using file = await this.open();
    yield* file.read(buffers);
  }

  /** Whether the file at the path differs from the inspected one: see {@link OpenSource.hasChanged}. */
  async hasChanged(): Promise<boolean> {
    if (!this.matches(await attempt(this.path, () => Deno.statSync(this.path)))) return true;
    using file = await this.open();
    return await file.hasChanged();
  }

  /** Whether `info` is that of the inspected file, by size, times and inode. */
  matches(info: Deno.FileInfo): boolean {
    return identityOf(info) === this.#identity;
  }

  /** Whether both were the same file with the same content when they were inspected, by size, times and inode. */
  isSameAs(other: SourceEntry): boolean {
    return other instanceof SourceFile && this.#identity === other.#identity;
  }

  reinspect(): Promise<SourceFile> {
    return SourceFile.inspect(this.path);
  }
}

/** A file that is open for one reader at a time. */
class OpenSource implements OpenEntry {
  readonly #source: SourceFile;
  readonly #file: Deno.FsFile;

  constructor(source: SourceFile, file: Deno.FsFile) {
    this.#source = source;
    this.#file = file;
  }

  /**
   * Yields the content between two offsets, in pieces of the buffers' size. While the caller uses a piece, the next one
   * is read into another buffer, so a piece is valid as long as one buffer fewer than there are holds pieces: with two,
   * only until the next piece is requested. Throws `StorageError` `cannot-read`, and `IntegrityError` `file-changed` if
   * the file has become shorter, because the message that was begun cannot be completed.
   */
  async *read(
    buffers: readonly [Bytes, Bytes, ...Bytes[]],
    from = 0,
    to: number = this.#source.size,
  ): AsyncGenerator<Bytes, void, void> {
    await this.#seek(from);
    let left = to - from;
    const begin = (buffer: Bytes): Promise<Bytes> => {
      const piece = buffer.subarray(0, Math.min(buffer.length, left));
      left -= piece.length;
      const filling = this.#fill(piece);
      // The promise is awaited later. Until then, a rejection must not count as unhandled.
      filling.catch(() => undefined);
      return filling;
    };
    let reading = begin(buffers[0]);
    try {
      for (let next = 1;; next = (next + 1) % buffers.length) {
        const piece = await reading;
        if (piece.length === 0) return;
        reading = begin(buffers[next] as Bytes);
        yield piece;
      }
    } finally {
      await reading.catch(() => undefined);
    }
  }

  /** Reads at an offset, as many bytes as the buffer can hold. Throws as `read` does. */
  async readAt(offset: number, buffer: Bytes): Promise<Bytes> {
    await this.#seek(offset);
    return await this.#fill(buffer.subarray(0, this.#source.size - offset));
  }

  /** Reads all of a small file, after one unused byte in the buffer (`digestChunkBeside`). Throws as `read` does. */
  async readWhole(): Promise<Bytes> {
    return await this.#fill(new Uint8Array(1 + this.#source.size).subarray(1));
  }

  /**
   * Whether the file differs from the inspected one, by size, times and inode; or has more bytes than its size says, as
   * files do whose size the system does not know. In that case only a part was read.
   */
  async hasChanged(): Promise<boolean> {
    const { path, size } = this.#source;
    if (!this.#source.matches(this.#file.statSync())) return true;
    this.#file.seekSync(size, Deno.SeekMode.Start);
    return await attempt(path, () => this.#file.readSync(new Uint8Array(1))) !== null;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  async #seek(offset: number): Promise<void> {
    await attempt(this.#source.path, () => this.#file.seekSync(offset, Deno.SeekMode.Start));
  }

  async #fill(piece: Bytes): Promise<Bytes> {
    const isSmall = piece.length <= SMALL;
    for (let filled = 0; filled < piece.length;) {
      const rest = piece.subarray(filled);
      const read = () => isSmall ? this.#file.readSync(rest) : this.#file.read(rest);
      const size = await attempt(this.#source.path, read);
      if (size === null) throw fileChanged(printable(this.#source.path));
      filled += size;
    }
    return piece;
  }
}

/** The time of a file that was just inspected. If the file no longer exists, opening it reports that. */
function timeOf(path: string, { mtime }: Deno.FileInfo): bigint {
  try {
    return readTime(path);
  } catch {
    return joinNanoseconds(mtime?.getTime() ?? 0);
  }
}

/** The identity of a file's content, which differs after any write. */
function identityOf({ size, mtime, ctime, ino, dev }: Deno.FileInfo): string {
  return [size, mtime?.getTime(), ctime?.getTime(), ino, dev].join(" ");
}

async function statFile(path: string): Promise<Deno.FileInfo> {
  if (path === "") {
    throw new UsageError("empty-path", "the path of a file to upload is empty", {
      hint: "Name a file, or in a script check that the variable with its name is set.",
    });
  }
  const info = await attempt(path, () => statReadable(path));
  if (info.isFile) return info;
  const [what, hint] = info.isDirectory
    ? [
      "a folder, not a regular file",
      "Pack it into one file, for example with tar, or use protocol 4, which uploads folders.",
    ]
    : ["not a regular file", "Write its content to a regular file, and upload that."];
  throw new StorageError("not-a-file", `cannot upload ${printable(path)}: it is ${what}`, { hint });
}

/** Inspects a file, and checks that a regular file can be opened. */
function statReadable(path: string): Deno.FileInfo {
  const info = Deno.statSync(path);
  if (info.isFile) Deno.openSync(path, { read: true }).close();
  return info;
}

async function attempt<T>(path: string, operation: () => T | Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    throw cannotRead(path, cause, "Check the path and its permissions.");
  }
}
