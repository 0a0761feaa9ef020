/**
 * The options of a server.
 *
 * @module
 */
import type { Address } from "../../protocol/address.ts";
import type { AdminSettings } from "../admin/load_admin.ts";
import type { ClusterSecret } from "../cluster/cluster_secret.ts";
import type { OpenCatalog, OwnStores } from "../data_folder/data_folder.ts";
import type { FileSystem } from "../fs/file_system.ts";
import type { FreeSpace } from "../fs/free_space.ts";
import type { HookSettings } from "../hooks/hook_settings.ts";
import type { AccessListener } from "../limits/access.ts";
import type { SettingChanges } from "../limits/live_settings.ts";
import type { Advertised, ListenOptions } from "../listen/listeners.ts";
import type { Network } from "../listen/networks.ts";
import type { TlsFiles } from "../listen/tls/operator_certificate.ts";
import type { Random } from "../random.ts";
import type { StoreOpeners } from "../stores/open_stores.ts";
import type { StoreSettings } from "../stores/store_settings.ts";

/** Options of a server. */
export interface ServerOptions extends SettingChanges, StoreSettings {
  /** The addresses for protocol 3 and for the hello of protocol 4; at least one. */
  readonly listen: readonly ListenOptions[];
  /**
   * The folder that keeps everything that is not elsewhere; created if it is missing. One server uses it at a time. Not
   * needed with `catalog` and `blobs`.
   */
  readonly dataFolder?: string | undefined;
  /**
   * The address for protocol 4; without it, protocol 4 is off. `beside`: the port after the first of `listen`, or any free
   * one if that is taken.
   */
  readonly tlsListen?: Address | "beside";
  /** The address at which clients reach the server, if it is another: behind NAT, in a container. */
  readonly advertise?: Advertised;
  /**
   * The networks of load balancers, whose connections begin with a header of the PROXY protocol. Limits and the log
   * then have the address of the client. None by default.
   */
  readonly proxyProtocol?: readonly Network[];
  /** Whether commands can ask the server by a socket in its data folder; `false` by default. */
  readonly control?: boolean | undefined;
  /** Gets what clients do with files, one by one: for an access log. */
  readonly onAccess?: AccessListener | undefined;
  /**
   * Certificate and key for protocol 4; by default the identity in the data folder or in the catalog, created at the first
   * start.
   */
  readonly tlsFiles?: TlsFiles;
  /** The operator's HTTP port, for health checks and metrics; none by default. */
  readonly admin?: AdminSettings | undefined;
  /** A receiver of events; none by default. */
  readonly hook?: HookSettings | undefined;
  /** The name of this server in metrics, and among those that share a catalog; the host name by default. */
  readonly name?: string | undefined;
  /** Ids and keys; from the system by default. */
  readonly random?: Random;
  /** Milliseconds since the epoch; `Date.now` by default. */
  readonly clock?: () => number;
  /** Milliseconds since any moment, never decreasing; `performance.now` by default. */
  readonly ticks?: () => number;
  /** The file system of the data folder; `Deno` by default. */
  readonly fileSystem?: FileSystem;
  /** @internal */
  readonly openCatalog?: OpenCatalog;
  /**
   * The time without a transfer after which the server reads stored files faster, in milliseconds.
   *
   * @internal
   */
  readonly confirmAfterMs?: number;
  /**
   * The interval of housekeeping, in milliseconds.
   *
   * @internal
   */
  readonly housekeepingMs?: number;
  /**
   * Divides the pauses between deliveries of events.
   *
   * @internal
   */
  readonly hookHaste?: number;
  /** @internal */
  readonly openers?: StoreOpeners;
  /**
   * Reads the secret of the cluster when it is needed. By default, the variable `XFER_CLUSTER_SECRET`, or the file that
   * `XFER_CLUSTER_SECRET_FILE` names.
   *
   * @internal
   */
  readonly clusterSecret?: () => Promise<ClusterSecret>;
  /** Stores of your own instead of those in the data folder. */
  readonly stores?: OwnStores;
  /** The free space of a disk; asked from the system by default. */
  readonly freeSpace?: FreeSpace;
}
