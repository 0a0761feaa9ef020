/**
 * Confirms large files in the background: reads their content once from the disk and compares it with the digests, which
 * only the client has computed so far.
 *
 * @module
 */
import { whenAborted } from "../../protocol/abort.ts";
import { toHex } from "../../protocol/bytes.ts";
import { reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { BlobId } from "../blobs/blob_store.ts";
import type { StoredFile } from "../catalog/files.ts";
import type { Context } from "../context.ts";
import { inspectContent } from "../data_folder/audit.ts";
import type { Activity } from "./activity.ts";
import { recordDamage } from "./damage.ts";

/** The server counts as idle after this time without a request, in milliseconds. */
const IDLE_MS = 10_000;
/** While the server is busy, each chunk waits for this time, so that even then every file is confirmed some day. */
const BUSY_MS = 1000;
/** The interval of looks at whether the server is idle again, in milliseconds. */
const LOOK_MS = 100;

export interface ConfirmationOptions {
  readonly context: Pick<Context, "store" | "limits" | "log" | "clock" | "staging">;
  readonly activity: Pick<Activity, "idleMs">;
  /** The time without a request after which the server counts as idle, in milliseconds. */
  readonly idleMs?: number | undefined;
}

export class Confirmation {
  readonly #options: ConfirmationOptions;
  readonly #end = new AbortController();
  /** The last file that was read. */
  #after: BlobId | undefined;
  #running: Promise<void> | undefined;
  #wake: () => void = () => undefined;
  /** Whether files may have been stored since the last look-up. */
  #isDue = true;

  constructor(options: ConfirmationOptions) {
    this.#options = options;
  }

  /** Begins with the files that are not confirmed yet. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** A file was stored that is not confirmed. */
  request(): void {
    this.#isDue = true;
    this.#wake();
  }

  /** Ends the work. The file that is being read is read again after the next start. */
  async close(): Promise<void> {
    this.#end.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      if (!this.#isDue) await new Promise<void>((resolve) => this.#wake = resolve);
      this.#isDue = false;
      try {
        await this.#confirmAll();
      } catch (error) {
        const { log } = this.#options.context;
        log.error("Could not confirm stored files: {reason}", {
          event: "store.not-confirmed",
          reason: printable(reasonOf(error)),
        });
      }
    }
  }

  async #confirmAll(): Promise<void> {
    const { store: { catalog }, limits } = this.#options.context;
    while (!this.#end.signal.aborted && limits.confirmRate > 0) {
      const [file] = await catalog.files.unconfirmed(this.#after, 1);
      if (file === undefined) return;
      this.#after = file.content.id;
      await this.#confirm(file);
    }
  }

  async #confirm(file: StoredFile): Promise<void> {
    const { store, log, clock } = this.#options.context;
    const { signal } = this.#end;
    const { accountId, name, content: { id } } = file;
    const finding = await inspectContent(store, file, { signal, onChunk: () => this.#pace() });
    if (signal.aborted) return;
    // It may have been replaced or removed in the meantime.
    if (await store.catalog.blobs.owner(id) !== "file") return;
    const about = { file: printable(name), path: printable(id), client: toHex(accountId) };
    if (finding === undefined || finding.kind === "sound" || finding.kind === "confirmed") {
      await store.catalog.files.confirm(id, clock());
      log.debug("Confirmed {file} of account {client} ({path})", {
        event: "file.confirmed",
        ...about,
      });
    } else if (finding.kind === "missing") {
      await recordDamage(this.#options.context, file, finding.damage);
    } else if (finding.damage !== undefined) {
      await recordDamage(this.#options.context, file, finding.damage);
    } else {
      log.warn("Could not confirm {file} of account {client}: {reason} ({path})", {
        event: "file.not-confirmed",
        ...{ ...about, reason: finding.what },
      });
    }
  }

  /** Waits between two chunks, so that others can use the disk and the processor. */
  async #pace(): Promise<void> {
    const { context: { limits, staging }, activity, idleMs = IDLE_MS } = this.#options;
    const { signal } = this.#end;
    await pause(1000 * CHUNK_SIZE / Math.max(1, limits.confirmRate), signal);
    const isBusy = () => staging.count > 0 || activity.idleMs < idleMs;
    for (let waited = 0; waited < BUSY_MS && isBusy() && !signal.aborted; waited += LOOK_MS) {
      await pause(LOOK_MS, signal);
    }
  }
}

/** Resolves after some milliseconds, or when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _ended = whenAborted(signal, resolve);
  const timer = setTimeout(resolve, ms);
  await promise;
  clearTimeout(timer);
}
