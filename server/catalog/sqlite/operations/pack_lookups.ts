/**
 * Look-ups of many files in one call, whose results are records of protocol 4.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import { FetchReader } from "../../../../protocol/v4/fetch.ts";
import { nameKey } from "../../name_key.ts";
import { rangeAfter } from "../../name_ranges.ts";
import type { EncodedEntries, EntriesPage, FetchedPage } from "../../packs.ts";
import { ContentsPage, EntriesPageWriter, RECORD_COLUMNS } from "../../row_records.ts";
import type { Row } from "../../rows.ts";
import { DAMAGE_COLUMN, FILES } from "../columns.ts";
import type { Database } from "../database.ts";
import { currentFrom } from "./lists.ts";
import { read } from "./operation.ts";

/** The number of entries in one look-up of a list. */
const STEP = 256;

const COLUMNS = `${RECORD_COLUMNS}, ${DAMAGE_COLUMN}`;
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
  const page = new ContentsPage(owner);
  while (reader.next()) {
    if (reader.index < from) continue;
    if (!page.add(rowOf(database, owner, reader))) return page.end(reader.index);
  }
  return page.end(reader.index + 1);
}

function listEncoded(
  database: Database,
  owner: Bytes,
  { prefix = "", after = "", ...size }: EntriesPage,
): EncodedEntries {
  const page = new EntriesPageWriter(owner, size);
  const key = nameKey(prefix);
  for (let last = nameKey(after);;) {
    const rows = currentFrom(database, owner, rangeAfter(key, last), STEP, COLUMNS);
    for (const row of rows) {
      if (!page.add(row)) return page.end(last);
      last = row["name"] as string;
    }
    if (rows.length < STEP) return page.end(undefined);
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
