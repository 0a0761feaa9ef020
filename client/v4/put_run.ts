/**
 * A run of `putFiles`: walks, compares, sends and removes, and reports the result of each entry.
 *
 * @module
 */
import { throwIfAborted } from "../../protocol/abort.ts";
import { InterruptedError, UsageError, XferError } from "../../protocol/errors.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import type { CollectedFiles, LocalSection } from "./collect_files.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { findRemovals, type Removals } from "./find_removals.ts";
import type { FoundEntry } from "./found_entry.ts";
import { MAX_UNTRIED, type PutOptions, type PutOutcome, type PutSummary } from "./put_options.ts";
import type { RemoteName } from "./put_plan.ts";
import { PutTransfer, type TransferSection } from "./put_transfer.ts";
import { RemoteSection } from "./remote_section.ts";
import { SectionDigests } from "./section_digests.ts";
import { removeMissing } from "./remove_missing.ts";

type PutCounts = { -readonly [K in keyof PutSummary]: PutSummary[K] };

/** The sections of a run, which the report of untried entries carries on with. */
interface Walk {
  readonly sections: Iterator<LocalSection, void>;
  entries: Iterator<FoundEntry, unknown> | undefined;
}

export class PutRun {
  readonly #options: PutOptions;
  readonly #pool: ConnectionPool;
  /** For everything but lists, while a list waits for the walk. */
  #spare: ConnectionPool | undefined;
  readonly #collected: CollectedFiles;
  readonly #totals: PutCounts = {
    ...{ stored: 0, bytes: 0, folders: 0, unchanged: 0, updated: 0, removed: 0, failed: 0 },
  };
  readonly #removals = new Map<RemoteName, boolean>();
  /** Entries to remove last, by name as servers compare names, without those that have appeared here in the meantime. */
  readonly #missing = new Map<string, RemoteName>();
  /** Whether the run has ended early, and only reports. */
  #isOver = false;

  constructor(options: PutOptions, pool: ConnectionPool, collected: CollectedFiles) {
    this.#options = options;
    this.#pool = pool;
    this.#collected = collected;
  }

  async run(): Promise<PutSummary> {
    const walk: Walk = { sections: this.#sections(), entries: undefined };
    const transfer = new PutTransfer(this.#options, (outcome) => this.#report(outcome));
    try {
      await this.#attempt(walk, transfer);
    } catch (error) {
      this.#isOver = true;
      await transfer.end();
      if (!(error instanceof XferError) || error instanceof UsageError) throw error;
      if (!this.#pool.isAuthenticated && !(error instanceof InterruptedError)) throw error;
      this.#reportRest(walk, transfer, error);
    } finally {
      this.#spare?.[Symbol.dispose]();
    }
    for (const failure of this.#collected.failures) this.#report(failure);
    return this.#totals;
  }

  async #attempt(walk: Walk, transfer: PutTransfer): Promise<void> {
    const removals = await this.#findRemovals();
    const blocking: RemoteName[] = [];
    for (const entry of removals?.folders.flatMap(({ entries }) => entries) ?? []) {
      const form = comparedForm(entry.name);
      if (removals?.blocking.has(form) === true) blocking.push(entry);
      else this.#missing.set(form, entry);
    }
    // Entries below the name of a new file or link are removed first, all others last.
    await this.#remove(blocking);
    for (let next = walk.sections.next(); next.done !== true; next = walk.sections.next()) {
      await this.#transfer(next.value, walk, transfer);
    }
    transfer.reportPlanned();
    const missing = [...this.#missing.values()];
    if (this.#totals.failed === 0) await this.#remove(missing);
    else if (missing.length > 0) this.#options.mirror?.onNotRemoved?.(missing.length);
  }

  #sections(): Iterator<LocalSection, void> {
    const { onSkipped, connect: { signal } } = this.#options;
    return this.#collected.sections({
      onSkipped: (path, _name, why) => this.#isOver || onSkipped?.(path, why),
      onFailure: (path, error) => this.#report({ state: "not-stored", path, error }),
      check: () => this.#isOver || throwIfAborted(signal),
    });
  }

  /** Compares and sends the entries of a section. */
  async #transfer(section: LocalSection, walk: Walk, transfer: PutTransfer): Promise<void> {
    const entries = walk.entries = section.entries[Symbol.iterator]();
    using remote = await RemoteSection.open(this.#pool, section);
    const { checksum = false, connect: { identityFolder } } = this.#options;
    using digests = new SectionDigests(identityFolder, section, { isRead: !checksum });
    transfer.begin({ pool: this.#poolBeside(remote), digests });
    let isWhole = false;
    try {
      for (let next = entries.next(); next.done !== true; next = entries.next()) {
        const entry = next.value;
        transfer.hold(entry);
        this.#missing.delete(entry.form);
        while (!remote.seek(entry)) await remote.more();
        const placing = transfer.place(entry, remote.found(entry));
        if (placing !== undefined) await placing;
      }
      await transfer.finish();
      isWhole = true;
    } finally {
      digests.save(isWhole);
    }
  }

  /** The connections for everything but the list of a section. They stay the same until its end. */
  #poolBeside(remote: RemoteSection): TransferSection["pool"] {
    let chosen: ConnectionPool | undefined;
    return async () => {
      if (chosen !== undefined) return chosen;
      await remote.settled();
      return chosen = remote.isAhead ? this.#openSpare() : this.#pool;
    };
  }

  #openSpare(): ConnectionPool {
    const { connect, transfer } = this.#options;
    const onEvent: typeof connect.onEvent = (event) => {
      if (event.type !== "connected") connect.onEvent?.(event);
    };
    return this.#spare ??= new ConnectionPool({ ...connect, onEvent }, transfer);
  }

  /** Finds what a mirror removes, and has it confirmed before anything is sent. */
  async #findRemovals(): Promise<Removals | undefined> {
    const { mirror, exclude, connect: { signal } } = this.#options;
    if (mirror === undefined) return undefined;
    const removals = await findRemovals(this.#pool, this.#collected, exclude, signal);
    const count = removals.folders.reduce((sum, { entries }) => sum + entries.length, 0);
    if (removals.hasFailures) {
      if (count > 0) mirror.onNotRemoved?.(count);
      return undefined;
    }
    for (const folder of removals.folders) {
      if (folder.entries.length > 0) await mirror.confirm?.(folder);
    }
    return removals;
  }

  async #remove(entries: readonly RemoteName[]): Promise<void> {
    for (const entry of entries) this.#removals.set(entry, false);
    await removeMissing(this.#pool, entries, (entry, error) => this.#reportRemoval(entry, error));
  }

  #reportRemoval(entry: RemoteName, error?: XferError): void {
    this.#removals.set(entry, true);
    this.#report(
      error === undefined
        ? { ...entry, state: "removed" }
        : { ...entry, state: "not-removed", error },
    );
  }

  /** Reports everything without a result after an error that ended the run. */
  #reportRest(walk: Walk, transfer: PutTransfer, error: XferError): void {
    const { onEvent } = this.#options.connect;
    for (const { entry, state, isPartSent } of transfer.unresolved()) {
      if (isPartSent) onEvent?.({ type: "left-part", file: entry, name: entry.remoteName });
      this.#report({ state, path: entry.path, error });
    }
    let left = MAX_UNTRIED;
    for (const { path } of restOf(walk)) {
      this.#report({ state: "not-tried", path, error });
      if (--left === 0) break;
    }
    for (const [entry, isReported] of this.#removals) {
      if (!isReported) this.#reportRemoval(entry, error);
    }
  }

  #report(outcome: PutOutcome): void {
    const totals = this.#totals;
    if ("error" in outcome) totals.failed++;
    else if (outcome.state !== "stored") totals[outcome.state]++;
    else if (outcome.kind === "folder") totals.folders++;
    else {
      totals.stored++;
      totals.bytes += outcome.file.size;
    }
    this.#options.onOutcome?.(outcome);
  }
}

/** The entries that were not reached. */
function* restOf({ sections, entries }: Walk): Generator<FoundEntry, void, void> {
  const following = () => sections.next().value?.entries[Symbol.iterator]();
  for (let current = entries ?? following(); current !== undefined; current = following()) {
    for (let next = current.next(); next.done !== true; next = current.next()) yield next.value;
  }
}
