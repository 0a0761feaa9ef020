/**
 * Uploads the entries of a run in their order: small ones in packs, large ones in batches. Only a window of them is in
 * memory.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { IntegrityError, RefusedError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { MAX_PACKED_SIZE } from "../../protocol/v4/pack.ts";
import type { Failure } from "../events.ts";
import type { RecordResult } from "./bulk_sender.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { digestContent, readContent } from "./entry_content.ts";
import { LargeUploads } from "./large_uploads.ts";
import { OutgoingRecords, type SentEntry } from "./outgoing_records.ts";
import type { FoundEntry } from "./found_entry.ts";
import type { PutOptions, PutOutcome, PutUnchanged } from "./put_options.ts";
import type { SectionDigests } from "./section_digests.ts";
import { alikeOf, areSameAttributes, attributesOf } from "./put_plan.ts";
import type { StoredVersion } from "./put_request.ts";
import type { RemoteFile } from "./remote_file.ts";

/** The most attempts while the checksums differ; docs/protocol-4.md asks for three. */
const ATTEMPTS = 3;
/** The most small files of a run that are announced one by one. Results are always reported. */
const MAX_ANNOUNCED = 100;
/** The codes of updates of a version that is no longer current. */
const REPLACED = ["file-changed", "no-such-file"];

/** An entry without a result, and whether the server was asked to store it. */
export interface UnresolvedEntry {
  readonly entry: FoundEntry;
  readonly state: Failure["state"];
  /** Whether the server keeps a part of it. */
  readonly isPartSent: boolean;
}

/** The connections for the entries of a section, and their known digests. */
export interface TransferSection {
  /** Resolves with the connections to use. */
  readonly pool: () => Promise<ConnectionPool>;
  readonly digests: SectionDigests;
}

export class PutTransfer {
  readonly #options: PutOptions;
  readonly #report: (outcome: PutOutcome) => void;
  readonly #large: LargeUploads;
  #section: TransferSection | undefined;
  readonly #records: OutgoingRecords;
  readonly #again: SentEntry[] = [];
  /** An entry that waits for room. */
  #held: FoundEntry | undefined;
  readonly #planned = { files: 0, bytes: 0, reported: -1 };
  #announced = 0;
  readonly #now = BigInt(Date.now()) * 1_000_000n;

  /** `report` is called with each result. */
  constructor(options: PutOptions, report: (outcome: PutOutcome) => void) {
    this.#options = options;
    this.#report = report;
    this.#records = new OutgoingRecords(() => this.#pool(), {
      onLeave: (items) => this.#announce(items),
      onResult: (sent, result) => this.#onResult(sent, result),
    });
    this.#large = new LargeUploads(options.connect, {
      onSame: (entry, known) => {
        this.#digests.keep(entry, known.digest, true);
        return this.#settleSame(entry, known);
      },
      onPlanned: (entry) => this.#plan(entry),
      onResult: (entry, result) => {
        if (result instanceof Error) return this.#fail(entry, result);
        this.#digests.keep(entry, result.digest, true);
        this.#stored(entry, result.cksum, result);
      },
    }, { isRead: options.checksum !== true });
  }

  /** Entries that were placed, and have no result: after an error. */
  *unresolved(): Generator<UnresolvedEntry> {
    const untried = { state: "not-tried", isPartSent: false } as const;
    for (const [entry, isSent] of this.#records.unanswered()) {
      yield isSent ? { entry, state: "unknown", isPartSent: false } : { entry, ...untried };
    }
    for (const [{ isUnconfirmed, isStarted, isPartSent }, entry] of this.#large.sending) {
      const state = isUnconfirmed ? "unknown" : isStarted ? "not-stored" : "not-tried";
      yield { entry, state, isPartSent: isPartSent && !isUnconfirmed };
    }
    for (const { entry } of this.#again) yield { entry, state: "not-stored", isPartSent: false };
    for (const entry of this.#large.unsent) yield { entry, ...untried };
    if (this.#held !== undefined) yield { entry: this.#held, ...untried };
  }

  /** Begins a section, whose entries are placed in their order. The previous one has been finished. */
  begin(section: TransferSection): void {
    this.#section = section;
  }

  /** Counts an entry as begun, and without a result until it is placed. */
  hold(entry: FoundEntry): void {
    this.#held = entry;
  }

  /**
   * Compares an entry with the server's and sends what differs, sooner or later. Returns a promise if the caller must
   * wait before it places another. Throws the error that ends the run.
   */
  place(entry: FoundEntry, known: RemoteFile | undefined): Promise<void> | undefined {
    this.#held = undefined;
    const alike = alikeOf(entry, known);
    const maySame = alike !== undefined && alike.size === entry.size;
    const digest = maySame ? this.#digests.find(entry) : undefined;
    if (maySame && digest !== undefined && equalBytes(digest, alike.digest)) {
      this.#digests.keepFound(entry);
      return this.#settleSame(entry, alike);
    }
    const isCompared = maySame && digest === undefined;
    if (entry.size > MAX_PACKED_SIZE) return this.#placeLarge(entry, alike, isCompared);
    // Entries below the folder can only be stored once it has taken the place of something else.
    const sent = toSend(entry, alike);
    if (entry.kind === "folder" && known !== undefined && !maySame) return this.#placeFirst(sent);
    return this.#placeSmall(sent, isCompared);
  }

  /** Sends what is left of a section. Resolves when every entry has its result. Throws the error that ends the run. */
  async finish(): Promise<void> {
    await this.#sendLarge();
    for (;;) {
      await this.#drain();
      if (this.#again.length === 0) break;
      for (let next = this.#again.shift(); next !== undefined; next = this.#again.shift()) {
        await this.#retry(next);
      }
      await this.#sendLarge();
    }
    await this.#records.finish();
  }

  /** Reports what is planned if that has changed. */
  reportPlanned(): void {
    const { files, bytes, reported } = this.#planned;
    if (reported === files) return;
    this.#planned.reported = files;
    this.#options.connect.onEvent?.({ type: "planned", files, bytes });
  }

  /** After an error: waits until no answer can come any longer. Never throws. */
  async end(): Promise<void> {
    await this.#records.end();
  }

  #placeLarge(
    entry: FoundEntry,
    known: RemoteFile | undefined,
    isCompared: boolean,
  ): Promise<void> | undefined {
    const attributes = attributesOf(entry, known, this.#options, this.#now);
    this.#large.add({ entry, known, isCompared, attributes });
    return this.#large.isFull ? this.#sendLarge() : undefined;
  }

  #sendLarge(): Promise<void> {
    // No pack can be sent while the content of a file is.
    return this.#large.send(() => this.#pool(), () => this.#drain());
  }

  #placeSmall(sent: SentEntry, isCompared: boolean): Promise<void> | undefined {
    const written = this.#write(sent, isCompared);
    return written === "full" ? this.#writeLater(sent, isCompared) : written;
  }

  async #writeLater(sent: SentEntry, isCompared: boolean): Promise<void> {
    this.#held = sent.entry;
    this.reportPlanned();
    await this.#records.flush();
    this.#held = undefined;
    await this.#write(sent, isCompared);
  }

  async #placeFirst(sent: SentEntry): Promise<void> {
    this.#held = sent.entry;
    await this.#drain();
    this.#held = undefined;
    await this.#placeSmall(sent, false);
    await this.#drain();
  }

  async #retry(sent: SentEntry): Promise<void> {
    const entry = this.#reinspect(sent.entry);
    if (entry === undefined) return;
    if (entry.size > MAX_PACKED_SIZE) await this.#placeLarge(entry, sent.known, false);
    else await this.#placeSmall({ ...sent, entry }, false);
  }

  /**
   * Reads an entry into the pack, unless the server's has the same content. Returns `full` if the pack must leave
   * first; a promise to wait for.
   */
  #write(sent: SentEntry, isCompared: boolean): Promise<void> | "full" | undefined {
    const { entry, known } = sent;
    const room = this.#records.begin(entry);
    if (room === undefined) return "full";
    if (!this.#read(entry, room)) return undefined;
    if (isCompared && known !== undefined) {
      const digest = digestContent(room.subarray(0, entry.size));
      if (equalBytes(digest, known.digest)) {
        this.#digests.keep(entry, digest);
        return this.#settleSame(entry, known);
      }
    }
    if (sent.attempt === 1) this.#plan(entry);
    const attributes = attributesOf(entry, known, this.#options, this.#now);
    const { digest } = this.#records.add(sent, attributes);
    this.#digests.keep(entry, digest, sent.isLate);
    return undefined;
  }

  /** Reads the content of an entry. A failure is its result; returns `false` then. */
  #read(entry: FoundEntry, room: Bytes): boolean {
    try {
      readContent(entry, room);
      return true;
    } catch (error) {
      this.#fail(entry, error as Error);
      return false;
    }
  }

  /** Inspects an entry again. A failure is its result. */
  #reinspect(entry: FoundEntry): FoundEntry | undefined {
    try {
      return entry.reinspect();
    } catch (error) {
      this.#fail(entry, error as Error);
      return undefined;
    }
  }

  /** Sends the pack and the update that are being made, and waits for all answers. */
  async #drain(): Promise<void> {
    this.reportPlanned();
    await this.#records.drain();
  }

  #pool(): Promise<ConnectionPool> {
    return (this.#section as TransferSection).pool();
  }

  #onResult(sent: SentEntry, result: RecordResult): void {
    const { entry, known, action, cksum, attempt } = sent;
    if (result === "mismatch") {
      if (attempt === ATTEMPTS) return this.#fail(entry, differed(entry));
      this.#again.push({ ...toSend(entry, known), attempt: attempt + 1, isLate: true });
    } else if (!(result instanceof XferError)) {
      if (action === "put") this.#stored(entry, cksum, result);
      else this.#reportSame(entry, "updated");
    } else if (action === "update" && isReplaced(result)) {
      this.#again.push({ ...toSend(entry, undefined), isLate: true });
    } else this.#fail(entry, result);
  }

  /** The server has the content of an entry. Stores its attributes if they differ. */
  #settleSame(entry: FoundEntry, known: RemoteFile): Promise<void> | undefined {
    const attributes = attributesOf(entry, known, this.#options, known.mtime);
    if (areSameAttributes(attributes, known)) {
      this.#reportSame(entry, "unchanged");
      return undefined;
    }
    if (this.#records.addUpdate(entry, known, attributes)) return undefined;
    this.#held = entry;
    return this.#records.flushUpdate().then(() => {
      this.#held = undefined;
      this.#records.addUpdate(entry, known, attributes);
    });
  }

  #stored(
    entry: FoundEntry,
    crc: number,
    { version, replacedOther }: Pick<StoredVersion, "version" | "replacedOther">,
  ): void {
    const { kind, remoteName: name } = entry;
    this.#report({ state: "stored", file: entry, kind, name, crc, version, replacedOther });
  }

  #reportSame(entry: FoundEntry, state: PutUnchanged["state"]): void {
    this.#report({ state, file: entry, kind: entry.kind, name: entry.remoteName });
  }

  #fail({ path }: FoundEntry, error: Error): void {
    if (!(error instanceof XferError)) throw error;
    this.#report({ state: "not-stored", path, error });
  }

  #plan({ kind, size }: FoundEntry): void {
    if (kind === "folder") return;
    this.#planned.files++;
    this.#planned.bytes += size;
  }

  /** Reports that small entries leave, if they are few. */
  #announce(items: readonly SentEntry[]): void {
    const { onEvent } = this.#options.connect;
    for (const { entry: file, attempt } of items) {
      if (this.#announced === MAX_ANNOUNCED) return;
      // A folder has nothing to send. Its progress would only hide that of files.
      if (file.kind === "folder") continue;
      this.#announced++;
      onEvent?.({ type: "sending", file, attempt });
      onEvent?.({ type: "progress", file, sent: file.size, attempt });
    }
  }

  get #digests(): SectionDigests {
    return (this.#section as TransferSection).digests;
  }
}

/** The first attempt to send an entry. */
function toSend(entry: FoundEntry, known: RemoteFile | undefined): SentEntry {
  return { entry, known, action: "put", cksum: 0, attempt: 1, isLate: false };
}

function isReplaced(error: XferError): boolean {
  return error instanceof RefusedError && REPLACED.includes(error.code);
}

function differed({ path }: FoundEntry): IntegrityError {
  const what = `${printable(path)} was not stored: its checksums differed ${ATTEMPTS} times`;
  return new IntegrityError("checksum-mismatch", what);
}
