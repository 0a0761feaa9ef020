/**
 * Files of protocol 3 that wait at any server for the client to confirm their checksum, in a catalog that several servers
 * use.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { BlobId } from "../blobs/blob_store.ts";
import type { NewContent } from "./files.ts";

/** A connection of any server. */
export interface ClientConnection {
  /** Names the server since its start. */
  readonly server: string;
  /** The number of the connection at this server. Later ones have larger numbers. */
  readonly connection: number;
  /** The time since it began, in milliseconds. */
  readonly ageMs: number;
}

/** A file that waits. */
export interface UnverifiedRow {
  readonly accountId: Bytes;
  readonly name: string;
  /** A finished blob, or small content. */
  readonly content: NewContent;
  readonly size: number;
  readonly crc: number;
  /** Whether the client was sent another kind of checksum than usual. */
  readonly isOtherChecksumSent: boolean;
  /** Whether the client has rejected the checksum of an earlier file of the name. */
  readonly isDisputed: boolean;
  /** Whether the file can be stored. */
  readonly isIntact: boolean;
  /** Whether the client has exchanged keys on the connection. */
  readonly hasKey: boolean;
}

/** Rows of files that wait. Each method is one transaction. Times are those of the catalog's clock. */
export interface UnverifiedRows {
  /**
   * Adds a file, whose blob must be reserved. Removes the one from the same connection that it resends and, if the account
   * has more than `max`, the oldest, those with a key last. Returns the blobs of these, which are listed as garbage.
   */
  add(file: UnverifiedRow, from: ClientConnection, max: number): Promise<BlobId[]>;
  /**
   * Takes out the latest file of a name from this connection, else from those that began before it, and reserves its blob.
   * The empty name stands for the only file from this connection.
   */
  take(
    accountId: Bytes,
    name: string,
    on: ClientConnection,
  ): Promise<UnverifiedRow | undefined>;
  /** Removes files that arrived at least `ttlMs` ago. Returns their blobs, which are listed as garbage. */
  expire(ttlMs: number): Promise<BlobId[]>;
}
