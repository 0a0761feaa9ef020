/**
 * Look-ups of an account and of names, before a transaction places files there.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { UploadId } from "../../../blobs/blob_store.ts";
import type { Account } from "../../accounts.ts";
import type { UsageWithHistory } from "../../files.ts";
import { type Row, toAccount, toUsage } from "../../rows.ts";
import type { Queries } from "../database.ts";
import { isBelow, isNamed, isNamedAnyOf } from "./name_conditions.ts";
import { foldersAbove } from "./name_tree.ts";
import { type Version, versionOf } from "./version.ts";

/** A partial upload of the account. */
export interface KnownPartial {
  readonly id: UploadId;
  readonly name: string;
  readonly durableBytes: number;
}

/** The state of names. */
export interface KnownNames {
  /** The newest version of each name, which is the current one if the name has one. */
  readonly newest: ReadonlyMap<string, Version>;
  /** Names with current files below them, except those that are current files themselves. */
  readonly above: ReadonlySet<string>;
  /** Names of current files and links that are folders in other names. */
  readonly blocking: ReadonlySet<string>;
}

/** The state of an account whose row is locked, and of names. */
export interface KnownFiles extends KnownNames {
  readonly account: Account;
  readonly used: UsageWithHistory;
  readonly partials: readonly KnownPartial[];
  /** Damaged versions of the names. */
  readonly damaged: readonly Version[];
}

/** The most names, and characters of them, in one look-up of folders: a name can have over a hundred. */
const [MAX_FOLDERS, MAX_CHARACTERS] = [4096, 1024 * 1024];

const VERSION_COLUMNS =
  `id, name, given, version, current, kind, mode, path, size, crc, stored_by, mtime,
  mtime_ns, digest, damage, octet_length(content) AS content_size`;

/** Locks the row of an account until the end of the transaction. Changes of its files wait for each other. */
export async function lockOwner(queries: Queries, owner: Bytes): Promise<Account | undefined> {
  const row = await queries.get("SELECT * FROM clients WHERE id = $1 FOR NO KEY UPDATE", owner);
  return row && toAccount(row);
}

/** Locks the rows of accounts, always in the same order. */
export async function lockOwners(queries: Queries, owners: readonly Bytes[]): Promise<void> {
  const query = "SELECT 1 FROM clients WHERE id = ANY ($1::bytea[]) ORDER BY id FOR NO KEY UPDATE";
  await queries.all(query, owners);
}

/** Locks an account and looks up its state, in one round trip; `undefined` if the account is missing. */
export async function lockAndLookUp(
  queries: Queries,
  owner: Bytes,
  keys: readonly string[],
): Promise<KnownFiles | undefined> {
  const names = [...new Set(keys)];
  const [account, known, { hasDamage, used, partials }] = await Promise.all([
    lockOwner(queries, owner),
    lookUpNames(queries, owner, names),
    lookUpUsage(queries, owner),
  ]);
  if (account === undefined) return undefined;
  const damaged = hasDamage ? await lookUpDamaged(queries, owner, names) : [];
  return { account, ...known, damaged, used, partials };
}

/** Looks up damaged versions of names. Most accounts have none. */
async function lookUpDamaged(
  queries: Queries,
  owner: Bytes,
  names: readonly string[],
): Promise<Version[]> {
  const rows = await queries.all(
    `SELECT ${VERSION_COLUMNS} FROM files
     WHERE client_id = $1 AND damage IS NOT NULL AND name = ANY ($2::text[])`,
    ...[owner, names],
  );
  return rows.map(versionOf);
}

/** One row for each partial upload, or one without any. */
const USAGE = `SELECT usage.*, path, name, held,
    EXISTS (SELECT FROM files WHERE client_id = $1 AND damage IS NOT NULL LIMIT 1) AS has_damage
  FROM (SELECT) AS one LEFT JOIN usage ON usage.client_id = $1
  LEFT JOIN partials ON partials.client_id = $1`;

async function lookUpUsage(
  queries: Queries,
  owner: Bytes,
): Promise<Pick<KnownFiles, "used" | "partials"> & { readonly hasDamage: boolean }> {
  const rows = await queries.all(USAGE, owner);
  const { usage: { bytes, files }, history } = toUsage(rows[0] ?? {});
  const partials = rows.filter(({ path }) => path !== null).map(toPartial);
  const held = partials.reduce((sum, { durableBytes }) => sum + durableBytes, 0);
  return {
    used: { bytes: bytes + held, files, history },
    partials,
    hasDamage: rows[0]?.["has_damage"] === true,
  };
}

function toPartial(row: Row): KnownPartial {
  return {
    id: row["path"] as UploadId,
    name: row["name"] as string,
    durableBytes: row["held"] as number,
  };
}

const HAS_BELOW = `SELECT EXISTS (SELECT FROM files
  WHERE client_id = $1 AND current AND ${isBelow("$2::text")} LIMIT 1) AS is_above`;

/** Whether an account has current files below a name. */
export async function hasBelow(queries: Queries, owner: Bytes, name: string): Promise<boolean> {
  return (await queries.get(HAS_BELOW, owner, name))?.["is_above"] === true;
}

/** For each name, its newest version, and whether something is below it, unless it is a current file. */
const NEWEST = `SELECT * FROM (
  SELECT wanted.name AS wanted, newest.*,
    CASE WHEN newest.current AND newest.kind <> 1 THEN false
      ELSE EXISTS (SELECT FROM files WHERE client_id = $1 AND current AND ${isBelow("wanted.name")}
        LIMIT 1) END AS is_above
  FROM unnest($2::text[]) AS wanted (name) LEFT JOIN LATERAL (
    SELECT ${VERSION_COLUMNS} FROM files WHERE client_id = $1 AND ${isNamed("wanted.name")}
    ORDER BY version DESC LIMIT 1
  ) AS newest ON true
) AS known WHERE id IS NOT NULL OR is_above`;

const BLOCKING = `SELECT name FROM files
  WHERE client_id = $1 AND current AND kind <> 1 AND ${isNamedAnyOf("$2::text[]")}`;

/** Looks up names, each once in `names`. */
export async function lookUpNames(
  queries: Queries,
  owner: Bytes,
  names: readonly string[],
): Promise<KnownNames> {
  const [known, blocking] = await Promise.all([
    lookUpVersions(queries, owner, names),
    lookUpBlocking(queries, owner, names),
  ]);
  return { ...known, blocking };
}

/** Looks up the newest versions of names. */
export async function lookUpVersions(
  queries: Queries,
  owner: Bytes,
  names: readonly string[],
): Promise<Pick<KnownNames, "newest" | "above">> {
  const rows = await queries.all(NEWEST, owner, names);
  return {
    newest: new Map(
      rows.filter(({ id }) => id !== null).map((row) => [row["wanted"] as string, versionOf(row)]),
    ),
    above: new Set(
      rows.filter(({ is_above }) => is_above).map((row) => row["wanted"] as string),
    ),
  };
}

/** Looks up names of current entries that are folders in other names, but are none. */
export async function lookUpBlocking(
  queries: Queries,
  owner: Bytes,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const slices = [...slicesOf(foldersOf(names))];
  const found = await Promise.all(slices.map((folders) => queries.all(BLOCKING, owner, folders)));
  return new Set(found.flat().map((row) => row["name"] as string));
}

/** All folders in names, each once. */
function foldersOf(names: readonly string[]): Set<string> {
  const folders = new Set<string>();
  for (const name of names) {
    for (const folder of foldersAbove(name)) {
      // Those above it were added with it.
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return folders;
}

function* slicesOf(names: Iterable<string>): Generator<string[]> {
  let [slice, characters]: [string[], number] = [[], 0];
  for (const name of names) {
    if (slice.length === MAX_FOLDERS || characters + name.length > MAX_CHARACTERS) {
      yield slice;
      [slice, characters] = [[], 0];
    }
    slice.push(name);
    characters += name.length;
  }
  if (slice.length > 0) yield slice;
}
