/**
 * The stores that a server serves from, in a data folder or elsewhere.
 *
 * @module
 */
import type { ClusterSecret } from "../cluster/cluster_secret.ts";
import type { NodeLease } from "../cluster/node_lease.ts";
import type { OpenCatalog, Store } from "../data_folder/data_folder.ts";
import type { FileSystem } from "../fs/file_system.ts";
import type { FreeSpace } from "../fs/free_space.ts";
import type { SharedState } from "../catalog/shared_state.ts";
import type { Limits } from "../limits/limits.ts";
import type { Log } from "../limits/server_log.ts";
import type { TlsIdentity } from "../listen/tls/identity.ts";
import type { StoreOpeners } from "./open_stores.ts";

/** The system below a server's stores. Tests replace parts of it. */
export interface StoreSystem {
  readonly fileSystem: FileSystem;
  readonly freeSpace: FreeSpace;
  /** Opens the catalog in a data folder. */
  readonly openCatalog?: OpenCatalog | undefined;
  /** Opens databases and object stores. */
  readonly openers?: StoreOpeners | undefined;
  /** Reads the secret of the cluster when it is needed. */
  readonly clusterSecret?: (() => Promise<ClusterSecret>) | undefined;
  /** The name of this server among those that share a catalog; host name and process by default. */
  readonly serverName?: string | undefined;
}

/** Stores that this server serves from, until they are disposed of. */
export interface ServedStore extends Store, AsyncDisposable {
  /** Names the places for people. */
  readonly name: string;
  /** The server's own identity, created at the first start. Throws `ConfigurationError`. */
  loadIdentity(): Promise<TlsIdentity>;
  /** The same, read again. Throws `ConfigurationError` if it is missing. */
  readIdentity(): Promise<TlsIdentity>;
  /** The bytes that can still be stored; `Infinity` if nobody can tell. */
  freeSpace(): Promise<number>;
  /** The free bytes of the disk with the catalog or the contents; `Infinity` if both are elsewhere. */
  diskSpace(): Promise<number>;
  /**
   * Finishes interrupted repairs, and calls `sweep`, which removes what killed servers have left. Logs what it changes
   * besides.
   */
  recover(sweep: () => Promise<void>, log: Log): Promise<void>;
  /** The state that servers of the catalog share. Without it, a server keeps its state in memory. */
  readonly sharedState?: (limits: Limits) => SharedState;
  /** The lease on a catalog that other servers use, too. */
  readonly lease?: NodeLease;
}
