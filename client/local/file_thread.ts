/**
 * Creates and renames small files in another thread, while this one receives and verifies the next ones. Only on Linux,
 * with the permission to load the C library.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { FileTask, FileTaskResult } from "./file_worker.ts";
import { createFile, type FileAttributes } from "./new_file.ts";
import { SYSTEM_CALLS } from "./system_calls.ts";

/** The number of files that are worth a thread. Its start takes as long as writing some hundred. */
const WORTH_A_THREAD = 1000;
/** The most bytes of contents that wait for the thread; more make {@link FileThread.room} wait. */
const MAX_WAITING = 4 * 1024 * 1024;

/** A file to create: its path, which must be free, and all that it gets. */
export interface FileToCreate extends FileAttributes {
  readonly path: string;
  readonly content: Bytes;
}

export interface FileToRename {
  readonly path: string;
  /** It must be free. */
  readonly target: string;
}

/** A file that could not be created. This thread can find the reason. */
export interface UncreatedFile {
  /** Its index among the files to create. */
  readonly index: number;
  readonly content: Bytes;
}

export class FileThread implements Disposable {
  readonly #root: string;
  readonly #worker = new Worker(new URL("./file_worker.ts", import.meta.url), { type: "module" });
  /** In the order of their answers. */
  readonly #asked: PromiseWithResolvers<FileTaskResult>[] = [];
  #waiting = 0;
  #isReady = false;
  #failure: Error | undefined;

  private constructor(root: string) {
    this.#root = root;
    this.#worker.onmessage = ({ data }: MessageEvent<FileTaskResult | "ready">) => {
      if (data === "ready") this.#isReady = true;
      else this.#asked.shift()?.resolve(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      // It could not start, and has no work.
      if (!this.#isReady) return;
      this.#isReady = false;
      this.#failure = new Error(`the thread for files has ended: ${event.message}`);
      for (const { reject } of this.#asked.splice(0)) reject(this.#failure);
    };
  }

  /**
   * Starts the thread for a number of files. `root`: files are only written below it, and through no link below it.
   * Returns `undefined` if it is not worth it, and where this system or the permissions of the program don't allow it.
   */
  static start(root: string, files: number): FileThread | undefined {
    return files < WORTH_A_THREAD || createFile === undefined || SYSTEM_CALLS === undefined
      ? undefined
      : new FileThread(root);
  }

  /** Whether it has started. Until then, other threads should do the work. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Creates files, and returns those that could not be created. Their contents are copied at once. */
  async create(files: readonly FileToCreate[]): Promise<readonly UncreatedFile[]> {
    let end = 0;
    const ends = files.map(({ content }) => end += content.length);
    const contents = new Uint8Array(end);
    for (const [i, { content }] of files.entries()) {
      contents.set(content, (ends[i] as number) - content.length);
    }
    this.#waiting += end;
    const { failed, contents: back = contents } = await this.#ask({
      ...{ do: "create", root: this.#root, contents, ends },
      paths: files.map(({ path }) => path),
      modes: files.map(({ mode }) => mode),
      mtimes: files.map(({ mtime }) => mtime),
    }, [contents.buffer]);
    this.#waiting -= end;
    return failed.map((index) => ({
      index,
      content: back.subarray(ends[index - 1] ?? 0, ends[index]),
    }));
  }

  /** Renames files, and returns the indexes of those that could not be renamed. */
  async rename(files: readonly FileToRename[]): Promise<readonly number[]> {
    const { failed } = await this.#ask({
      ...{ do: "rename", root: this.#root },
      paths: files.map(({ path }) => path),
      targets: files.map(({ target }) => target),
    });
    return failed;
  }

  /** Resolves when more files can be created. Rejects if the thread has ended. */
  async room(): Promise<void> {
    while (this.#waiting > MAX_WAITING && this.#failure === undefined) {
      await this.#asked[0]?.promise;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  #ask(task: FileTask, handedOver: Transferable[] = []): Promise<FileTaskResult> {
    const asked = Promise.withResolvers<FileTaskResult>();
    this.#asked.push(asked);
    this.#worker.postMessage(task, handedOver);
    return asked.promise;
  }
}
