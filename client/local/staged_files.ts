/**
 * Small files that a download writes. Each is complete and durable under a temporary name beside its target before it
 * gets its own, so that a crash at any moment leaves each file whole or absent. Many share one sync.
 *
 * @module
 */
import { dirname, join } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import { XferError } from "../../protocol/errors.ts";
import { moveToFree, overwritable, replace } from "./atomic_file.ts";
import type { FileSync } from "./file_sync.ts";
import { cannotWrite, exists } from "./partial_file.ts";
import type { CreateFile } from "./new_file.ts";
import { type Attributes, NEW_MODE, type TargetAttributes } from "./target_attributes.ts";

/** The most files that wait for one sync. A killed program leaves as many temporary files. */
export const MAX_STAGED_FILES = 8192;
/** The most bytes that wait for one sync. */
export const MAX_STAGED_BYTES: number = 128 * 1024 * 1024;
/** The longest time that a file waits for others to share its sync, in milliseconds, while further files arrive. */
const MAX_WAIT_MS = 3000;

/** A file to write. */
export interface FileToWrite {
  /** Its final path. */
  readonly target: string;
  /** Its verified content. */
  readonly content: Bytes;
  /** As the server has them. */
  readonly file: Attributes;
}

/** A file that waits for its sync. */
export type WaitingFile = Pick<FileToWrite, "target">;

/** The options that all files of a run share. */
export interface StagedFilesOptions<F extends FileToWrite, W extends WaitingFile> {
  readonly sync: Pick<FileSync, "files">;
  /** Whether files may replace others, and links. */
  readonly force: boolean;
  /** Throws if a folder must not be used any longer. Called before it is used. */
  readonly guard: (folder: string) => void;
  readonly attributes: Pick<TargetAttributes, "ofNew" | "applyToNew">;
  /** Creates a file with few calls. If that fails, the file is created through Deno. */
  readonly create: CreateFile | undefined;
  /** Returns what to keep of a file that is written. Many wait for a sync, so it should be small. */
  readonly keep: (file: F) => W;
  /** Called when a file is durable and has its final name, or with the reason why not. */
  readonly onEnd: (file: W, error?: XferError) => void;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

/** A file under its temporary name. */
interface StagedFile<W> {
  readonly file: W;
  readonly path: string;
}

export class StagedFiles<F extends FileToWrite, W extends WaitingFile> {
  readonly #options: StagedFilesOptions<F, W>;
  readonly #now: () => number;
  /** Names of temporary files that no other run has, but for the number at their end. */
  readonly #prefix = `.xfer-${crypto.randomUUID().slice(0, 24)}`;
  #count = 0;
  #waiting: StagedFile<W>[] = [];
  #bytes = 0;
  /** When the first of the waiting files was written. */
  #since = 0;
  /** Resolves when the files before have ended. */
  #publishing: Promise<void> = Promise.resolve();
  #isPublishing = false;

  constructor(options: StagedFilesOptions<F, W>) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Writes files under temporary names. Those that fail end at once. */
  add(files: readonly F[]): void {
    const guard = this.#guardOnce();
    for (const file of files) {
      const { target, content } = file;
      const folder = dirname(target);
      const path = join(folder, this.#nextName());
      try {
        guard(folder);
        this.#write(path, content, file.file);
      } catch (cause) {
        this.#options.onEnd(this.#options.keep(file), discard(path, target, cause));
        continue;
      }
      if (this.#waiting.length === 0) this.#since = this.#now();
      this.#waiting.push({ file: this.#options.keep(file), path });
      this.#bytes += content.length;
    }
  }

  #write(path: string, content: Bytes, known: Attributes): void {
    const { attributes, create } = this.#options;
    const wanted = attributes.ofNew(known);
    if (create?.(path, content, wanted) === true) return;
    write(path, content);
    attributes.applyToNew(path, wanted);
  }

  /**
   * Gives the waiting files their names if they are many, or have waited long. Resolves when there is room for more:
   * while files are synced, the next ones can be written. Throws what `onEnd` throws.
   */
  async publishIfDue(): Promise<void> {
    const isFull = this.#waiting.length >= MAX_STAGED_FILES || this.#bytes >= MAX_STAGED_BYTES;
    const isLate = this.#waiting.length > 0 && this.#now() - this.#since >= MAX_WAIT_MS;
    if (!isFull && (!isLate || this.#isPublishing)) return;
    await this.#publishing;
    this.#publish();
  }

  /** Gives all files their names. Throws what `onEnd` throws. */
  async publish(): Promise<void> {
    await this.#publish();
  }

  /** Publishes the waiting files after those before. */
  #publish(): Promise<void> {
    const files = this.#waiting;
    const before = this.#publishing;
    this.#waiting = [];
    this.#bytes = 0;
    this.#isPublishing = true;
    const publishing = before.then(() => this.#end(files)).finally(() => {
      if (this.#publishing === publishing) this.#isPublishing = false;
    });
    this.#publishing = publishing;
    // Each caller gets the error from its own await.
    this.#publishing.catch(() => undefined);
    return this.#publishing;
  }

  async #end(files: readonly StagedFile<W>[]): Promise<void> {
    if (files.length === 0) return;
    const { sync, onEnd } = this.#options;
    const failures = await sync.files(files.map(({ path }) => path));
    const guard = this.#guardOnce();
    const errors = files.map(({ path, file: { target } }) =>
      failures.has(path)
        ? discard(path, target, failures.get(path))
        : this.#place(path, target, guard)
    );
    for (const [i, { file }] of files.entries()) onEnd(file, errors[i]);
  }

  /** Moves a file to its target. Returns the error if that fails. */
  #place(path: string, target: string, guard: (folder: string) => void): XferError | undefined {
    try {
      guard(dirname(target));
      if (this.#options.force) replace(path, target, overwritable);
      else if (!moveToFree(path, target)) throw exists(target);
      return undefined;
    } catch (cause) {
      return discard(path, target, cause);
    }
  }

  /** Checks each folder once. Nothing else of this process runs between two calls. */
  #guardOnce(): (folder: string) => void {
    let last: string | undefined;
    return (folder) => {
      if (folder !== last) this.#options.guard(folder);
      last = folder;
    };
  }

  #nextName(): string {
    return `${this.#prefix}${(++this.#count).toString(16).padStart(12, "0")}.tmp`;
  }
}

function discard(path: string, target: string, cause: unknown): XferError {
  try {
    Deno.removeSync(path);
  } catch {
    // It was never there, or stays.
  }
  return cause instanceof XferError ? cause : cannotWrite(target, cause);
}

function write(path: string, content: Bytes): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode: NEW_MODE });
  for (let done = 0; done < content.length;) done += file.writeSync(content.subarray(done));
}
