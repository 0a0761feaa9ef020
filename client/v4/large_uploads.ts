/**
 * The large files of a run. They are compared and sent in batches.
 *
 * @module
 */
import { findSame } from "../local/find_unchanged.ts";
import type { StoredAttributes } from "../local/file_metadata.ts";
import { cannotRead } from "../local/read_small_file.ts";
import { SavedChunkDigests, type SavedDigestsUse } from "../local/saved_chunk_digests.ts";
import { SourceFile } from "../local/source_file.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { FoundEntry } from "./found_entry.ts";
import type { StoredVersion } from "./put_request.ts";
import type { RemoteFile } from "./remote_file.ts";
import { sendUploads } from "./send_uploads.ts";
import { Upload } from "./upload.ts";

/** The most files of a batch. */
export const MAX_BATCH = 1000;

/** A large file that may have to be sent. */
export interface LargeEntry {
  readonly entry: FoundEntry;
  /** The server's file of the name. */
  readonly known: RemoteFile | undefined;
  /** Whether that may have the same content, so that the file is read to compare. */
  readonly isCompared: boolean;
  /** The attributes to store with new content. */
  readonly attributes: StoredAttributes;
}

export interface LargeHandlers {
  /** Called with each file whose content the server has already. The next waits for its promise. */
  readonly onSame: (entry: FoundEntry, known: RemoteFile) => Promise<void> | undefined;
  /** Called with each file that is sent, before any is. */
  readonly onPlanned: (entry: FoundEntry) => void;
  readonly onResult: (entry: FoundEntry, result: StoredVersion | Error) => void;
}

export class LargeUploads {
  readonly #connect: ConnectOptions;
  readonly #handlers: LargeHandlers;
  readonly #use: SavedDigestsUse;
  #files: LargeEntry[] = [];
  /** Those of the batch that is sent, by upload. */
  readonly #sending = new Map<Upload, FoundEntry>();

  constructor(connect: ConnectOptions, handlers: LargeHandlers, use: SavedDigestsUse) {
    this.#connect = connect;
    this.#handlers = handlers;
    this.#use = use;
  }

  /** Whether the batch is full, so that it must be sent before more are added. */
  get isFull(): boolean {
    return this.#files.length >= MAX_BATCH;
  }

  add(file: LargeEntry): void {
    this.#files.push(file);
  }

  /** Files without a result. */
  get unsent(): readonly FoundEntry[] {
    return this.#files.map(({ entry }) => entry);
  }

  /** Files that were given to the connections, and have no result. */
  get sending(): Iterable<[Upload, FoundEntry]> {
    return this.#sending;
  }

  /**
   * Compares and sends the batch. `before` runs between both. Throws the error that ends the run; `InterruptedError`
   * after an abort.
   */
  async send(pool: () => Promise<ConnectionPool>, before: () => Promise<void>): Promise<void> {
    if (this.#files.length === 0) return await before();
    const uploads = await this.#compare();
    for (const entry of this.#sending.values()) this.#handlers.onPlanned(entry);
    await before();
    if (uploads.length === 0) return;
    await sendUploads(await pool(), uploads, (upload, result) => {
      upload.release();
      const entry = this.#sending.get(upload) as FoundEntry;
      this.#sending.delete(upload);
      this.#handlers.onResult(entry, result);
    }, this.#connect);
  }

  /** Finds out which files must be sent. */
  async #compare(): Promise<Upload[]> {
    const { onEvent, signal, identityFolder } = this.#connect;
    const opened = this.#files.flatMap((file) => {
      const source = this.#open(file.entry);
      return source === undefined ? [] : [{ ...file, file: source }];
    });
    this.#files = opened;
    const candidates = opened.filter((file): file is typeof file & { known: RemoteFile } =>
      file.isCompared && file.known !== undefined
    );
    const onCompared = (done: number, total: number) =>
      onEvent?.({ type: "comparing", done, total });
    const same = await findSame(candidates, { onCompared, signal });
    this.#files = [];
    const uploads: Upload[] = [];
    for (const file of opened) {
      const candidate = file as (typeof candidates)[number];
      if (same.has(candidate)) {
        await this.#handlers.onSame(file.entry, candidate.known);
        continue;
      }
      const saved = new SavedChunkDigests(identityFolder, this.#use);
      const upload = new Upload(file.file, file.entry.remoteName, saved);
      upload.override(file.attributes);
      this.#sending.set(upload, file.entry);
      uploads.push(upload);
    }
    return uploads;
  }

  /** Inspects a file as uploads need it. Reports a failure. */
  #open(entry: FoundEntry): SourceFile | undefined {
    const { path, real } = entry;
    try {
      return SourceFile.found(path, Deno.lstatSync(real), real);
    } catch (cause) {
      const error = cannotRead(path, cause, "Check the path and its permissions.");
      this.#handlers.onResult(entry, error);
      return undefined;
    }
  }
}
