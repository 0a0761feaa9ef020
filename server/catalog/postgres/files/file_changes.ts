/**
 * Changes of the files of accounts that are written together, each kind of them as one statement.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import { ENTRY_KINDS } from "../../../../protocol/entry.ts";
import type { BlobId, UploadId } from "../../../blobs/blob_store.ts";
import type { CommittedFile, NewContent, UsageWithHistory } from "../../files.ts";
import { isInline } from "../../inline_ids.ts";
import type { Queries } from "../database.ts";
import { ByteBag } from "./byte_bag.ts";
import { rowTable } from "./row_table.ts";
import type { StoredTime, Version } from "./version.ts";

/** A version that will be inserted. */
export interface AddedVersion extends Version {
  readonly id: undefined;
  readonly file: CommittedFile;
  readonly chunks: Bytes | undefined;
  content: NewContent;
  confirmedAt: number | undefined;
  endedAt: number | undefined;
}

interface ReplacedContent {
  readonly content: NewContent;
  readonly confirmedAt: number | undefined;
}

type UsageDelta = { files: number; bytes: number; history: { files: number; bytes: number } };

/** Changes so far. The objects of versions change with them. */
export class FileChanges {
  readonly #added = new Set<AddedVersion>();
  readonly #dropped = new Set<number>();
  readonly #ended = new Map<number, number>();
  readonly #metadata = new Map<number, Version>();
  readonly #contents = new Map<number, ReplacedContent>();
  /** Blobs that become garbage, or no longer are. */
  readonly #garbage = new Map<BlobId | UploadId, boolean>();
  readonly #partials = new Set<UploadId>();
  readonly #counts: UsageDelta = { files: 0, bytes: 0, history: { files: 0, bytes: 0 } };

  /** The usage that the changes add, which can be negative. */
  get added(): UsageWithHistory {
    return this.#counts;
  }

  /** Adds a version. */
  add(version: AddedVersion): AddedVersion {
    this.#added.add(version);
    this.#count(this.#counts, version, 1);
    return version;
  }

  /** Makes a current version history, or deletes it. Returns its blob, if that became garbage. */
  end(version: Version, keepHistory: boolean, now: number): BlobId[] {
    if (!keepHistory) return this.drop(version);
    version.current = false;
    this.#count(this.#counts, version, -1);
    this.#count(this.#counts.history, version, 1);
    if (version.id !== undefined) this.#ended.set(version.id, now);
    else (version as AddedVersion).endedAt = now;
    return [];
  }

  /** Deletes a version. Returns its blob, if that became garbage. */
  drop(version: Version): BlobId[] {
    this.#count(version.current ? this.#counts : this.#counts.history, version, -1);
    version.current = false;
    if (version.id !== undefined) this.#dropped.add(version.id);
    else this.#added.delete(version as AddedVersion);
    return this.makeGarbage([version.path]);
  }

  #count(counts: { files: number; bytes: number }, { size }: Version, sign: 1 | -1): void {
    counts.files += sign;
    counts.bytes += sign * size;
  }

  /** Sets the mode and the time of a version, unless it has them already. */
  setMetadata(version: Version, mode: number | undefined, mtime: StoredTime): void {
    const { ms, ns } = version.mtime;
    if (version.mode === mode && ms === mtime.ms && ns === mtime.ns) return;
    version.mode = mode;
    version.mtime = mtime;
    if (version.id !== undefined) this.#metadata.set(version.id, version);
  }

  /** Gives a version a copy of its content. */
  replaceContent(version: Version, content: NewContent, confirmedAt: number | undefined): void {
    version.path = content.id;
    version.contentSize = content.kind === "inline" ? content.bytes.length : null;
    if (version.id !== undefined) this.#contents.set(version.id, { content, confirmedAt });
    else Object.assign(version, { content, confirmedAt });
  }

  /** Lists blobs as garbage and returns their ids. Skips content in the catalog, which is deleted with its row. */
  makeGarbage<Id extends BlobId | UploadId>(ids: readonly Id[]): Id[] {
    const blobs = ids.filter((id) => !isInline(id));
    for (const id of blobs) this.#garbage.set(id, true);
    return blobs;
  }

  /** Removes a blob from the list of garbage. */
  endGarbage(id: BlobId): void {
    if (!isInline(id)) this.#garbage.set(id, false);
  }

  /** Removes the row of a partial upload. */
  endPartial(id: UploadId): void {
    this.#partials.add(id);
  }

  /** The changes by kind, for {@link writeChanges}. */
  get parts() {
    return {
      ...{ added: this.#added, dropped: this.#dropped, ended: this.#ended },
      ...{ metadata: this.#metadata, contents: this.#contents },
      ...{ garbage: this.#garbage, partials: this.#partials },
    };
  }
}

/** Changes of an account. */
export interface OwnedChanges {
  readonly owner: Bytes;
  readonly changes: FileChanges;
  /** When the account was last seen, if it was. */
  readonly seenAt?: number | undefined;
}

/** Writes changes of accounts whose rows are locked, in one round trip. */
export async function writeChanges(
  queries: Queries,
  owned: readonly OwnedChanges[],
): Promise<void> {
  const all = owned.map(({ changes }) => changes.parts);
  const metadata = all.flatMap((one) => [...one.metadata.values()]);
  const contents = all.flatMap((one) => [...one.contents]);
  const ended = all.flatMap((one) => [...one.ended]);
  const dropped = all.flatMap((one) => [...one.dropped]);
  const added = all.flatMap((one, i) =>
    Array.from(one.added, (version) => ({ version, owner: i + 1 }))
  );
  const partials = all.flatMap((one) => [...one.partials]);
  const garbage = all.flatMap((one) => [...one.garbage]);
  const idsOf = (isGarbage: boolean) =>
    garbage.filter(([, is]) => is === isGarbage).map(([id]) => id);
  const counted = owned.filter(({ changes: { added } }) =>
    [added.files, added.bytes, added.history.files, added.history.bytes].some((one) => one !== 0)
  );
  const seen = owned.filter(({ seenAt }) => seenAt !== undefined);
  const some = (rows: readonly unknown[], write: () => Promise<unknown>) =>
    rows.length === 0 ? undefined : write();
  await Promise.all([
    some(metadata, () => writeMetadata(queries, metadata)),
    some(contents, () => writeContents(queries, contents)),
    some(ended, () => queries.run(ENDED, ended.map(([id]) => id), ended.map(([, at]) => at))),
    some(dropped, () => queries.run(DROPPED, dropped)),
    some(added, () => insert(queries, owned.map(({ owner }) => owner), added)),
    some(idsOf(false), () => queries.run(UNLIST_GARBAGE, idsOf(false))),
    some(idsOf(true), () => queries.run(LIST_GARBAGE, idsOf(true))),
    some(partials, () => queries.run(END_PARTIALS, partials)),
    some(counted, () => addUsage(queries, counted.map(toUsageRow))),
    some(
      seen,
      () => queries.run(SEEN, seen.map(({ owner }) => owner), seen.map(({ seenAt }) => seenAt)),
    ),
  ]);
}

const ENDED = `UPDATE files SET current = false, ended_at = one.ended_at
  FROM unnest($1::bigint[], $2::bigint[]) AS one (id, ended_at) WHERE files.id = one.id`;

const DROPPED = "DELETE FROM files WHERE id = ANY ($1::bigint[])";
const END_PARTIALS = "DELETE FROM partials WHERE path = ANY ($1::text[])";
const UNLIST_GARBAGE = "DELETE FROM orphans WHERE path = ANY ($1::text[])";
const LIST_GARBAGE =
  `INSERT INTO orphans (path) SELECT DISTINCT path FROM unnest($1::text[]) AS one (path)
  ORDER BY path ON CONFLICT (path) DO UPDATE SET reserved = false`;
const SEEN = `UPDATE clients SET last_seen = one.seen_at
  FROM unnest($1::bytea[], $2::bigint[]) AS one (id, seen_at) WHERE clients.id = one.id`;

const USAGE_COLUMNS = {
  ...{ client_id: "bytea", files: "bigint", bytes: "bigint" },
  ...{ history_files: "bigint", history_bytes: "bigint" },
};

/** An addition to the usage of an account, by the columns of the table. */
export type UsageRow = Readonly<Record<keyof typeof USAGE_COLUMNS, unknown>>;

function toUsageRow({ owner, changes: { added: { files, bytes, history } } }: OwnedChanges) {
  return {
    ...{ client_id: owner, files, bytes },
    ...{ history_files: history.files, history_bytes: history.bytes },
  };
}

/** Adds to the usage of accounts. */
export async function addUsage(queries: Queries, rows: readonly UsageRow[]): Promise<void> {
  const { sql, values } = rowTable("one", USAGE_COLUMNS, rows);
  const columns = Object.keys(USAGE_COLUMNS).join(", ");
  await queries.run(
    `INSERT INTO usage (${columns}) SELECT ${columns} FROM ${sql}
     ON CONFLICT (client_id) DO UPDATE SET
       files = usage.files + excluded.files, bytes = usage.bytes + excluded.bytes,
       history_files = usage.history_files + excluded.history_files,
       history_bytes = usage.history_bytes + excluded.history_bytes`,
    ...values,
  );
}

function writeMetadata(queries: Queries, versions: readonly Version[]): Promise<number> {
  const columns = { id: "bigint", mode: "integer", mtime: "bigint", mtime_ns: "integer" };
  const rows = versions.map(({ id, mode, mtime: { ms, ns } }) => ({
    ...{ id, mode, mtime: ms, mtime_ns: ns },
  }));
  const { sql, values } = rowTable("one", columns, rows);
  return queries.run(
    `UPDATE files SET mode = one.mode, mtime = one.mtime, mtime_ns = one.mtime_ns
     FROM ${sql} WHERE files.id = one.id`,
    ...values,
  );
}

function writeContents(
  queries: Queries,
  contents: readonly (readonly [number, ReplacedContent])[],
): Promise<number> {
  const bag = new ByteBag();
  const columns = {
    ...{ id: "bigint", path: "text", confirmed_at: "bigint" },
    ...{ content_at: "integer", content_size: "integer" },
  };
  const rows = contents.map(([id, { content, confirmedAt }]) => {
    const place = bag.add(content.kind === "inline" ? content.bytes : undefined);
    return {
      ...{ id, path: content.id, confirmed_at: confirmedAt },
      ...{ content_at: place?.at, content_size: place?.size },
    };
  });
  const { sql, values } = rowTable("one", columns, rows, 2);
  return queries.run(
    `UPDATE files SET path = one.path, confirmed_at = one.confirmed_at,
       content = substring($1::bytea FROM one.content_at FOR one.content_size)
     FROM ${sql} WHERE files.id = one.id`,
    ...[bag.bytes, ...values],
  );
}

const ADDED_COLUMNS = {
  ...{ name: "text", given: "text", version: "bigint", current: "boolean", kind: "smallint" },
  ...{ mode: "integer", path: "text", size: "bigint", crc: "bigint", stored_at: "bigint" },
  ...{ ended_at: "bigint", verified: "boolean", mtime: "bigint", mtime_ns: "integer" },
  confirmed_at: "bigint",
};
/** The parts of rows that are bytes, and what they are called in the table of rows. */
const BYTES = ["stored_by", "digest", "chunks", "content"] as const;
const BYTES_COLUMNS = Object.fromEntries(
  BYTES.flatMap((column) => [[`${column}_at`, "integer"], [`${column}_size`, "integer"]]),
);

/** Inserts rows. Their bytes are one value, since arrays of bytes are sent as text. */
function insert(
  queries: Queries,
  owners: readonly Bytes[],
  added: readonly { readonly version: AddedVersion; readonly owner: number }[],
): Promise<number> {
  const bag = new ByteBag();
  const rows = added.map(({ version, owner }) => {
    const { file, key, name, mtime: { ms, ns }, content, chunks, digest, storedBy } = version;
    const bytes = {
      ...{ stored_by: storedBy, digest, chunks },
      content: content.kind === "inline" ? content.bytes : undefined,
    };
    return {
      ...{ owner, name: key, given: name === key ? null : name, version: version.version },
      ...{ current: version.current, kind: ENTRY_KINDS.indexOf(version.kind), mode: version.mode },
      ...{ path: version.path, size: version.size, crc: version.crc, stored_at: file.storedAt },
      ...{ ended_at: version.endedAt, verified: file.verified, mtime: ms, mtime_ns: ns },
      confirmed_at: version.confirmedAt,
      ...Object.fromEntries(BYTES.flatMap((column) => {
        const place = bag.add(bytes[column] ?? undefined);
        return [[`${column}_at`, place?.at], [`${column}_size`, place?.size]];
      })),
    };
  });
  const types = { owner: "integer", ...ADDED_COLUMNS, ...BYTES_COLUMNS };
  const { sql, values } = rowTable("one", types, rows, 3);
  const columns = Object.keys(ADDED_COLUMNS).join(", ");
  const parts = BYTES.map((column) => `substring($2::bytea FROM ${column}_at FOR ${column}_size)`)
    .join(", ");
  return queries.run(
    `INSERT INTO files (client_id, ${columns}, ${BYTES.join(", ")})
     SELECT ($1::bytea[])[owner], ${columns}, ${parts} FROM ${sql} ORDER BY at`,
    ...[owners, bag.bytes, ...values],
  );
}
