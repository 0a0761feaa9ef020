/**
 * Large files whose digests only the client has computed so far. Each is read once, soon after it was stored.
 *
 * @module
 */
import { reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { BlobId } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { StoredFile } from "../catalog/files.ts";
import type { Limits } from "../limits/limits.ts";
import type { Log } from "../limits/server_log.ts";
import { RetryDelay } from "./retry_delay.ts";
import { recordDamage } from "./damage.ts";
import { shown } from "./read_file.ts";
import type { Reading, ReadingList } from "./reading_list.ts";

export interface UnconfirmedFilesOptions {
  readonly store: { readonly catalog: Catalog };
  readonly limits: Pick<Limits, "confirmRate">;
  readonly log: Log;
  /** Milliseconds since any moment. */
  readonly ticks: () => number;
  /** The shortest time until files that could not be read are read again, in milliseconds. */
  readonly retryMs?: number | undefined;
}

export class UnconfirmedFiles implements ReadingList {
  readonly #options: UnconfirmedFilesOptions;
  readonly #retryDelay: RetryDelay;
  /** The last file of the current round that was read. */
  #after: BlobId | undefined;
  /** Whether a file of the current round could not be read, so that another round must come. */
  #hasFailed = false;
  /** The time of that round, by `ticks`. */
  #retryAt: number | undefined;

  constructor(options: UnconfirmedFilesOptions) {
    this.#options = options;
    this.#retryDelay = new RetryDelay(options.retryMs);
  }

  get rate(): number {
    return this.#options.limits.confirmRate;
  }

  async next(): Promise<StoredFile | number> {
    const { store: { catalog }, limits, ticks } = this.#options;
    if (limits.confirmRate === 0) return Infinity;
    if (this.#retryAt !== undefined && ticks() >= this.#retryAt) this.release();
    const [file] = await catalog.files.unconfirmed(this.#after, 1);
    if (file !== undefined) {
      this.#after = file.content.id;
      return file;
    }
    if (!this.#hasFailed) {
      this.#after = undefined;
      return Infinity;
    }
    this.#retryAt ??= ticks() + this.#retryDelay.take();
    return this.#retryAt - ticks();
  }

  async finish(file: StoredFile, reading: Reading): Promise<boolean> {
    const isKnown = reading.kind !== "damaged" ||
      await recordDamage(this.#options, file, reading.damage);
    if (!isKnown) this.#hasFailed = true;
    this.#retryDelay.reset();
    return true;
  }

  fail(file: StoredFile | undefined, error: unknown): void {
    const { log } = this.#options;
    const reason = printable(reasonOf(error));
    this.#hasFailed = true;
    if (file === undefined) {
      log.error("Could not confirm stored files: {reason}", {
        ...{ event: "store.not-confirmed", reason },
      });
    } else {
      log.warn("Could not confirm {file} of account {client}: {reason} ({path})", {
        ...{ event: "file.not-confirmed", ...shown(file), reason },
      });
    }
  }

  /** Begins again with the first file. */
  release(): void {
    this.#after = undefined;
    this.#hasFailed = false;
    this.#retryAt = undefined;
  }
}
