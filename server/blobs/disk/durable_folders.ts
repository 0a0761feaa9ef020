/**
 * Folders of the disk store, made and synced so that the names in them survive a crash.
 *
 * @module
 */
import { createOwnFolder, type FileSystem, syncFolder } from "../../fs/file_system.ts";
import { Coalesced } from "./coalesced.ts";

/** Folders that are known to be durable; a server has few owners at work at a time. */
const MAX_KNOWN = 4096;

export class DurableFolders {
  readonly #fs: FileSystem;
  readonly #known = new Set<string>();
  /** Folders that are being synced. */
  readonly #syncing = new Map<string, Coalesced>();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** Makes a folder if it is missing, durably. One that was made here before is not looked at again. */
  async ensure(folder: string): Promise<void> {
    if (!this.#known.has(folder)) await this.create(folder);
  }

  /** Makes a folder if it is missing, durably, whatever was known of it. */
  async create(folder: string): Promise<void> {
    await createOwnFolder(this.#fs, folder);
    // Only now: a folder that another upload has just made is durable for this one when its parent is synced.
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.add(folder);
  }

  /** Makes the names in a folder durable. Requests that come during a sync are served together by the next one. */
  sync(folder: string): Promise<void> {
    let syncing = this.#syncing.get(folder);
    if (syncing === undefined) {
      syncing = new Coalesced(
        () => syncFolder(this.#fs, folder),
        () => this.#syncing.delete(folder),
      );
      this.#syncing.set(folder, syncing);
    }
    return syncing.run();
  }
}
