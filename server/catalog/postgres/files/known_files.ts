/**
 * Look-ups of accounts and of names, before a transaction places files there.
 *
 * @module
 */
import { type Bytes, toHex } from "../../../../protocol/bytes.ts";
import type { UploadId } from "../../../blobs/blob_store.ts";
import type { Account } from "../../accounts.ts";
import type { UsageWithHistory } from "../../files.ts";
import { type Row, toAccount, toUsage } from "../../rows.ts";
import type { Queries } from "../database.ts";
import { isBelow, isNamed } from "./name_conditions.ts";
import { foldersAbove } from "./name_tree.ts";
import { type Version, versionOf } from "./version.ts";

/** A partial upload of the account. */
export interface KnownPartial {
  readonly id: UploadId;
  readonly name: string;
  readonly durableBytes: number;
}

/** Names of an account. */
export interface OwnedNames {
  readonly owner: Bytes;
  /** Each once. */
  readonly names: readonly string[];
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
  return (await lockOwners(queries, [owner])).get(toHex(owner));
}

/** Locks the rows of accounts, always in the same order. Returns them by their ids in hexadecimal. */
export async function lockOwners(
  queries: Queries,
  owners: readonly Bytes[],
): Promise<ReadonlyMap<string, Account>> {
  const query = "SELECT * FROM clients WHERE id = ANY ($1::bytea[]) ORDER BY id FOR NO KEY UPDATE";
  const rows = await queries.all(query, owners);
  return new Map(rows.map((row) => [toHex(row["id"] as Bytes), toAccount(row)]));
}

/** Locks accounts and looks up their states, in one round trip; `undefined` for those that are missing. */
export async function lockAndLookUp(
  queries: Queries,
  wanted: readonly OwnedNames[],
): Promise<(KnownFiles | undefined)[]> {
  const owners = wanted.map(({ owner }) => owner);
  const [accounts, names, usages] = await Promise.all([
    lockOwners(queries, owners),
    lookUpNames(queries, wanted),
    lookUpUsages(queries, owners),
  ]);
  return await Promise.all(wanted.map(async (one, i) => {
    const account = accounts.get(toHex(one.owner));
    const [known, usage] = [names[i], usages[i]];
    if (account === undefined || known === undefined || usage === undefined) return undefined;
    const { hasDamage, ...rest } = usage;
    const damaged = hasDamage ? await lookUpDamaged(queries, one) : [];
    return { account, ...known, ...rest, damaged };
  }));
}

/** Looks up damaged versions of names. Most accounts have none. */
async function lookUpDamaged(queries: Queries, { owner, names }: OwnedNames): Promise<Version[]> {
  const rows = await queries.all(
    `SELECT ${VERSION_COLUMNS} FROM files
     WHERE client_id = $1 AND damage IS NOT NULL AND name = ANY ($2::text[])`,
    ...[owner, names],
  );
  return rows.map(versionOf);
}

/** For each account, one row for each partial upload, or one without any. */
const USAGE = `SELECT owner, files, bytes, history_files, history_bytes, path, name, held,
    EXISTS (SELECT FROM files AS one WHERE one.client_id = wanted.id AND damage IS NOT NULL LIMIT 1)
      AS has_damage
  FROM unnest($1::bytea[]) WITH ORDINALITY AS wanted (id, owner)
  LEFT JOIN usage ON usage.client_id = wanted.id LEFT JOIN partials ON partials.client_id = wanted.id`;

type KnownUsage = Pick<KnownFiles, "used" | "partials"> & { readonly hasDamage: boolean };

async function lookUpUsages(queries: Queries, owners: readonly Bytes[]): Promise<KnownUsage[]> {
  const groups = byOwner(owners.length, await queries.all(USAGE, owners));
  return groups.map((rows) => {
    const { usage: { bytes, files }, history } = toUsage(rows[0] ?? {});
    const partials = rows.filter(({ path }) => path !== null).map(toPartial);
    const held = partials.reduce((sum, { durableBytes }) => sum + durableBytes, 0);
    return {
      used: { bytes: bytes + held, files, history },
      partials,
      hasDamage: rows[0]?.["has_damage"] === true,
    };
  });
}

/** Rows by their column `owner`, from 1. */
function byOwner(owners: number, rows: readonly Row[]): Row[][] {
  const groups: Row[][] = Array.from({ length: owners }, () => []);
  for (const row of rows) groups[(row["owner"] as number) - 1]?.push(row);
  return groups;
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

/** The account of a wanted name: $1 are the accounts, $2 their places in it, $3 the names. */
const OWNER = "($1::bytea[])[wanted.owner]";
const WANTED = "unnest($2::integer[], $3::text[]) AS wanted (owner, name)";

/** For each name, its newest version, and whether something is below it, unless it is a current file. */
const NEWEST = `SELECT * FROM (
  SELECT wanted.owner, wanted.name AS wanted, newest.*,
    CASE WHEN newest.current AND newest.kind <> 1 THEN false
      ELSE EXISTS (SELECT FROM files WHERE client_id = ${OWNER} AND current
        AND ${isBelow("wanted.name")} LIMIT 1) END AS is_above
  FROM ${WANTED} LEFT JOIN LATERAL (
    SELECT ${VERSION_COLUMNS} FROM files WHERE client_id = ${OWNER} AND ${isNamed("wanted.name")}
    ORDER BY version DESC LIMIT 1
  ) AS newest ON true
) AS known WHERE id IS NOT NULL OR is_above`;

const BLOCKING = `SELECT wanted.owner, wanted.name FROM ${WANTED} CROSS JOIN LATERAL (
    SELECT FROM files WHERE client_id = ${OWNER} AND current AND kind <> 1
    AND ${isNamed("wanted.name")} LIMIT 1
  ) AS one`;

/** Looks up names of accounts. */
export async function lookUpNames(
  queries: Queries,
  wanted: readonly OwnedNames[],
): Promise<KnownNames[]> {
  const [versions, blocking] = await Promise.all([
    lookUpVersions(queries, wanted),
    lookUpBlocking(queries, wanted),
  ]);
  return versions.map((known, i) => ({ ...known, blocking: blocking[i] ?? new Set() }));
}

/** Looks up the newest versions of names. */
export async function lookUpVersions(
  queries: Queries,
  wanted: readonly OwnedNames[],
): Promise<Pick<KnownNames, "newest" | "above">[]> {
  const names = wanted.flatMap(({ names }, i) => names.map((name) => [i + 1, name] as const));
  const rows = await queries.all(NEWEST, ...valuesOf(wanted, names));
  return byOwner(wanted.length, rows).map((rows) => ({
    newest: new Map(
      rows.filter(({ id }) => id !== null).map((row) => [row["wanted"] as string, versionOf(row)]),
    ),
    above: new Set(
      rows.filter(({ is_above }) => is_above).map((row) => row["wanted"] as string),
    ),
  }));
}

/** Looks up names of current entries that are folders in other names, but are none. */
export async function lookUpBlocking(
  queries: Queries,
  wanted: readonly OwnedNames[],
): Promise<ReadonlySet<string>[]> {
  const folders = wanted.flatMap(({ names }, i) =>
    Array.from(foldersOf(names), (folder) => [i + 1, folder] as const)
  );
  const found = await Promise.all(
    Array.from(slicesOf(folders), (slice) => queries.all(BLOCKING, ...valuesOf(wanted, slice))),
  );
  return byOwner(wanted.length, found.flat())
    .map((rows) => new Set(rows.map((row) => row["name"] as string)));
}

type OwnedName = readonly [owner: number, name: string];

function valuesOf(wanted: readonly OwnedNames[], names: readonly OwnedName[]) {
  return [
    wanted.map(({ owner }) => owner),
    names.map(([owner]) => owner),
    names.map(([, name]) => name),
  ];
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

function* slicesOf(names: readonly OwnedName[]): Generator<OwnedName[]> {
  let [slice, characters]: [OwnedName[], number] = [[], 0];
  for (const one of names) {
    const { length } = one[1];
    if (slice.length === MAX_FOLDERS || slice.length > 0 && characters + length > MAX_CHARACTERS) {
      yield slice;
      [slice, characters] = [[], 0];
    }
    slice.push(one);
    characters += length;
  }
  if (slice.length > 0) yield slice;
}
