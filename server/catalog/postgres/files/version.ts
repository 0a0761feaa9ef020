/**
 * A version of a file in a transaction that changes it.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { EntryKind } from "../../../../protocol/entry.ts";
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { Damage } from "../../files.ts";
import { kindOf, nameOf, type Row } from "../../rows.ts";

/** A modification time as it is stored: milliseconds, and nanoseconds beyond them. */
export interface StoredTime {
  readonly ms: number | null;
  readonly ns: number;
}

/** A version: a row, or one that the transaction will insert. */
export interface Version {
  /** Of its row; `undefined` if the transaction has yet to insert it. */
  readonly id: number | undefined;
  /** In the form in which names are compared. */
  readonly key: string;
  /** As it was given. */
  readonly name: string;
  readonly version: number;
  current: boolean;
  readonly kind: EntryKind;
  mode: number | undefined;
  mtime: StoredTime;
  path: BlobId;
  readonly size: number;
  readonly crc: number;
  readonly digest: Bytes | null;
  readonly storedBy: Bytes | null;
  readonly damage: Damage | null;
  /** The size of its content in the catalog; `null` if it has none there. */
  contentSize: number | null;
}

/** The version of a row. */
export function versionOf(row: Row): Version {
  return {
    id: row["id"] as number,
    key: row["name"] as string,
    name: nameOf(row),
    version: row["version"] as number,
    current: row["current"] as boolean,
    kind: kindOf(row),
    mode: (row["mode"] as number | null) ?? undefined,
    mtime: { ms: row["mtime"] as number | null, ns: row["mtime_ns"] as number },
    path: row["path"] as BlobId,
    size: row["size"] as number,
    crc: row["crc"] as number,
    digest: row["digest"] as Bytes | null,
    storedBy: row["stored_by"] as Bytes | null,
    damage: row["damage"] as Damage | null,
    contentSize: row["content_size"] as number | null,
  };
}
