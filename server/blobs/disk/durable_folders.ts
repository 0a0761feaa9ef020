/**
 * Folders of the disk store, created and synced so that the names in them survive a crash.
 *
 * @module
 */
import { createOwnFolder, type FileSystem, syncFolder } from "../../fs/file_system.ts";
import { Coalesced } from "./coalesced.ts";

/** The most folders that are remembered as durable. Few owners of a server are active at a time. */
const MAX_KNOWN = 4096;

export class DurableFolders {
  readonly #fs: FileSystem;
  readonly #known = new Set<string>();
  /** Folders that are being synced. */
  readonly #syncing = new Map<string, Coalesced>();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** Creates a folder if it is missing, durably. Does not check folders that were created here before. */
  async ensure(folder: string): Promise<void> {
    if (!this.#known.has(folder)) await this.create(folder);
  }

  /** Creates a folder if it is missing, durably, even if it was created here before. */
  async create(folder: string): Promise<void> {
    await createOwnFolder(this.#fs, folder);
    // Add the folder only now: one that another upload just created is durable only after its parent is synced.
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.add(folder);
  }

  /** Makes the names in a folder durable. Calls during a sync share the next one. */
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
