/**
 * Files in packs: many small files in one call, as records of protocol 4, which are neither copied one by one nor turned
 * into objects.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { BlobId, UploadId } from "../blobs/blob_store.ts";
import type { Usage } from "./accounts.ts";
import type { FilePage, FoundFile, RoomOptions, StoredFile } from "./files.ts";
import { REFUSAL_REASONS, type RefusalReason } from "./refusal.ts";

/** Options of a pack to commit. */
export interface PackOptions extends RoomOptions {
  /** One byte per record: 1 if it should be stored. Others are skipped. */
  readonly accepted: Bytes;
  /** The blobs of contents that are not to be stored in the catalog, by the index of their record. */
  readonly blobs?: ReadonlyMap<number, BlobId>;
  /** The part of the quota that uploads in progress have reserved. */
  readonly reserved?: Usage;
  /** Milliseconds since the epoch. */
  readonly storedAt: number;
  /** The key that stores, 32 bytes. */
  readonly storedBy: Bytes;
}

/**
 * The outcomes of a record. `kept`: the current version has the same content and got the mode and the time. `missing` and
 * `changed`: the name has no current version, or another one than the update is for.
 */
export const PACK_OUTCOMES = [
  ...["skipped", "stored", "kept", "missing", "changed"] as const,
  ...REFUSAL_REASONS,
] as const;

/** The outcome of a record. */
export type PackOutcome = "skipped" | "stored" | "kept" | "missing" | "changed" | RefusalReason;

/** The result of a pack. */
export interface PackResult {
  /** The outcomes of all records, for {@link PackOutcomes}. */
  readonly outcomes: Uint32Array<ArrayBuffer>;
  /** The blobs and partial uploads that became garbage, and blobs that are not needed. */
  readonly garbage: readonly (BlobId | UploadId)[];
  /** Whether history is over its bounds, so that `trimHistory` must follow. */
  readonly hasSurplus: boolean;
}

/** The numbers of a record: its outcome, version, replaced version, and whether another key had stored that. */
const NUMBERS = 4;

/** The outcomes of a pack's records in one array, which threads can hand over. */
export class PackOutcomes {
  /** The numbers of all records. */
  readonly numbers: Uint32Array<ArrayBuffer>;

  /** `records`: their number, all skipped so far, or their outcomes. */
  constructor(records: number | Uint32Array<ArrayBuffer>) {
    this.numbers = typeof records === "number" ? new Uint32Array(NUMBERS * records) : records;
  }

  /** The number of records. */
  get length(): number {
    return this.numbers.length / NUMBERS;
  }

  /** Sets the outcome of a record. */
  set(index: number, outcome: PackOutcome, version = 0, replaced = 0, byOther = false): void {
    const at = NUMBERS * index;
    this.numbers[at] = PACK_OUTCOMES.indexOf(outcome);
    this.numbers[at + 1] = version;
    this.numbers[at + 2] = replaced;
    this.numbers[at + 3] = Number(byOther);
  }

  /** The outcome of a record. */
  outcome(index: number): PackOutcome {
    return PACK_OUTCOMES[this.numbers[NUMBERS * index] as number] as PackOutcome;
  }

  /** The version that has the content or the metadata of a record. */
  version(index: number): number {
    return this.numbers[NUMBERS * index + 1] as number;
  }

  /** The version that a record has replaced, or 0. */
  replaced(index: number): number {
    return this.numbers[NUMBERS * index + 2] as number;
  }

  /** Whether another key had stored that one. */
  byOther(index: number): boolean {
    return this.numbers[NUMBERS * index + 3] === 1;
  }
}

/** Options of an update. */
export type UpdateOptions = Pick<PackOptions, "accepted">;

/** A part of the results of a `fetch`. */
export interface FetchedPage {
  /** Records of `contents`; empty if the first result is one of `others`. */
  readonly contents: Bytes;
  /**
   * The results of the records that follow, which the catalog has not encoded: files that it does not store, or that are
   * damaged, too large or without a digest. `undefined`: no such file.
   */
  readonly others: readonly (FoundFile | undefined)[];
  /** The index of the record to continue with. */
  readonly next: number;
}

/** A page of entries to encode. */
export interface EntriesPage extends Omit<FilePage, "limit"> {
  /** The most bytes of records, but at least one record. */
  readonly bytes: number;
  /** The bytes of a part of the page, which is sent as one message. */
  readonly part: number;
}

/** Encoded entries. */
export interface EncodedEntries {
  /** Records of `entries`; empty if the first entry is one of `others`. */
  readonly entries: Bytes;
  /** The ends of the parts of `entries`, in bytes. */
  readonly ends: readonly number[];
  /** Those of the encoded entries whose content is in the blob store, which the catalog has not looked at. */
  readonly unchecked: readonly { readonly index: number; readonly file: StoredFile }[];
  /** The entries that follow, without a digest, so that they cannot be encoded. */
  readonly others: readonly StoredFile[];
  /** `after` of the next page; `undefined` after the last. */
  readonly next: string | undefined;
}

/**
 * Changes and look-ups of many files of an account. Each record succeeds or fails by itself, in the order of the message.
 * When the promise resolves, everything that succeeded is on disk.
 */
export interface PackedFiles {
  /**
   * Commits the records of a `pack`, whose contents were verified, as `commit` does. Its buffer is detached. A record with
   * the content of the current version of its name only changes the metadata.
   */
  commitPack(owner: Bytes, pack: Bytes, options: PackOptions): Promise<PackResult>;
  /** Changes the metadata of current versions by the records of an `update`, whose buffer is detached. */
  updatePack(owner: Bytes, update: Bytes, options: UpdateOptions): Promise<PackResult>;
  /** Results of the records of a `fetch`, from the one with index `from` on. */
  fetchPack(owner: Bytes, fetch: Bytes, from: number): Promise<FetchedPage>;
  /** A page of the current files of an account, by name, as records. */
  listEncoded(owner: Bytes, page: EntriesPage): Promise<EncodedEntries>;
}
