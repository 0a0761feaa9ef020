/**
 * A run of `putFiles`: compares, updates, sends and removes, and keeps the result of each entry.
 *
 * @module
 */
import { InterruptedError, UsageError, XferError } from "../../protocol/errors.ts";
import type { Failure } from "../events.ts";
import type { CollectedFiles } from "./collect_files.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { PutOptions, PutOutcome, PutUnchanged } from "./put_options.ts";
import { findBlocking } from "./put_conflicts.ts";
import { findRemoteEntries, planPut, type PutPlan, type RemoteName } from "./put_plan.ts";
import type { StoredVersion } from "./put_request.ts";
import { removeMissing } from "./remove_missing.ts";
import { sendUploads, updateAttributes } from "./send_uploads.ts";
import type { Upload } from "./upload.ts";

export class PutRun {
  readonly #options: PutOptions;
  readonly #pool: ConnectionPool;
  readonly #collected: CollectedFiles;
  readonly #outcomes = new Map<Upload, PutOutcome>();
  readonly #removals = new Map<RemoteName, PutOutcome | undefined>();

  constructor(options: PutOptions, pool: ConnectionPool, collected: CollectedFiles) {
    this.#options = options;
    this.#pool = pool;
    this.#collected = collected;
  }

  async run(): Promise<PutOutcome[]> {
    const { uploads, failures } = this.#collected;
    const { onEvent } = this.#options.connect;
    try {
      await this.#attempt();
    } catch (error) {
      if (!(error instanceof XferError) || error instanceof UsageError) throw error;
      if (!this.#pool.isAuthenticated && !(error instanceof InterruptedError)) throw error;
      for (const upload of uploads.filter((upload) => !this.#outcomes.has(upload))) {
        const { file, name, isPartSent, isUnconfirmed } = upload;
        if (isPartSent && !isUnconfirmed) onEvent?.({ type: "left-part", file, name });
        this.#report(upload, { state: stateOf(upload), path: file.path, error });
      }
      for (const [entry, outcome] of this.#removals) {
        if (outcome === undefined) this.#reportRemoval(entry, error);
      }
    }
    for (const failure of failures) this.#options.onOutcome?.(failure);
    const outcomes = uploads.map((upload) => this.#outcomes.get(upload) as PutOutcome);
    const removals = [...this.#removals.values()].filter((outcome) => outcome !== undefined);
    return [...outcomes, ...removals, ...failures];
  }

  async #attempt(): Promise<void> {
    const { connect } = this.#options;
    const remote = await findRemoteEntries(this.#pool, this.#collected);
    const plan = await planPut(this.#collected, remote, this.#options, connect);
    const removals = await this.#confirm(plan);
    for (const upload of plan.unchanged) {
      this.#report(upload, { ...resultOf(upload), state: "unchanged" });
    }
    const files = plan.puts.filter(({ file }) => file.kind !== "folder");
    const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
    connect.onEvent?.({ type: "planned", files: files.length, bytes });
    // Entries in the way of new files and links are removed first, all others last.
    const inTheWay = findBlocking(plan.puts, removals);
    const [blocking, others] = partition(removals, (entry) => inTheWay.has(entry));
    await this.#remove(blocking);
    const changed = await updateAttributes(
      this.#pool,
      plan.updates,
      (upload, error) =>
        error === undefined
          ? this.#report(upload, { ...resultOf(upload), state: "updated" })
          : this.#fail(upload, error),
    );
    const [first, rest] = partition(
      [...plan.puts, ...changed],
      (upload) => plan.newFolders.has(upload),
    );
    for (const uploads of [first, rest]) {
      const onResult = (upload: Upload, result: StoredVersion | Error) =>
        this.#settle(upload, result);
      await sendUploads(this.#pool, uploads, onResult, connect);
    }
    const hasFailed = [...this.#outcomes.values()].some((outcome) => "error" in outcome);
    if (!hasFailed) await this.#remove(others);
    else if (others.length > 0) this.#options.mirror?.onNotRemoved?.(others.length);
  }

  /** Returns the entries to remove. */
  async #confirm({ removals }: PutPlan): Promise<readonly RemoteName[]> {
    const { mirror } = this.#options;
    const entries = mirror === undefined ? [] : removals.flatMap(({ entries }) => entries);
    if (entries.length === 0) return [];
    if (this.#collected.failures.length > 0) {
      mirror?.onNotRemoved?.(entries.length);
      return [];
    }
    for (const removal of removals) {
      if (removal.entries.length > 0) await mirror?.confirm?.(removal);
    }
    return entries;
  }

  async #remove(entries: readonly RemoteName[]): Promise<void> {
    for (const entry of entries) this.#removals.set(entry, undefined);
    await removeMissing(this.#pool, entries, (entry, error) => this.#reportRemoval(entry, error));
  }

  #reportRemoval(entry: RemoteName, error?: XferError): void {
    const outcome: PutOutcome = error === undefined
      ? { ...entry, state: "removed" }
      : { ...entry, state: "not-removed", error };
    this.#removals.set(entry, outcome);
    this.#options.onOutcome?.(outcome);
  }

  #settle(upload: Upload, result: StoredVersion | Error): void {
    upload.release();
    if (result instanceof Error) return this.#fail(upload, result);
    const { cksum: crc, version, replacedOther } = result;
    this.#report(upload, {
      ...resultOf(upload),
      state: "stored",
      crc,
      version,
      replacedOther,
    });
  }

  #fail(upload: Upload, error: Error): void {
    if (!(error instanceof XferError)) throw error;
    this.#report(upload, { state: "not-stored", path: upload.file.path, error });
  }

  #report(upload: Upload, outcome: PutOutcome): void {
    this.#outcomes.set(upload, outcome);
    this.#pool.advance();
    this.#options.onOutcome?.(outcome);
  }
}

function resultOf({ file, name }: Upload): Pick<PutUnchanged, "file" | "kind" | "name"> {
  return { file, kind: file.kind, name };
}

/** The state of an upload without a result at the end of the run. */
function stateOf({ isUnconfirmed, isStarted }: Upload): Failure["state"] {
  if (isUnconfirmed) return "unknown";
  return isStarted ? "not-stored" : "not-tried";
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
