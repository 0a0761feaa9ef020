/**
 * Rows of files as records of protocol 4, in pages.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { ContentsWriter } from "../../protocol/v4/contents.ts";
import { EntriesWriter } from "../../protocol/v4/entries.ts";
import type { FileToEncode } from "../../protocol/v4/file_record.ts";
import { MAX_PACKED_SIZE } from "../../protocol/v4/pack.ts";
import type { FoundFile, StoredFile } from "./files.ts";
import { isInline } from "./inline_ids.ts";
import type { EncodedEntries, EntriesPage, FetchedPage } from "./packs.ts";
import { kindOf, nameOf, type Row, toFile } from "./rows.ts";

/**
 * The size, in bytes, at which a page of contents is full. While it is sent, the next one is looked up. A smaller one costs
 * more calls.
 */
export const CONTENTS_BYTES = 256 * 1024;
/** The room for a last record that is larger than it was expected to be, in bytes. */
const LAST_RECORD = 80 * 1024;
/** The most results of a page that are not encoded, so that a page of them is bounded. */
const MAX_OTHERS = 64;

/** The columns of a row that becomes a record, besides its damage. Few: each takes a part of the time of a row. */
export const RECORD_COLUMNS =
  "name, given, version, kind, mode, path, size, crc, stored_at, ended_at, mtime, mtime_ns, digest, confirmed_at";

/** A page of the results of a `fetch`. */
export class ContentsPage {
  readonly #owner: Bytes;
  readonly #writer = new ContentsWriter(CONTENTS_BYTES + LAST_RECORD);
  readonly #others: (FoundFile | undefined)[] = [];

  constructor(owner: Bytes) {
    this.#owner = owner;
  }

  /**
   * Adds the result of a record: a row with its content, or `undefined`. Returns `false` if it belongs to the next
   * page.
   */
  add(row: Row | undefined): boolean {
    const others = this.#others;
    if (row !== undefined && isWhole(row)) {
      return others.length === 0 && this.#writer.size < CONTENTS_BYTES &&
        this.#writer.add(fieldsOf(row), row["content"] as Bytes);
    }
    if (others.length === MAX_OTHERS) return false;
    others.push(row && fileOf(this.#owner, row));
    return true;
  }

  /** The page, if the record with index `next` is the first one after it. */
  end(next: number): FetchedPage {
    return { contents: this.#writer.payload, others: this.#others, next };
  }
}

/** A page of entries. */
export class EntriesPageWriter {
  readonly #owner: Bytes;
  readonly #bytes: number;
  readonly #part: number;
  readonly #writer: EntriesWriter;
  readonly #unchecked: { index: number; file: StoredFile }[] = [];
  readonly #others: StoredFile[] = [];
  readonly #ends: number[] = [];

  constructor(owner: Bytes, { bytes, part }: Pick<EntriesPage, "bytes" | "part">) {
    this.#owner = owner;
    this.#bytes = bytes;
    this.#part = part;
    this.#writer = new EntriesWriter(bytes + LAST_RECORD);
  }

  /** Adds the row of a current file. Returns `false` if it belongs to the next page. */
  add(row: Row): boolean {
    const [writer, others] = [this.#writer, this.#others];
    if (row["damage"] === null && row["digest"] === null) {
      if (others.length === MAX_OTHERS) return false;
      others.push(fileOf(this.#owner, row));
      return true;
    }
    if (others.length > 0 || writer.size >= this.#bytes || !addEntry(writer, row)) return false;
    if (row["damage"] === null && !isInline(row["path"] as string)) {
      this.#unchecked.push({ index: writer.count - 1, file: fileOf(this.#owner, row) });
    }
    if (writer.size >= (this.#ends.at(-1) ?? 0) + this.#part) this.#ends.push(writer.size);
    return true;
  }

  /** The page. `next`: `after` of the next one. */
  end(next: string | undefined): EncodedEntries {
    const writer = this.#writer;
    if (writer.size > (this.#ends.at(-1) ?? 0)) this.#ends.push(writer.size);
    return {
      ...{ entries: writer.payload, ends: this.#ends, unchecked: this.#unchecked },
      ...{ others: this.#others, next },
    };
  }
}

/** Whether everything that a client needs is in a row. */
function isWhole(row: Row): boolean {
  return row["content"] !== null && row["damage"] === null && row["digest"] !== null &&
    (row["size"] as number) <= MAX_PACKED_SIZE;
}

/** Adds a record of a current file; of a damaged one, only its name. Returns `false` if there is no room for it. */
function addEntry(writer: EntriesWriter, row: Row): boolean {
  return row["damage"] === null
    ? writer.add(fieldsOf(row))
    : writer.addDamaged(nameOf(row), row["version"] as number);
}

/** The file of a row, without the columns that no one needs here. */
function fileOf(owner: Bytes, row: Row): StoredFile {
  const isCurrent = row["ended_at"] === null;
  return toFile({ ...row, client_id: owner, current: isCurrent, verified: true, stored_by: null });
}

/** The fields of a row that has a digest. */
function fieldsOf(row: Row): FileToEncode {
  return {
    name: nameOf(row),
    version: row["version"] as number,
    entry: kindOf(row),
    mode: (row["mode"] as number | null) ?? undefined,
    size: row["size"] as number,
    mtime: { ms: row["mtime"] as number, ns: row["mtime_ns"] as number },
    storedAt: row["stored_at"] as number,
    endedAt: (row["ended_at"] as number | null) ?? 0,
    cksum: row["crc"] as number,
    digest: row["digest"] as Bytes,
    confirmedAt: (row["confirmed_at"] as number | null) ?? 0,
  };
}
