/**
 * What a catalog offers to servers on several machines: which of them run, and values that all of them use.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { UnavailableError } from "../../protocol/errors.ts";
import type { Catalog } from "./catalog.ts";

/** A running server. */
export interface RunningNode {
  /** Its name, for people. */
  readonly name: string;
  /** A number that no other start of a server has. */
  readonly epoch: number;
  /** The time until its lease ends, in milliseconds, by the catalog's clock. */
  readonly leftMs: number;
  /** How often its lease was renewed. */
  readonly renewals: number;
}

/** The result of joining: the own epoch, or the server that has a lease. */
export type Joined = { readonly epoch: number } | { readonly other: RunningNode };

/**
 * The servers that use a catalog. Each has a lease, by the catalog's own clock. From the end of the lease on, another
 * server can join. After that, no transaction of the first one changes anything: each throws `LeaseLost`. Each method is
 * one transaction.
 */
export interface Nodes {
  /**
   * Adds a server with a lease, unless another one has a lease. Removes servers whose lease has ended, and waits for their
   * transactions in progress. From then on, transactions of this catalog object check that its lease was not taken over.
   */
  join(name: string, leaseMs: number): Promise<Joined>;
  /** Extends the lease, even if it has ended. Returns `false` if another server has joined since. */
  renew(epoch: number, leaseMs: number): Promise<boolean>;
  /** Ends the lease. */
  leave(epoch: number): Promise<void>;
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
}

/** Whether servers on other machines can use a catalog, too. */
export function isShared(catalog: Catalog): catalog is SharedCatalog {
  return "nodes" in catalog;
}

/** Another server has taken over the lease of this one, which may change nothing more. */
export class LeaseLost extends UnavailableError {
  constructor() {
    super("lease-lost", "the lease of this server has ended, and another server has taken over", {
      hint: "Start the server again when the other one has stopped.",
    });
  }
}
