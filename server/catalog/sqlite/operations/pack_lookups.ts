/**
 * Look-ups of many files in one call, whose results are records of protocol 4.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import { ContentsWriter } from "../../../../protocol/v4/contents.ts";
import { EntriesWriter } from "../../../../protocol/v4/entries.ts";
import { FetchReader } from "../../../../protocol/v4/fetch.ts";
import type { FileToEncode } from "../../../../protocol/v4/file_record.ts";
import { MAX_PACKED_SIZE } from "../../../../protocol/v4/pack.ts";
import type { FoundFile, StoredFile } from "../../files.ts";
import { nameKey } from "../../name_key.ts";
import type { EncodedEntries, EntriesPage, FetchedPage } from "../../packs.ts";
import type { Database } from "../database.ts";
import { DAMAGE_COLUMN, FILES, isInline, kindOf, nameOf, type Row, toFile } from "../rows.ts";
import { currentFrom, rangeAfter } from "./lists.ts";
import { read } from "./operation.ts";

/** The number of entries in one look-up of a list. */
const STEP = 256;
/**
 * The size, in bytes, at which a page of contents is full. While it is sent, the next one is looked up. A smaller one costs
 * more calls.
 */
const CONTENTS_BYTES = 256 * 1024;
/** The room for a last record that is larger than it was expected to be, in bytes. */
const LAST_RECORD = 80 * 1024;
/** The most results of a page that are not encoded, so that a page of them is bounded. */
const MAX_OTHERS = 64;

/** Few columns: each takes a part of the time of a row. */
const COLUMNS =
  `name, given, version, kind, mode, path, size, crc, stored_at, ended_at, mtime, mtime_ns,
  digest, confirmed_at, ${DAMAGE_COLUMN}`;
const OF_NAME = `SELECT ${COLUMNS}, content FROM ${FILES} WHERE client_id = ? AND name = ?`;
const CURRENT = `${OF_NAME} AND current = 1`;
const VERSION = `${OF_NAME} AND version = ?`;

export const LOOKUP_OPERATIONS = {
  fetchPack: { ...read(fetchPack), handsBack: "contents" },
  listEncoded: { ...read(listEncoded), handsBack: "entries" },
};

function fetchPack(
  database: Database,
  owner: Bytes,
  fetch: Bytes,
  from: number,
): FetchedPage {
  const reader = new FetchReader(fetch);
  const writer = new ContentsWriter(CONTENTS_BYTES + LAST_RECORD);
  const others: (FoundFile | undefined)[] = [];
  while (reader.next()) {
    if (reader.index < from) continue;
    const row = rowOf(database, owner, reader);
    const isEncodable = row !== undefined && isWhole(row);
    const isFull = isEncodable
      ? others.length > 0 || writer.size >= CONTENTS_BYTES ||
        !writer.add(fieldsOf(row), row["content"] as Bytes)
      : others.length === MAX_OTHERS;
    if (isFull) return { contents: writer.payload, others, next: reader.index };
    if (!isEncodable) others.push(row && fileOf(owner, row));
  }
  return { contents: writer.payload, others, next: reader.index + 1 };
}

function listEncoded(
  database: Database,
  owner: Bytes,
  { prefix = "", after = "", bytes, part }: EntriesPage,
): EncodedEntries {
  const writer = new EntriesWriter(bytes + LAST_RECORD);
  const unchecked: { index: number; file: StoredFile }[] = [];
  const others: StoredFile[] = [];
  const ends: number[] = [];
  const page = (next: string | undefined): EncodedEntries => {
    if (writer.size > (ends.at(-1) ?? 0)) ends.push(writer.size);
    return { entries: writer.payload, ends, unchecked, others, next };
  };
  const key = nameKey(prefix);
  for (let last = nameKey(after);;) {
    const rows = currentFrom(database, owner, rangeAfter(key, last), STEP, COLUMNS);
    for (const row of rows) {
      const isKnown = row["damage"] !== null || row["digest"] !== null;
      const isFull = isKnown
        ? others.length > 0 || writer.size >= bytes || !add(writer, row)
        : others.length === MAX_OTHERS;
      if (isFull) return page(last);
      if (!isKnown) others.push(fileOf(owner, row));
      else if (row["damage"] === null && !isInline(row["path"] as string)) {
        unchecked.push({ index: writer.count - 1, file: fileOf(owner, row) });
      }
      if (writer.size >= (ends.at(-1) ?? 0) + part) ends.push(writer.size);
      last = row["name"] as string;
    }
    if (rows.length < STEP) return page(undefined);
  }
}

function rowOf(
  database: Database,
  owner: Bytes,
  { name, version }: Pick<FetchReader, "name" | "version">,
): Row | undefined {
  const key = nameKey(name);
  return version === 0
    ? database.get(CURRENT, owner, key)
    : database.get(VERSION, owner, key, version);
}

/** Whether everything that a client needs is in a row. */
function isWhole(row: Row): boolean {
  return row["content"] !== null && row["damage"] === null && row["digest"] !== null &&
    (row["size"] as number) <= MAX_PACKED_SIZE;
}

function add(writer: EntriesWriter, row: Row): boolean {
  return row["damage"] === null
    ? writer.add(fieldsOf(row))
    : writer.addDamaged(nameOf(row), row["version"] as number);
}

/** The file of a row, without the columns that no one needs here. */
function fileOf(owner: Bytes, row: Row): StoredFile {
  const isCurrent = Number(row["ended_at"] === null);
  return toFile({ ...row, client_id: owner, current: isCurrent, verified: 1, stored_by: null });
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
