/**
 * Small files that a download writes. Each is complete and durable under a temporary name beside its target before it
 * gets its own, so that a crash at any moment leaves each file whole or absent. Many share one sync.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import { XferError } from "../../protocol/errors.ts";
import { moveToFree, overwritable, replace } from "./atomic_file.ts";
import type { FileSync } from "./file_sync.ts";
import { cannotWrite, exists } from "./partial_file.ts";
import type { FileThread } from "./file_thread.ts";
import { type CreateFile, NEW_MODE } from "./new_file.ts";
import type { Attributes, TargetAttributes } from "./target_attributes.ts";
import { TemporaryNames } from "./temporary_files.ts";

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
  /** Creates and renames files once it is ready. Files that fail there are tried again here, to find the reason. */
  readonly thread?: Pick<FileThread, "isReady" | "create" | "rename" | "room"> | undefined;
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
  /** Whether it could not be written, and has ended. */
  hasEnded: boolean;
}

export class StagedFiles<F extends FileToWrite, W extends WaitingFile> {
  readonly #options: StagedFilesOptions<F, W>;
  readonly #now: () => number;
  readonly #names = new TemporaryNames();
  #waiting: StagedFile<W>[] = [];
  #bytes = 0;
  /** Resolves when the other thread has created all files. */
  #creating: Promise<void> = Promise.resolve();
  /** When the first of the waiting files was written. */
  #since = 0;
  /** Resolves when the files before have ended. */
  #publishing: Promise<void> = Promise.resolve();
  #isPublishing = false;

  constructor(options: StagedFilesOptions<F, W>) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Writes files under temporary names. Those that fail end. Their contents are no longer used afterwards. */
  add(files: readonly F[]): void {
    const { keep, thread } = this.#options;
    const staged = files.map((file): StagedFile<W> => {
      const path = this.#pathBeside(file.target);
      return { file: keep(file), path, hasEnded: false };
    });
    if (staged.length === 0) return;
    if (this.#waiting.length === 0) this.#since = this.#now();
    this.#waiting.push(...staged);
    this.#bytes += files.reduce((sum, { content: { length } }) => sum + length, 0);
    if (thread?.isReady === true) this.#createBeside(files, staged, thread);
    else this.#createHere(files, staged);
  }

  /** Creates files in the other thread. */
  #createBeside(
    files: readonly F[],
    staged: readonly StagedFile<W>[],
    thread: Pick<FileThread, "create">,
  ): void {
    const before = this.#creating;
    const created = thread.create(
      files.map(({ content, file }, i) => {
        const { path } = staged[i] as StagedFile<W>;
        return { path, content, ...this.#options.attributes.ofNew(file) };
      }),
    );
    this.#creating = Promise.all([created, before]).then(([uncreated]) => {
      const left = uncreated.map(({ index, content }) => ({ ...files[index] as F, content }));
      this.#createHere(left, uncreated.map(({ index }) => staged[index] as StagedFile<W>));
    });
    // The error is thrown when the files are published.
    this.#creating.catch(() => undefined);
  }

  #createHere(
    files: readonly Pick<F, "content" | "file">[],
    staged: readonly StagedFile<W>[],
  ): void {
    const guard = this.#guardOnce();
    for (const [i, { content, file }] of files.entries()) {
      const { path, file: { target } } = staged[i] as StagedFile<W>;
      try {
        guard(dirname(target));
        this.#write(path, content, file);
      } catch (cause) {
        this.#conclude(staged[i] as StagedFile<W>, discard(path, target, cause));
      }
    }
  }

  #write(path: string, content: Bytes, known: Attributes): void {
    const { attributes, create } = this.#options;
    const wanted = attributes.ofNew(known);
    if (create?.(path, content, wanted) === true) return;
    write(path, content);
    attributes.applyToNew(path, wanted);
  }

  #conclude(staged: StagedFile<W>, error: XferError | undefined): void {
    staged.hasEnded = true;
    this.#options.onEnd(staged.file, error);
  }

  /**
   * Gives the waiting files their names if they are many, or have waited long. Resolves when there is room for more:
   * while files are synced, the next ones can be written. Throws what `onEnd` throws.
   */
  async publishIfDue(): Promise<void> {
    await this.#options.thread?.room();
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
    const created = this.#creating;
    const publishing = before.then(() => created).then(() => this.#end(files)).finally(() => {
      if (this.#publishing === publishing) this.#isPublishing = false;
    });
    this.#publishing = publishing;
    // Each caller gets the error from its own await.
    this.#publishing.catch(() => undefined);
    return this.#publishing;
  }

  async #end(files: readonly StagedFile<W>[]): Promise<void> {
    const written = files.filter(({ hasEnded }) => !hasEnded);
    if (written.length === 0) return;
    const failures = await this.#options.sync.files(written.map(({ path }) => path));
    const placed = await this.#placeBeside(written.filter(({ path }) => !failures.has(path)));
    const guard = this.#guardOnce();
    const errors = written.map((staged) => {
      const { path, file: { target } } = staged;
      if (failures.has(path)) return discard(path, target, failures.get(path));
      return placed.has(staged) ? undefined : this.#place(path, target, guard);
    });
    for (const [i, staged] of written.entries()) this.#conclude(staged, errors[i]);
  }

  /** Moves files to their targets in the other thread. Returns those that were moved. */
  async #placeBeside(staged: readonly StagedFile<W>[]): Promise<ReadonlySet<StagedFile<W>>> {
    const { thread, force } = this.#options;
    if (thread?.isReady !== true || force) return new Set();
    const failed = await thread.rename(
      staged.map(({ path, file: { target } }) => ({ path, target })),
    );
    const unmoved = new Set(failed);
    return new Set(staged.filter((_, i) => !unmoved.has(i)));
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

  #pathBeside(target: string): string {
    const folder = target.slice(0, target.length - basename(target).length);
    return `${folder}${this.#names.next()}`;
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
