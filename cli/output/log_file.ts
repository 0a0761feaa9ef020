/**
 * A file of log lines that is rotated by size and by time. The old ones are called `NAME.1`, `NAME.2` and so on.
 *
 * @module
 */
import { createStream, type Options, type RotatingFileStream } from "rotating-file-stream";
import { reasonOf, StorageError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { Rotation, RotationOptions } from "./log_rotation.ts";

const INTERVALS: Readonly<Record<Rotation, string | undefined>> = {
  none: undefined,
  hourly: "1h",
  daily: "1d",
};

/** The log has names of users and files. */
const MODE = 0o600;
/** The most bytes of lines that wait for the disk. Beyond that, lines are lost: a full disk must not take all memory. */
const MAX_WAITING = 16 * 1024 * 1024;
const NEWLINE = 10;
/** The time after a failure until the file is opened again, in milliseconds. */
const RETRY_MS = 10_000;

export class LogFile {
  readonly #path: string;
  readonly #options: Options;
  readonly #onFailure: (message: string) => void;
  #stream: RotatingFileStream;
  /** Lines that wait until the file is open again, and their length; `undefined` while it is open. */
  #waiting: { readonly lines: string[]; length: number } | undefined;
  #reopened: Promise<void> = Promise.resolve();
  /** When the file has failed, in `performance.now()`. */
  #failedAt: number | undefined;
  #lost = 0;
  #isClosed = false;

  private constructor(
    path: string,
    { size, every, keep }: RotationOptions,
    onFailure: (message: string) => void,
    end: string,
  ) {
    this.#path = path;
    const interval = INTERVALS[every];
    this.#options = {
      ...{ rotate: keep, mode: MODE },
      ...(size === Infinity ? {} : { size: `${size}B` }),
      ...(interval === undefined ? {} : { interval }),
    };
    this.#onFailure = onFailure;
    this.#stream = this.#open(end);
  }

  /**
   * Opens a file to append to. `onFailure` gets a message when lines cannot be written later. Throws `StorageError`
   * `log-unusable`.
   */
  static async open(
    path: string,
    rotation: RotationOptions,
    onFailure: (message: string) => void,
  ): Promise<LogFile> {
    try {
      // Opening a pipe would wait for its reader.
      if (!(await isFileOrNothing(path))) throw new Error("it is not a file");
      (await Deno.open(path, { append: true, create: true, mode: MODE })).close();
    } catch (cause) {
      throw new StorageError(
        "log-unusable",
        `cannot write the log ${printable(path)}: ${printable(reasonOf(cause))}`,
        { hint: "Check that the folder exists and that the server may write there.", cause },
      );
    }
    return new LogFile(path, rotation, onFailure, await endOf(path));
  }

  /** Appends a line, without waiting for the disk. */
  write(line: string): void {
    if (this.#isClosed) return;
    if (this.#failedAt !== undefined && performance.now() - this.#failedAt > RETRY_MS) {
      this.reopen();
    }
    const length = this.#stream.writableLength + (this.#waiting?.length ?? 0);
    if (this.#failedAt !== undefined || length > MAX_WAITING) this.#lost++;
    else if (this.#waiting !== undefined) {
      this.#waiting.lines.push(line);
      this.#waiting.length += line.length;
    } else {
      this.#stream.write(`${line}\n`, (error) => {
        if (error) this.#lost++;
      });
    }
  }

  /**
   * Opens the file again, which another program may have renamed. First, what was written before is finished, since two
   * streams that rotate at a time would overwrite files of each other.
   */
  reopen(): void {
    if (this.#isClosed) return;
    this.#failedAt = undefined;
    if (this.#lost > 0) this.#onFailure(`${this.#lost} lines of ${this.#name} were lost`);
    this.#lost = 0;
    if (this.#waiting !== undefined) return;
    const { lines } = this.#waiting = { lines: [], length: 0 };
    this.#reopened = closed(this.#stream)
      .then(() => endOf(this.#path))
      .then((end) => {
        this.#waiting = undefined;
        this.#failedAt = undefined;
        this.#stream = this.#open(end);
        for (const line of lines) this.write(line);
      });
  }

  /**
   * Resolves when all lines are written, or cannot be. Later ones are dropped: a reload that began before the server stopped
   * may still end.
   */
  async close(): Promise<void> {
    await this.#reopened;
    this.#isClosed = true;
    await closed(this.#stream);
  }

  get #name(): string {
    return printable(this.#path);
  }

  /** `end`: the end of the last line, if it has none. */
  #open(end: string): RotatingFileStream {
    const stream = createStream(this.#path, this.#options);
    stream.on("error", (error: unknown) => this.#fail(stream, error));
    stream.on("warning", (error: unknown) => this.#report(error));
    if (end !== "") stream.write(end);
    return stream;
  }

  #fail(stream: RotatingFileStream, error: unknown): void {
    if (stream !== this.#stream || this.#failedAt !== undefined) return;
    this.#failedAt = performance.now();
    this.#report(error);
  }

  #report(error: unknown): void {
    this.#onFailure(`Cannot write ${this.#name}: ${printable(reasonOf(error))}`);
  }
}

/** Ends a stream. Resolves when all of it is written, or cannot be. */
async function closed(stream: RotatingFileStream): Promise<void> {
  if (stream.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.on("close", resolve);
  stream.end();
  await promise;
}

/** The end of the last line of a file, if a full disk or a power cut has left it without one. */
async function endOf(path: string): Promise<string> {
  try {
    if (!(await Deno.stat(path)).isFile) return "";
    using file = await Deno.open(path);
    await file.seek(-1, Deno.SeekMode.End);
    const last = new Uint8Array(1);
    return await file.read(last) === 1 && last[0] !== NEWLINE ? "\n" : "";
  } catch {
    // It is empty, or cannot be read. If it cannot be written either, the next line shows it.
    return "";
  }
}

async function isFileOrNothing(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}
