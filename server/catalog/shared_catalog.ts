/**
 * What a catalog offers to servers on several machines: which of them run, what each of them is writing, and values that
 * all of them use.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { UnavailableError } from "../../protocol/errors.ts";
import type { BlobId, UploadId } from "../blobs/blob_store.ts";
import type { Usage } from "./accounts.ts";
import type { Catalog } from "./catalog.ts";
import type { OperatorRows } from "./operator_rows.ts";
import type { ParkedRows } from "./parked_rows.ts";
import type { StateRows } from "./state_rows.ts";
import type { UnverifiedRows } from "./unverified_rows.ts";

/** A server with a lease. */
export interface RunningNode {
  /** Its name, for people. */
  readonly name: string;
  readonly epoch: number;
  /** The time until its lease ends, in milliseconds, by the catalog's clock. */
  readonly leftMs: number;
  /** How often its lease was renewed. */
  readonly renewals: number;
}

/** The form of the names of imports, for any engine. */
export const IMPORT_NAME = "^import [0-9]+$";

/** The name of an import of files, which has a lease as a server has. */
export function importName(process: number): string {
  return `import ${process}`;
}

/** Whether a name is that of an import, which serves no clients and does no housekeeping. */
export function isImport(name: string): boolean {
  return new RegExp(IMPORT_NAME).test(name);
}

/** A server that has joined. */
export interface JoinedNode {
  /** A number that no other start of a server has. */
  readonly epoch: number;
  /**
   * Whether no other server with a lease has joined before it: that one does the housekeeping of all. Imports don't count.
   */
  readonly isOldest: boolean;
  /** The names of servers whose lease had ended, and which are removed now. */
  readonly removed: readonly string[];
}

/**
 * The servers that use a catalog. Each has a lease, by the catalog's own clock. A server whose lease has ended is
 * removed by the next one that joins or renews its lease. After that, no transaction of the removed one changes
 * anything: each throws `LeaseLost`. Its reserved blobs, open uploads and claims belong to nobody then. Each method is
 * one transaction.
 */
export interface Nodes {
  /**
   * Adds a server with a lease. From then on, transactions of this catalog object check that it was not removed. Called
   * again, it gets another epoch.
   */
  join(name: string, leaseMs: number): Promise<JoinedNode>;
  /** Extends the lease, even if it has ended. Returns `undefined` if the server was removed. */
  renew(epoch: number, leaseMs: number): Promise<JoinedNode | undefined>;
  /** Ends the lease. */
  leave(epoch: number): Promise<void>;
  /** The servers whose lease has not ended, oldest first. */
  running(): Promise<RunningNode[]>;
}

/**
 * Uploads that are being written, each with the server that writes it. No other server deletes them. For servers that have
 * joined. Each method is one transaction.
 */
export interface OpenUploadRows {
  /** An upload is being written by this server. */
  begin(id: UploadId): Promise<void>;
  /** It no longer is. Returns whether it has become garbage. */
  end(id: UploadId): Promise<boolean>;
  /**
   * Makes blobs and uploads garbage for good, before they are deleted. Returns those that this server may delete: no file
   * or upload refers to them, no server writes them, and no other server has reserved them. From then on, none can.
   */
  condemn(ids: readonly (BlobId | UploadId)[]): Promise<(BlobId | UploadId)[]>;
}

/** A claim to a name. */
export interface NameClaim {
  /** The upload that claims the name: 16 bytes that no other upload has. */
  readonly id: Bytes;
  readonly accountId: Bytes;
  /** The name, in the form in which names are compared. */
  readonly name: string;
  /** Whether the upload continues the one before it, which must end first. */
  readonly resumes: boolean;
}

/** The state of a claim of this server. */
export interface ClaimState {
  readonly id: Bytes;
  /** Whether an upload at another server waits for this one, to continue it. */
  readonly isWanted: boolean;
  /** Whether the name is still that of this upload, so that the upload can be resumed. */
  readonly isCurrent: boolean;
}

/**
 * Claims of uploads in progress to their names, and what they will add to their account. Uploads of one server settle
 * between themselves which of them has a name. For servers that have joined. Each method is one transaction.
 */
export interface NameClaimRows {
  /**
   * Takes a name, also from an upload at another server, which can no longer be resumed then. If this one resumes that
   * one, says so to its server instead, and returns `false`.
   */
  take(claim: NameClaim): Promise<boolean>;
  /** Sets the bytes and files that an upload will add to its account. */
  reserve(id: Bytes, usage: Usage): Promise<void>;
  /** Ends a claim. */
  end(id: Bytes): Promise<void>;
  /** The claims of this server that others want or have taken. */
  contested(): Promise<ClaimState[]>;
  /** The bytes and files that uploads of an account at other servers will add to it. */
  reserved(accountId: Bytes): Promise<Usage>;
}

/** Values that all servers of a catalog use. Secrets among them are encrypted before they come here. */
export interface SharedValues {
  /** The value with a name. */
  find(name: string): Promise<Bytes | undefined>;
  /** Stores a value unless the name has one already. Returns the one that it has then. */
  keep(name: string, value: Bytes): Promise<Bytes>;
}

/** A capability: a catalog in a database that servers on other machines can use, too. */
export interface SharedCatalog extends Catalog {
  readonly nodes: Nodes;
  readonly values: SharedValues;
  readonly openUploads: OpenUploadRows;
  readonly claims: NameClaimRows;
  readonly state: StateRows;
  readonly unverified: UnverifiedRows;
  readonly parked: ParkedRows;
  readonly operators: OperatorRows;
}

/** Whether servers on other machines can use a catalog, too. */
export function isShared(catalog: Catalog): catalog is SharedCatalog {
  return "nodes" in catalog;
}

/** This server was removed, since its lease had ended. It may change nothing more before it joins again. */
export class LeaseLost extends UnavailableError {
  constructor() {
    super("lease-lost", "the lease of this server has ended, and another server has removed it", {
      hint: "Try again in a moment: the server joins again by itself.",
    });
  }
}
