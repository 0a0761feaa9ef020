/**
 * Changes of an account's files that are written together, each kind of them as one statement.
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

type UsageDelta = { files: number; bytes: number; history: { files: number; bytes: number } };

/** Changes so far. The objects of versions change with them. */
export class FileChanges {
  readonly #added = new Set<AddedVersion>();
  readonly #dropped = new Set<number>();
  readonly #ended = new Map<number, number>();
  readonly #metadata = new Map<number, Version>();
  readonly #contents = new Map<number, { content: NewContent; confirmedAt: number | undefined }>();
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

  /** Writes everything. `seenAt`: when the account was last seen, if it was. */
  async write(queries: Queries, owner: Bytes, seenAt: number | undefined): Promise<void> {
    const bag = new ByteBag();
    await Promise.all([
      ...this.#metadata.size === 0 ? [] : [writeMetadata(queries, this.#metadata.values())],
      ...this.#contents.size === 0 ? [] : [writeContents(queries, this.#contents)],
      ...this.#ended.size === 0 ? [] : [
        queries.run(ENDED, [...this.#ended.keys()], [...this.#ended.values()]),
      ],
      ...this.#dropped.size === 0 ? [] : [
        queries.run("DELETE FROM files WHERE id = ANY ($1::bigint[])", [...this.#dropped]),
      ],
      ...this.#added.size === 0 ? [] : [insert(queries, owner, [...this.#added], bag)],
      ...this.#writeGarbage(queries),
      ...this.#partials.size === 0 ? [] : [
        queries.run("DELETE FROM partials WHERE path = ANY ($1::text[])", [...this.#partials]),
      ],
      ...this.#writeCounts(queries, owner),
      ...seenAt === undefined ? [] : [
        queries.run("UPDATE clients SET last_seen = $2 WHERE id = $1", owner, seenAt),
      ],
    ]);
  }

  #writeGarbage(queries: Queries): Promise<unknown>[] {
    const of = (isGarbage: boolean) =>
      [...this.#garbage].filter(([, is]) => is === isGarbage).map(([id]) => id);
    const [begun, ended] = [of(true), of(false)];
    return [
      ...ended.length === 0 ? [] : [
        queries.run("DELETE FROM orphans WHERE path = ANY ($1::text[])", ended),
      ],
      ...begun.length === 0 ? [] : [queries.run(LIST_GARBAGE, begun)],
    ];
  }

  #writeCounts(queries: Queries, owner: Bytes): Promise<unknown>[] {
    const { files, bytes, history } = this.#counts;
    const counts = [files, bytes, history.files, history.bytes];
    return counts.every((count) => count === 0) ? [] : [queries.run(ADD_USAGE, owner, ...counts)];
  }
}

const ENDED = `UPDATE files SET current = false, ended_at = one.ended_at
  FROM unnest($1::bigint[], $2::bigint[]) AS one (id, ended_at) WHERE files.id = one.id`;

const LIST_GARBAGE = `INSERT INTO orphans (path) SELECT unnest($1::text[])
  ON CONFLICT (path) DO UPDATE SET reserved = false`;

/** Adds to the usage of an account. */
export const ADD_USAGE = `INSERT INTO usage (client_id, files, bytes, history_files, history_bytes)
  VALUES ($1, $2, $3, $4, $5) ON CONFLICT (client_id) DO UPDATE SET
    files = usage.files + excluded.files, bytes = usage.bytes + excluded.bytes,
    history_files = usage.history_files + excluded.history_files,
    history_bytes = usage.history_bytes + excluded.history_bytes`;

function writeMetadata(queries: Queries, versions: Iterable<Version>): Promise<number> {
  const columns = { id: "bigint", mode: "integer", mtime: "bigint", mtime_ns: "integer" };
  const rows = Array.from(versions, ({ id, mode, mtime: { ms, ns } }) => ({
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
  contents: ReadonlyMap<number, { content: NewContent; confirmedAt: number | undefined }>,
): Promise<number> {
  const bag = new ByteBag();
  const columns = {
    ...{ id: "bigint", path: "text", confirmed_at: "bigint" },
    ...{ content_at: "integer", content_size: "integer" },
  };
  const rows = Array.from(contents, ([id, { content, confirmedAt }]) => {
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
  owner: Bytes,
  versions: readonly AddedVersion[],
  bag: ByteBag,
): Promise<number> {
  const rows = versions.map((version) => {
    const { file, key, name, mtime: { ms, ns }, content, chunks, digest, storedBy } = version;
    const bytes = {
      ...{ stored_by: storedBy, digest, chunks },
      content: content.kind === "inline" ? content.bytes : undefined,
    };
    return {
      ...{ name: key, given: name === key ? null : name, version: version.version },
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
  const { sql, values } = rowTable("one", { ...ADDED_COLUMNS, ...BYTES_COLUMNS }, rows, 3);
  const columns = Object.keys(ADDED_COLUMNS).join(", ");
  const parts = BYTES.map((column) => `substring($2::bytea FROM ${column}_at FOR ${column}_size)`)
    .join(", ");
  return queries.run(
    `INSERT INTO files (client_id, ${columns}, ${BYTES.join(", ")})
     SELECT $1::bytea, ${columns}, ${parts} FROM ${sql} ORDER BY at`,
    ...[owner, bag.bytes, ...values],
  );
}
