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
  /** The time since it began, in milliseconds. The catalog reads it when it looks at its clock, perhaps several times. */
  readonly ageMs: number;
}

/** A file that waits. */
export interface UnverifiedRow {
  readonly accountId: Bytes;
  readonly name: string;
  /** A finished blob, or small content; `undefined` as long as it is only at the server of its connection. */
  readonly content: NewContent | undefined;
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

/** A file with its content. */
export interface CompleteRow extends UnverifiedRow {
  readonly content: NewContent;
}

/**
 * The place of content that cannot be taken: `bound` to its connection, at the server of that one, or `coming` into the
 * catalog, since the connection has ended.
 */
export type ContentAway = "bound" | "coming";

/** Rows of files that wait. Each method is one transaction. Times are those of the catalog's clock. */
export interface UnverifiedRows {
  /**
   * Adds a file, whose blob must be reserved, if it has one. Removes the one from the same connection that it resends
   * and, if the account has more than `max`, the oldest, those with a key last. Returns the blobs of these, which are
   * listed as garbage.
   */
  add(file: UnverifiedRow, from: ClientConnection, max: number): Promise<BlobId[]>;
  /**
   * Takes out the latest file of a name from this connection, else from those that began before it, and reserves its blob.
   * The empty name stands for the only file from this connection. If the content of the file is only at a server, takes
   * none: an earlier file of the name is not meant. A connection of another server that begins after the file was added is
   * always later than its own; of those that begin before, the order is as exact as the time that the catalog needs.
   */
  take(
    accountId: Bytes,
    name: string,
    on: ClientConnection,
  ): Promise<CompleteRow | ContentAway | undefined>;
  /** Notes that the connection of a file has ended, so that its content is `coming`. */
  markComing(accountId: Bytes, name: string, from: ClientConnection): Promise<void>;
  /** Sets the content of a file, whose blob must be reserved. Returns `false` if the file is no longer there. */
  complete(file: CompleteRow, from: ClientConnection): Promise<boolean>;
  /** Removes a file of a connection that has no content. */
  forget(accountId: Bytes, name: string, from: ClientConnection): Promise<void>;
  /** Removes files that arrived at least `ttlMs` ago. Returns their blobs, which are listed as garbage. */
  expire(ttlMs: number): Promise<BlobId[]>;
}
