/**
 * Renames an entry and everything below it, with its history.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import { MAX_NAME, MAX_PARTS } from "../../bounds.ts";
import type { ChangedEntries, RenameResult } from "../../files.ts";
import { renamedEvent } from "../../hook_events.ts";
import { nameKey } from "../../name_key.ts";
import { below } from "../../name_ranges.ts";
import { CatalogRefusal } from "../../refusal.ts";
import type { Database } from "../database.ts";
import { nameOf, type Row } from "../../rows.ts";
import { queueHooksOf } from "./accounts.ts";
import { newestVersion } from "./commit.ts";
import { currentKind, hasBelow, refuseConflict } from "./name_tree.ts";
import { write } from "./operation.ts";
import { countOf, type Rows, rowsOf } from "./remove.ts";

/** The number of rows in one look-up of those that are renamed one by one. */
const PAGE = 500;

export const RENAME_OPERATIONS = {
  rename: write((database, owner: Bytes, from: string, to: string): RenameResult => {
    const [oldKey, newKey] = [nameKey(from), nameKey(to)];
    const kind = currentKind(database, owner, oldKey);
    const isFolder = kind === "folder" ||
      kind === undefined && hasBelow(database, owner, oldKey);
    if (kind === undefined && !isFolder) return { outcome: "missing", ...NOTHING };
    const move = { owner, oldKey, newKey, newName: to, isFolder };
    const changed = () => countOf(database, rowsOf(owner, oldKey, isFolder, true));
    if (oldKey === newKey && from !== to) {
      refuseTooLong(database, move);
      moveInPlace(database, move);
      const renamed = changed();
      queueHooksOf(database, owner, "renamed", (by) => renamedEvent(by, from, to, renamed));
      return { outcome: "renamed", ...renamed };
    }
    const isTaken = currentKind(database, owner, newKey) !== undefined ||
      isFolder && hasBelow(database, owner, newKey);
    if (isTaken) return { outcome: "taken", ...NOTHING };
    if (isFolder && newKey.startsWith(`${oldKey}/`)) throw new CatalogRefusal("below-itself");
    refuseTooLong(database, move);
    const renamed = changed();
    moveAfterHistory(database, move);
    moveGiven(database, move);
    moveRest(database, move);
    refuseConflict(database, owner, newKey, kind ?? "folder");
    queueHooksOf(database, owner, "renamed", (by) => renamedEvent(by, from, to, renamed));
    return { outcome: "renamed", ...renamed };
  }),
};

const NOTHING: ChangedEntries = { entries: 0, bytes: 0 };

interface Move {
  readonly owner: Bytes;
  readonly oldKey: string;
  readonly newKey: string;
  /** As it was given. */
  readonly newName: string;
  /** Whether everything below is renamed too. */
  readonly isFolder: boolean;
}

function oldRows({ owner, oldKey, isFolder }: Move): readonly Rows[] {
  return rowsOf(owner, oldKey, isFolder, false);
}

/** Throws `CatalogRefusal` `name-too-long` if a new name would be. */
function refuseTooLong(database: Database, move: Move): void {
  const { oldKey, newName } = move;
  const utf8 = new TextEncoder();
  const longer = utf8.encode(newName).length - utf8.encode(oldKey).length;
  const deeper = partsOf(newName).length - partsOf(oldKey).length;
  if (!move.isFolder || longer <= 0 && deeper <= 0) return;
  for (const { where, values } of oldRows(move)) {
    const query = `SELECT max(length(CAST(coalesce(given, name) AS BLOB))) AS bytes,
      max(length(name) - length(replace(name, '/', ''))) AS parts FROM files WHERE ${where}`;
    const [row] = database.all(query, ...values);
    const [bytes, parts] = [row?.["bytes"], row?.["parts"]] as (number | null)[];
    if ((bytes ?? 0) + longer > MAX_NAME || (parts ?? 0) + 1 + deeper > MAX_PARTS) {
      throw new CatalogRefusal("name-too-long");
    }
  }
}

/** Renames a name to another Unicode form of itself. */
function moveInPlace(database: Database, move: Move): void {
  for (const { where, values } of oldRows(move)) {
    const query = `SELECT id, name, given FROM files WHERE ${where} AND id > ? ORDER BY id LIMIT ?`;
    for (let last = 0;;) {
      const rows = database.all(query, ...values, last, PAGE);
      for (const row of rows) moveOne(database, move, row);
      if (rows.length < PAGE) break;
      last = rows.at(-1)?.["id"] as number;
    }
  }
}

/** Renames names whose new name has history. Their versions are numbered after it. */
function moveAfterHistory(database: Database, move: Move): void {
  const { owner, oldKey, newKey } = move;
  const query = "SELECT id, name, given FROM files WHERE client_id = ? AND name = ? LIMIT ?";
  for (const key of newNames(database, move)) {
    const name = `${oldKey}${key.slice(newKey.length)}`;
    const offset = newestVersion(database, owner, key);
    const next = () => database.all(query, owner, name, PAGE);
    for (let rows = next(); rows.length > 0; rows = next()) {
      for (const row of rows) moveOne(database, move, row, offset);
    }
  }
}

/** The keys of all new names that have rows. */
function* newNames(database: Database, { owner, newKey, isFolder }: Move): Generator<string> {
  if (newestVersion(database, owner, newKey) > 0) yield newKey;
  if (!isFolder) return;
  const { after, end } = below(newKey);
  const query = `SELECT name FROM files WHERE client_id = ? AND name > ? AND name < ?
    GROUP BY name ORDER BY name LIMIT ?`;
  for (let last = after;;) {
    const names = database.all(query, owner, last, end, PAGE).map(({ name }) => name as string);
    yield* names;
    if (names.length < PAGE) return;
    last = names.at(-1) as string;
  }
}

/** Renames rows whose names were given in another form. */
function moveGiven(database: Database, move: Move): void {
  for (const { where, values } of oldRows(move)) {
    const query = `SELECT id, name, given FROM files WHERE ${where} AND given IS NOT NULL LIMIT ?`;
    const next = () => database.all(query, ...values, PAGE);
    for (let rows = next(); rows.length > 0; rows = next()) {
      for (const row of rows) moveOne(database, move, row);
    }
  }
}

function moveOne(database: Database, move: Move, row: Row, offset = 0): void {
  const { oldKey, newKey, newName } = move;
  const key = `${newKey}${(row["name"] as string).slice(oldKey.length)}`;
  const given = [newName, ...partsOf(nameOf(row)).slice(partsOf(oldKey).length)].join("/");
  const query = "UPDATE files SET name = ?, given = ?, version = version + ? WHERE id = ?";
  database.run(query, key, given === key ? null : given, offset, row["id"] as number);
}

/** Renames all other rows. Their number is not bounded, so they are not read. */
function moveRest(database: Database, move: Move): void {
  const { oldKey, newKey, newName } = move;
  for (const { where, values } of oldRows(move)) {
    database.run(
      `UPDATE files SET name = ? || substr(name, length(?) + 1),
         given = ? || substr(name, length(?) + 1) WHERE ${where}`,
      ...[newKey, oldKey, newName === newKey ? null : newName, oldKey, ...values],
    );
  }
}

function partsOf(name: string): string[] {
  return name.split("/");
}
