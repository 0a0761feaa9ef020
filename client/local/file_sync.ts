/**
 * Makes what a run has written durable: on Linux a whole file system at once, elsewhere file by file.
 *
 * @module
 */
import { syncFolder } from "./atomic_file.ts";
import { SYSTEM_CALLS, type SystemCalls } from "./system_calls.ts";

/** Why files or folders are not durable, by path. */
export type SyncFailures = ReadonlyMap<string, unknown>;

/** The number of files that are synced at once where each is synced by itself: they share the disk's work. */
const CONCURRENT_SYNCS = 16;

const NONE: SyncFailures = new Map();

/** The calls that make one file or folder durable. Tests replace them. */
export interface SyncCalls {
  /** `undefined`: no call syncs a file system here. */
  readonly system: Omit<SystemCalls, "renameToFree" | "typeOfFileSystem"> | undefined;
  readonly syncFile: (path: string) => Promise<void>;
  readonly syncFolder: (path: string) => Promise<void>;
}

const CALLS: SyncCalls = { system: SYSTEM_CALLS, syncFile, syncFolder };

export class FileSync implements Disposable {
  readonly #calls: SyncCalls;
  /** Open file systems by device. */
  readonly #handles = new Map<number, number>();
  /** Whether a file system could not be opened. Then each file is synced by itself. */
  #isUnopened: boolean;

  constructor(calls: SyncCalls = CALLS) {
    this.#calls = calls;
    this.#isUnopened = calls.system === undefined;
  }

  /** Call it before anything is written to a folder. `device`: of the folder. */
  open(folder: string, device: number): void {
    if (this.#isUnopened || this.#handles.has(device)) return;
    const handle = this.#calls.system?.openFileSystem(folder);
    if (handle === undefined) this.#isUnopened = true;
    else this.#handles.set(device, handle);
  }

  /** Makes files in open folders durable. */
  async files(paths: readonly string[]): Promise<SyncFailures> {
    return await this.#syncAll(paths, this.#calls.syncFile);
  }

  /** Makes the names in open folders durable. */
  async folders(paths: readonly string[]): Promise<SyncFailures> {
    return await this.#syncAll(paths, this.#calls.syncFolder);
  }

  [Symbol.dispose](): void {
    for (const handle of this.#handles.values()) this.#calls.system?.closeFileSystem(handle);
    this.#handles.clear();
  }

  async #syncAll(
    paths: readonly string[],
    sync: (path: string) => Promise<void>,
  ): Promise<SyncFailures> {
    if (paths.length === 0 || await this.#syncFileSystems()) return NONE;
    // Something of another program can be why a file system is not durable. Each path tells its own reason.
    const failures = new Map<string, unknown>();
    const left = paths[Symbol.iterator]();
    const work = async () => {
      for (const path of left) await sync(path).catch((error) => failures.set(path, error));
    };
    await Promise.all(Array.from({ length: CONCURRENT_SYNCS }, work));
    return failures;
  }

  async #syncFileSystems(): Promise<boolean> {
    const { system } = this.#calls;
    if (system === undefined || this.#isUnopened) return false;
    const synced = await Promise.all([...this.#handles.values()].map(system.syncFileSystem));
    return synced.every((isSynced) => isSynced);
  }
}

async function syncFile(path: string): Promise<void> {
  using file = await openFor(path);
  await file.sync();
}

/** Opens a file that its owner may have no permission to open. */
async function openFor(path: string): Promise<Deno.FsFile> {
  // Windows syncs only what is open for writing.
  const options = { read: true, write: Deno.build.os === "windows" };
  try {
    return await Deno.open(path, options);
  } catch (error) {
    const { mode } = await Deno.lstat(path);
    if (!(error instanceof Deno.errors.PermissionDenied) || mode === null) throw error;
    Deno.chmodSync(path, mode | 0o600);
    try {
      return Deno.openSync(path, options);
    } finally {
      Deno.chmodSync(path, mode);
    }
  }
}
