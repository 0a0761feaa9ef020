/**
 * The files of a catalog in PostgreSQL.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { Files } from "../../files.ts";
import type { PackedFiles } from "../../packs.ts";
import { FOLDER_MS, type PostgresDatabase, type Transaction } from "../database.ts";
import { methodsOf, type OperationsOf, read, repeatable, write } from "../operations/operation.ts";
import { AccountLanes } from "./account_lanes.ts";
import { dropOldestHistory, expireHistory, totalHistory, trimHistory } from "./history.ts";
import { list, listAll, listLevel, listRemoved, scan, versions } from "./lists.ts";
import {
  chunkDigests,
  content,
  contentSize,
  damaged,
  fetchPack,
  find,
  listEncoded,
  unconfirmed,
  usage,
} from "./lookups.ts";
import { confirm, forget, setDamage, setDigests, update } from "./marks.ts";
import { commitPack, updatePack } from "./packs.ts";
import { remove } from "./remove.ts";
import { rename } from "./rename.ts";
import { restore } from "./restore.ts";

type All = Files & PackedFiles;

/** Changes of an account's files, which wait for each other. */
const CHANGES = { commitPack, updatePack, trimHistory };
/** The same for folders with any number of files. */
const FOLDER_CHANGES = { rename, remove, restore };

type Changing = typeof CHANGES & typeof FOLDER_CHANGES;

const OTHERS: OperationsOf<Omit<All, keyof Changing | "commit">> = {
  find: read(find),
  chunkDigests: read(chunkDigests),
  content: read(content),
  contentSize: read(contentSize),
  usage: read(usage),
  fetchPack: read(fetchPack),
  // Pages of lists follow the indexes in transactions.
  listEncoded: write(listEncoded),
  list: write(list),
  listLevel: write(listLevel),
  listRemoved: write(listRemoved),
  versions: write(versions),
  listAll: write(listAll),
  scan: write(scan),
  unconfirmed: write(unconfirmed),
  totalHistory: read(totalHistory),
  damaged: read(damaged),
  // These have the same effect if they run again.
  update: repeatable(update),
  setDigests: repeatable(setDigests),
  confirm: repeatable(confirm),
  setDamage: write(setDamage),
  forget: write(forget),
  expireHistory: write(expireHistory),
  dropOldestHistory: write(dropOldestHistory),
};

type Change = (transaction: Transaction, owner: Bytes, ...args: unknown[]) => Promise<unknown>;

/** The files of a catalog in a database. */
export function postgresFiles(database: PostgresDatabase): All {
  const lanes = new AccountLanes(database);
  const changing = (changes: Readonly<Record<string, unknown>>, statementMs?: number) =>
    Object.fromEntries(
      Object.entries(changes).map(([name, change]) => [
        name,
        (owner: Bytes, ...args: unknown[]) =>
          lanes.change(
            owner,
            (transaction) => (change as Change)(transaction, owner, ...args),
            statementMs,
          ),
      ]),
    );
  const all = { ...changing(CHANGES), ...changing(FOLDER_CHANGES, FOLDER_MS) };
  return {
    ...methodsOf(database, OTHERS),
    ...all as Pick<All, keyof Changing>,
    commit: (file, options = {}) => lanes.commit(file, options),
  };
}
