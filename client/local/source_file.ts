/**
 * The file that is sent: read as a stream each time, and watched for changes.
 *
 * @module
 */
import { basename } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { fileChanged, StorageError, UsageError } from "../../protocol/errors.ts";
import { cannotRead } from "./read_small_file.ts";

/** A file to send, as it was when it was inspected. */
export class SourceFile {
  /** As given by the user. */
  readonly path: string;
  /** The name under which it is stored: the last component of the path. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** When it was changed last, in milliseconds since the epoch; 0 where the system does not tell. */
  readonly mtime: number;
  readonly #identity: string;

  private constructor(path: string, info: Deno.FileInfo) {
    this.path = path;
    this.name = basename(path);
    this.size = info.size;
    this.mtime = info.mtime?.getTime() ?? 0;
    this.#identity = identityOf(info);
  }

  /**
   * Looks at a file before anything is sent. Throws `UsageError` `empty-path`; `StorageError` `cannot-read`,
   * `not-a-file`.
   */
  static async inspect(path: string): Promise<SourceFile> {
    return new SourceFile(path, await statFile(path));
  }

  /**
   * A file that was found in a folder, by what is known of it already; whether it can be read is seen when it is opened.
   */
  static found(path: string, info: Deno.FileInfo): SourceFile {
    return new SourceFile(path, info);
  }

  /** Throws `StorageError` `cannot-read`. */
  async open(): Promise<OpenSource> {
    return new OpenSource(this, await attempt(this.path, () => Deno.open(this.path)));
  }

  /** The content in pieces of the buffers' size, as {@link OpenSource.read} gives it. Throws `StorageError` `cannot-read`. */
  async *read(buffers: readonly [Bytes, Bytes]): AsyncGenerator<Bytes, void, void> {
    using file = await this.open();
    yield* file.read(buffers);
  }

  /** Whether it is another file now than the one that was inspected: see {@link OpenSource.hasChanged}. */
  async hasChanged(): Promise<boolean> {
    if (!this.isWhat(await attempt(this.path, () => Deno.stat(this.path)))) return true;
    using file = await this.open();
    return await file.hasChanged();
  }

  /** Whether this is what was inspected, as far as size, times and number tell. */
  isWhat(info: Deno.FileInfo): boolean {
    return identityOf(info) === this.#identity;
  }

  /** Whether what was inspected is what the other was, as far as size, times and number tell. */
  isSameAs(other: SourceFile): boolean {
    return this.#identity === other.#identity;
  }
}

/** A file that is open to be read, by one reader at a time. */
export class OpenSource implements Disposable {
  readonly #source: SourceFile;
  readonly #file: Deno.FsFile;

  constructor(source: SourceFile, file: Deno.FsFile) {
    this.#source = source;
    this.#file = file;
  }

  /**
   * The content from an offset up to another, in pieces of the buffers' size. While one is used, the next is read into
   * the other buffer, so a piece may be overwritten when the next is asked for. Throws `StorageError` `cannot-read`, and
   * `IntegrityError` `file-changed` where fewer bytes are left than the file had, since the message that was begun can't
   * be ended then.
   */
  async *read(
    buffers: readonly [Bytes, Bytes],
    from = 0,
    to: number = this.#source.size,
  ): AsyncGenerator<Bytes, void, void> {
    await this.#seek(from);
    const [here, other] = buffers;
    let left = to - from;
    const begin = (buffer: Bytes): Promise<Bytes> => {
      const piece = buffer.subarray(0, Math.min(buffer.length, left));
      left -= piece.length;
      const filling = this.#fill(piece);
      // It is awaited when it is asked for; until then its failure is not to count as unhandled.
      filling.catch(() => undefined);
      return filling;
    };
    let reading = begin(here);
    try {
      for (let [next, last] = [other, here];; [next, last] = [last, next]) {
        const piece = await reading;
        if (piece.length === 0) return;
        reading = begin(next);
        yield piece;
      }
    } finally {
      await reading.catch(() => undefined);
    }
  }

  /** The bytes at an offset, as many as the buffer has room for. Throws as `read` does. */
  async readAt(offset: number, buffer: Bytes): Promise<Bytes> {
    await this.#seek(offset);
    return await this.#fill(buffer.subarray(0, this.#source.size - offset));
  }

  /** All of it, where it is small. Throws as `read` does. */
  async readWhole(): Promise<Bytes> {
    return await this.#fill(new Uint8Array(this.#source.size));
  }

  /**
   * Whether what is open is another file than the one that was inspected, as far as its size, times and number tell; or
   * holds more bytes than its size says, as files do whose size the system does not know: what was read is a part then.
   */
  async hasChanged(): Promise<boolean> {
    const { path, size } = this.#source;
    if (!this.#source.isWhat(this.#file.statSync())) return true;
    this.#file.seekSync(size, Deno.SeekMode.Start);
    return await attempt(path, () => this.#file.read(new Uint8Array(1))) !== null;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  async #seek(offset: number): Promise<void> {
    await attempt(this.#source.path, () => this.#file.seek(offset, Deno.SeekMode.Start));
  }

  async #fill(piece: Bytes): Promise<Bytes> {
    for (let filled = 0; filled < piece.length;) {
      const read = () => this.#file.read(piece.subarray(filled));
      const size = await attempt(this.#source.path, read);
      if (size === null) throw fileChanged(printable(this.#source.path));
      filled += size;
    }
    return piece;
  }
}

/** The identity of a file's content: another after any write. */
function identityOf({ size, mtime, ctime, ino, dev }: Deno.FileInfo): string {
  return [size, mtime?.getTime(), ctime?.getTime(), ino, dev].join(" ");
}

async function statFile(path: string): Promise<Deno.FileInfo> {
  if (path === "") {
    throw new UsageError("empty-path", "The path of a file to send is empty", {
      hint: "Name a file. In a script: the variable may not be set that was to name it.",
    });
  }
  const info = await attempt(path, () => statReadable(path));
  if (info.isFile) return info;
  const [what, hint] = info.isDirectory
    ? [
      "a folder, not a regular file",
      "Pack it into one file first, with tar for example; protocol 4 takes folders.",
    ]
    : ["not a regular file", "Write what it gives into a file, and send that."];
  throw new StorageError("not-a-file", `Cannot send ${printable(path)}: it is ${what}`, { hint });
}

/** Looks at a file, and sees that it can be opened where it can be sent at all. */
async function statReadable(path: string): Promise<Deno.FileInfo> {
  const info = await Deno.stat(path);
  if (info.isFile) (await Deno.open(path, { read: true })).close();
  return info;
}

async function attempt<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    throw cannotRead(path, cause, "Check the path and its permissions.");
  }
}
