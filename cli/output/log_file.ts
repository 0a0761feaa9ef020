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
/** The time after a failure until the file is opened again, in milliseconds. */
const RETRY_MS = 10_000;

export class LogFile {
  readonly #path: string;
  readonly #options: Options;
  readonly #onFailure: (message: string) => void;
  #stream: RotatingFileStream;
  /** When the file has failed, in `performance.now()`. */
  #failedAt: number | undefined;
  #lost = 0;

  private constructor(
    path: string,
    { size, every, keep }: RotationOptions,
    onFailure: (message: string) => void,
  ) {
    this.#path = path;
    const interval = INTERVALS[every];
    this.#options = {
      ...{ rotate: keep, mode: MODE },
      ...(size === Infinity ? {} : { size: `${size}B` }),
      ...(interval === undefined ? {} : { interval }),
    };
    this.#onFailure = onFailure;
    this.#stream = this.#open();
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
      (await Deno.open(path, { append: true, create: true, mode: MODE })).close();
    } catch (cause) {
      throw new StorageError(
        "log-unusable",
        `cannot write the log ${printable(path)}: ${printable(reasonOf(cause))}`,
        { hint: "Check that the folder exists and that the server may write there.", cause },
      );
    }
    return new LogFile(path, rotation, onFailure);
  }

  /** Appends a line, without waiting for the disk. */
  write(line: string): void {
    if (this.#failedAt !== undefined && performance.now() - this.#failedAt > RETRY_MS) {
      this.reopen();
    }
    if (this.#failedAt !== undefined || this.#stream.writableLength > MAX_WAITING) this.#lost++;
    else {
      this.#stream.write(`${line}\n`, (error) => {
        if (error) this.#lost++;
      });
    }
  }

  /** Opens the file again, which another program may have renamed. */
  reopen(): void {
    this.#stream.end();
    this.#failedAt = undefined;
    if (this.#lost > 0) this.#onFailure(`${this.#lost} lines of ${this.#name} were lost`);
    this.#lost = 0;
    this.#stream = this.#open();
  }

  /** Resolves when all lines are written, or cannot be. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#failedAt !== undefined) return;
    this.#stream.on("error", () => resolve());
    this.#stream.end(resolve);
    await promise;
  }

  get #name(): string {
    return printable(this.#path);
  }

  #open(): RotatingFileStream {
    const stream = createStream(this.#path, this.#options);
    stream.on("error", (error: unknown) => this.#fail(stream, error));
    stream.on("warning", (error: unknown) => this.#report(error));
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
