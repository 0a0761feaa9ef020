/**
 * Uploads the entries of a run in their order: small ones in packs, large ones in batches. Only a window of them is in
 * memory.
 *
 * @module
 */
import { equalBytes } from "../../protocol/bytes.ts";
import { IntegrityError, RefusedError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { MAX_PACKED_SIZE, PackWriter } from "../../protocol/v4/pack.ts";
import { MAX_BULK } from "../../protocol/v4/messages.ts";
import { UpdateWriter } from "../../protocol/v4/update.ts";
import type { Failure } from "../events.ts";
import type { StoredAttributes } from "../local/file_metadata.ts";
import { type Bulk, BulkSender, type RecordResult } from "./bulk_sender.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { digestContent, readContent, roomFor } from "./entry_content.ts";
import { LargeUploads } from "./large_uploads.ts";
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

/** An entry in a pack or an update. */
interface SentEntry {
  readonly entry: FoundEntry;
  readonly known: RemoteFile | undefined;
  readonly action: "put" | "update";
  readonly cksum: number;
  readonly attempt: number;
}

/** An attempt to send an entry. */
interface Attempt {
  readonly entry: FoundEntry;
  readonly known: RemoteFile | undefined;
  readonly attempt: number;
  /** Whether entries with later names were placed before it. */
  readonly isLate: boolean;
}

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
  #sender: BulkSender<SentEntry> | undefined;
  #pack: { readonly writer: PackWriter; items: SentEntry[] } | undefined;
  #update: { readonly writer: UpdateWriter; items: SentEntry[] } | undefined;
  /** Buffers of packs that were answered. */
  readonly #free: PackWriter[] = [];
  #again: Attempt[] = [];
  /** An entry that waits for room. */
  #held: FoundEntry | undefined;
  readonly #planned = { files: 0, bytes: 0, reported: -1 };
  #announced = 0;
  readonly #now = BigInt(Date.now()) * 1_000_000n;

  /** `report` is called with each result. */
  constructor(options: PutOptions, report: (outcome: PutOutcome) => void) {
    this.#options = options;
    this.#report = report;
    this.#large = new LargeUploads(options.connect, {
      onSame: (entry, known) => {
        this.#digests.keep(entry, known.digest, true);
        return this.#settleSame(entry, known);
      },
      onPlanned: (entry) => this.#plan(entry),
      onResult: (entry, result) => {
        if (!(result instanceof Error)) this.#digests.keep(entry, result.digest, true);
        this.#settle(entry, result);
      },
    });
  }

  /** Entries that were placed, and have no result: after an error. */
  *unresolved(): Generator<UnresolvedEntry> {
    const untried = { state: "not-tried", isPartSent: false } as const;
    for (const { items, isSent } of this.#sender?.unanswered ?? []) {
      for (const { entry } of items) {
        yield isSent ? { entry, state: "unknown", isPartSent: false } : { entry, ...untried };
      }
    }
    for (const [{ isUnconfirmed, isStarted, isPartSent }, entry] of this.#large.sending) {
      const state = isUnconfirmed ? "unknown" : isStarted ? "not-stored" : "not-tried";
      yield { entry, state, isPartSent: isPartSent && !isUnconfirmed };
    }
    for (const { entry } of this.#again) yield { entry, state: "not-stored", isPartSent: false };
    const waiting = [...this.#update?.items ?? [], ...this.#pack?.items ?? []];
    for (const { entry } of waiting) yield { entry, ...untried };
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
      this.#digests.keep(entry, digest);
      return this.#settleSame(entry, alike);
    }
    const isCompared = maySame && digest === undefined;
    if (entry.size > MAX_PACKED_SIZE) return this.#placeLarge(entry, alike, isCompared);
    // Entries below the folder can only be stored once it has taken the place of something else.
    if (entry.kind === "folder" && known !== undefined && !maySame) {
      return this.#placeFirst(entry, alike);
    }
    return this.#placeSmall(entry, alike, isCompared);
  }

  /** Sends what is left of a section. Resolves when every entry has its result. Throws the error that ends the run. */
  async finish(): Promise<void> {
    await this.#sendLarge();
    for (;;) {
      await this.#flush();
      await this.#sender?.drain();
      if (this.#again.length === 0) break;
      for (const retry of this.#again.splice(0)) await this.#retry(retry);
      await this.#sendLarge();
    }
    await this.#sender?.end();
    this.#sender = undefined;
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
    await this.#sender?.end();
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
    return this.#large.send(() => this.#pool(), async () => {
      await this.#flush();
      // No pack can be sent while the content of a file is.
      await this.#sender?.drain();
    });
  }

  #placeSmall(
    entry: FoundEntry,
    known: RemoteFile | undefined,
    isCompared: boolean,
  ): Promise<void> | undefined {
    const attempt = { entry, known, attempt: 1, isLate: false };
    return this.#write(attempt, isCompared) ? undefined : this.#writeLater(attempt, isCompared);
  }

  async #writeLater(attempt: Attempt, isCompared: boolean): Promise<void> {
    this.#held = attempt.entry;
    await this.#flush();
    this.#held = undefined;
    this.#write(attempt, isCompared);
  }

  async #placeFirst(entry: FoundEntry, known: RemoteFile | undefined): Promise<void> {
    this.#held = entry;
    await this.#flush();
    await this.#sender?.drain();
    this.#held = undefined;
    this.#write({ entry, known, attempt: 1, isLate: false }, false);
    await this.#flush();
    await this.#sender?.drain();
  }

  async #retry({ entry, known, attempt }: Attempt): Promise<void> {
    try {
      const now = entry.reinspect();
      if (now.size > MAX_PACKED_SIZE) await this.#placeLarge(now, known, false);
      else {
        const next = { entry: now, known, attempt, isLate: true };
        if (!this.#write(next, false)) await this.#writeLater(next, false);
      }
    } catch (error) {
      if (!(error instanceof XferError) || this.#held !== undefined) throw error;
      this.#fail(entry, error);
    }
  }

  /**
   * Reads an entry into the pack, unless the server's has the same content. Returns `false` if there is no room. An
   * entry that cannot be read has that as its result.
   */
  #write({ entry, known, attempt, isLate }: Attempt, isCompared: boolean): boolean {
    const pack = this.#pack ??= { writer: this.#free.pop() ?? new PackWriter(MAX_BULK), items: [] };
    const room = pack.writer.begin(entry.remoteName, roomFor(entry));
    if (room === undefined) return false;
    try {
      readContent(entry, room);
    } catch (error) {
      if (!(error instanceof XferError)) throw error;
      this.#fail(entry, error);
      return true;
    }
    const { kind, size } = entry;
    if (isCompared && known !== undefined) {
      const digest = digestContent(room.subarray(0, size));
      if (equalBytes(digest, known.digest)) {
        this.#digests.keep(entry, digest);
        this.#settleSame(entry, known);
        return true;
      }
    }
    if (attempt === 1) this.#plan(entry);
    const attributes = attributesOf(entry, known, this.#options, this.#now);
    const { cksum, digest } = pack.writer.add({ entry: kind, ...attributes }, size);
    this.#digests.keep(entry, digest, isLate);
    pack.items.push({ entry, known, action: "put", cksum, attempt });
    return true;
  }

  /** Sends the pack and the update that are being made. */
  async #flush(): Promise<void> {
    this.reportPlanned();
    if (this.#pack?.items.length) {
      const sender = await this.#use();
      const { writer, items } = this.#pack;
      this.#pack = undefined;
      this.#announce(items);
      await sender.send({ writer, items, isSent: false });
    }
    await this.#flushUpdate();
  }

  async #flushUpdate(): Promise<void> {
    if (this.#update === undefined) return;
    const sender = await this.#use();
    const { writer, items } = this.#update;
    this.#update = undefined;
    await sender.send({ writer, items, isSent: false });
  }

  async #use(): Promise<BulkSender<SentEntry>> {
    return this.#sender ??= new BulkSender<SentEntry>(await this.#pool(), {
      onResult: (sent, result) => this.#onResult(sent, result),
      onDone: ({ writer }) => this.#recycle(writer),
    });
  }

  #pool(): Promise<ConnectionPool> {
    return (this.#section as TransferSection).pool();
  }

  #recycle(writer: Bulk<SentEntry>["writer"]): void {
    if (!(writer instanceof PackWriter)) return;
    writer.reset();
    this.#free.push(writer);
  }

  #onResult({ entry, known, action, cksum, attempt }: SentEntry, result: RecordResult): void {
    if (result === "mismatch") {
      if (attempt === ATTEMPTS) return this.#fail(entry, differed(entry));
      this.#again.push({ entry, known, attempt: attempt + 1, isLate: true });
    } else if (!(result instanceof XferError)) {
      if (action === "update") this.#report({ ...resultOf(entry), state: "updated" });
      else this.#settle(entry, { cksum, ...result });
    } else if (action === "update" && isReplaced(result)) {
      this.#again.push({ entry, known: undefined, attempt: 1, isLate: true });
    } else this.#fail(entry, result);
  }

  /** The server has the content of an entry. Stores its attributes if they differ. */
  #settleSame(entry: FoundEntry, known: RemoteFile): Promise<void> | undefined {
    const attributes = attributesOf(entry, known, this.#options, known.mtime);
    if (areSameAttributes(attributes, known)) {
      this.#report({ ...resultOf(entry), state: "unchanged" });
      return undefined;
    }
    const sent: SentEntry = { entry, known, action: "update", cksum: 0, attempt: 1 };
    if (this.#addUpdate(sent, attributes)) return undefined;
    this.#held = entry;
    return this.#flushUpdate().then(() => {
      this.#held = undefined;
      this.#addUpdate(sent, attributes);
    });
  }

  #addUpdate(sent: SentEntry, attributes: StoredAttributes): boolean {
    const update = this.#update ??= { writer: new UpdateWriter(), items: [] };
    const { name, version } = sent.known as RemoteFile;
    if (!update.writer.add(name, version, attributes)) return false;
    update.items.push(sent);
    return true;
  }

  #settle(entry: FoundEntry, result: Omit<StoredVersion, "digest"> | Error): void {
    if (result instanceof Error) return this.#fail(entry, result);
    const { cksum: crc, version, replacedOther } = result;
    this.#report({ ...resultOf(entry), state: "stored", crc, version, replacedOther });
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

function resultOf(entry: FoundEntry): Pick<PutUnchanged, "file" | "kind" | "name"> {
  return { file: entry, kind: entry.kind, name: entry.remoteName };
}

function isReplaced(error: XferError): boolean {
  return error instanceof RefusedError && REPLACED.includes(error.code);
}

function differed({ path }: FoundEntry): IntegrityError {
  const what = `${printable(path)} was not stored: its checksums differed ${ATTEMPTS} times`;
  return new IntegrityError("checksum-mismatch", what);
}
