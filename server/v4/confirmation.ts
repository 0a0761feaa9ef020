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

/** Files that could not be read are read again after this time in milliseconds, then after twice as long, and so on. */
const RETRY_MS = 60_000;
/** The longest time until then, in milliseconds. */
const MAX_RETRY_MS = 60 * 60_000;
/** The number of failures in a row after which the other files wait, too: the store may be unreachable. */
export const MAX_FAILURES = 8;

export interface ConfirmationOptions {
  readonly context: Pick<
    Context,
    "store" | "limits" | "log" | "clock" | "staging" | "isHousekeeper"
  >;
  readonly activity: Pick<Activity, "idleMs">;
  /** The time without a request after which the server counts as idle, in milliseconds. */
  readonly idleMs?: number | undefined;
  /** The shortest time until files that could not be read are read again, in milliseconds. */
  readonly retryMs?: number;
}

export class Confirmation {
  readonly #options: ConfirmationOptions;
  readonly #end = new AbortController();
  /** The last file of the current round that was read. */
  #after: BlobId | undefined;
  /** Whether a file of the current round could not be read, so that another round must come. */
  #hasFailed = false;
  /** The number of failures since the last file that could be read. */
  #failures = 0;
  #retryMs: number;
  #running: Promise<void> | undefined;
  #wake: () => void = () => undefined;
  /** Whether files may have been stored since the last look-up. */
  #isDue = true;

  constructor(options: ConfirmationOptions) {
    this.#options = options;
    this.#retryMs = this.#firstRetryMs;
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
      this.#isDue = false;
      const isReachable = await this.#confirmAll();
      if (!this.#hasFailed) this.#after = undefined;
      await this.#rest(isReachable);
    }
  }

  /** Waits for further files, or until those that could not be read are read again. */
  async #rest(isReachable: boolean): Promise<void> {
    const { signal } = this.#end;
    const isWoken = () => signal.aborted || (isReachable && this.#isDue);
    if (isWoken()) return;
    const { promise, resolve } = Promise.withResolvers<"woken" | "later">();
    this.#wake = () => void (isWoken() && resolve("woken"));
    const timer = this.#hasFailed ? setTimeout(() => resolve("later"), this.#retryMs) : undefined;
    const isLater = await promise === "later";
    clearTimeout(timer);
    if (!isLater) return;
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
    if (!isReachable) return;
    this.#after = undefined;
    this.#hasFailed = false;
  }

  /** Reads the remaining files of the round. Returns `false` after too many failures in a row. Never throws. */
  async #confirmAll(): Promise<boolean> {
    const { store: { catalog }, limits, isHousekeeper } = this.#options.context;
    while (!this.#end.signal.aborted && limits.confirmRate > 0 && isHousekeeper()) {
      let file: StoredFile | undefined;
      try {
        [file] = await catalog.files.unconfirmed(this.#after, 1);
        if (file === undefined) return true;
        this.#after = file.content.id;
        await this.#confirm(file);
        this.#failures = 0;
        this.#retryMs = this.#firstRetryMs;
      } catch (error) {
        this.#logFailure(file, error);
        this.#hasFailed = true;
        if (file === undefined || ++this.#failures % MAX_FAILURES === 0) return false;
      }
    }
    return true;
  }

  /** Throws if it cannot read the file, or record the result. */
  async #confirm(file: StoredFile): Promise<void> {
    const { store, log, clock } = this.#options.context;
    const { signal } = this.#end;
    const { content: { id } } = file;
    const finding = await inspectContent(store, file, { signal, onChunk: () => this.#pace() });
    if (signal.aborted) return;
    // It may have been replaced or removed in the meantime.
    if (await store.catalog.blobs.owner(id) !== "file") return;
    if (finding?.kind === "missing" || finding?.kind === "changed") {
      if (finding.damage === undefined) throw new Error(finding.what);
      const isRecorded = await recordDamage(this.#options.context, file, finding.damage);
      if (!isRecorded) this.#hasFailed = true;
      return;
    }
    await store.catalog.files.confirm(id, clock());
    log.debug("Confirmed {file} of account {client} ({path})", {
      event: "file.confirmed",
      ...shown(file),
    });
  }

  /** `file`: `undefined` if the catalog did not say which is next. */
  #logFailure(file: StoredFile | undefined, error: unknown): void {
    const { log } = this.#options.context;
    const reason = printable(reasonOf(error));
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

  get #firstRetryMs(): number {
    return this.#options.retryMs ?? RETRY_MS;
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

/** The fields that name a file in the log. */
function shown({ accountId, name, content: { id } }: StoredFile) {
  return { file: printable(name), path: printable(id), client: toHex(accountId) };
}

/** Resolves after some milliseconds, or when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _ended = whenAborted(signal, resolve);
  const timer = setTimeout(resolve, ms);
  await promise;
  clearTimeout(timer);
}
