/**
 * A server: listens, serves connections of both protocols, and removes what has expired.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { type AdminAddress, isLocal } from "./admin/admin_address.ts";
import { type AdminSettings, loadAdmin, loadTracing } from "./admin/load_admin.ts";
import type { AdminPort } from "./admin/open_admin.ts";
import { join } from "node:path";
import { type Address, formatAddress } from "../protocol/address.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { keepFreedMemory } from "../protocol/memory.ts";
import { reasonOf, XferError } from "../protocol/errors.ts";
import { CONTROL_SOCKET } from "../protocol/server_files.ts";
import { BackgroundCheck, type FileCheck } from "./check/background_check.ts";
import { type Context, createContext } from "./context.ts";
import { controlRequests } from "./control/control_requests.ts";
import { ControlSocket } from "./control/control_socket.ts";
import { RequestWatch } from "./control/request_watch.ts";
import { Housekeeping } from "./housekeeping.ts";
import { V3Connection } from "./v3/connection.ts";
import { closeV3, createV3Context, type V3Context } from "./v3/context.ts";
import { V4Connection } from "./v4/connection.ts";
import { createV4Context, type V4Context } from "./v4/context.ts";
import { Connections } from "./listen/connections.ts";
import { type Random, systemRandom } from "./random.ts";
import {
  type AcceptedSocket,
  type Advertised,
  listenAll,
  type Listener,
  type ListenOptions,
  type OpenConnection,
} from "./listen/listeners.ts";
import { isShared } from "./catalog/shared_catalog.ts";
import type { HookDelivery } from "./hooks/hook_delivery.ts";
import type { HookSettings } from "./hooks/hook_settings.ts";
import { loadHooks } from "./hooks/load_hooks.ts";
import type { AccessListener } from "./limits/access.ts";
import { LiveSettings, type SettingChanges } from "./limits/live_settings.ts";
import { ServerLog } from "./limits/server_log.ts";
import { Monitor } from "./monitor/monitor.ts";
import { BackgroundComparison, removeLeftovers } from "./recovery.ts";
import type { OpenCatalog, OwnStores } from "./data_folder/data_folder.ts";
import { type Network, Networks } from "./listen/networks.ts";
import type { BalancerOptions } from "./listen/proxied_listener.ts";
import type { TlsIdentity } from "./listen/tls/identity.ts";
import { readOperatorIdentity, type TlsFiles } from "./listen/tls/operator_certificate.ts";
import { type IdentitySource, ReloadableTlsListener } from "./listen/reloadable_tls_listener.ts";
import type { FileSystem } from "./fs/file_system.ts";
import { type FreeSpace, freeSpaceOf } from "./fs/free_space.ts";
import { clusterPageKey } from "./cluster/page_key.ts";
import type { ClusterSecret } from "./cluster/cluster_secret.ts";
import type { StoreOpeners } from "./stores/open_stores.ts";
import type { ServedStore } from "./stores/served_store.ts";
import { serveStores } from "./stores/serve_stores.ts";
import type { StoreSettings } from "./stores/store_settings.ts";

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
   * The networks of load balancers, whose connections begin with a header of the PROXY protocol. Limits and the log then have
   * the address of the client. None by default.
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

/** Why a server without a lease ends connections. */
const REMOVED = "other servers have removed this one, whose lease has ended";

/**
 * A running server. It logs through LogTape, category `xfer.server`; without a LogTape configuration nothing is printed.
 *
 * @example Change settings while it runs
 * ```ts
 * import assert from "node:assert/strict";
 * import { Server } from "@xfer/xfer";
 *
 * await using server = await Server.start({
 *   listen: [{ hostname: "127.0.0.1", port: 0 }],
 *   dataFolder: await Deno.makeTempDir(),
 *   limits: { quota: 10 * 2 ** 30 },
 * });
 * assert.notEqual(server.address.port, 0);
 * await server.reload({ registration: "closed", limits: { quota: 20 * 2 ** 30 } });
 * ```
 */
export class Server implements AsyncDisposable {
  readonly #context: Context;
  readonly #v3: V3Context;
  readonly #v4: V4Context;
  readonly #log: ServerLog;
  readonly #settings: LiveSettings;
  readonly #store: ServedStore;
  readonly #listeners: readonly Listener[];
  readonly #securePort: ReloadableTlsListener | undefined;
  readonly #connections: Connections;
  readonly #housekeeping: Housekeeping;
  readonly #comparison: BackgroundComparison;
  readonly #check: BackgroundCheck;
  readonly #hooks: HookDelivery | undefined;
  #admin: AdminPort | undefined;
  #control: ControlSocket | undefined;
  /** Requests of operators to all servers of a catalog. */
  readonly #requests: RequestWatch | undefined;
  #tracing: Disposable | undefined;
  #closing: Promise<void> | undefined;
  /** The code of the error for which this server could not join the others again. */
  #notJoined: string | undefined;
  readonly #closed = Promise.withResolvers<void>();

  private constructor(
    { context, v3, v4, check }: Contexts,
    log: ServerLog,
    settings: LiveSettings,
    store: ServedStore,
    listeners: readonly Listener[],
    securePort: ReloadableTlsListener | undefined,
    housekeepingMs: number | undefined,
    hooks: HookDelivery | undefined,
  ) {
    this.#hooks = hooks;
    this.#context = context;
    this.#v3 = v3;
    this.#v4 = v4;
    this.#check = check;
    this.#log = log;
    this.#settings = settings;
    this.#store = store;
    this.#listeners = listeners;
    this.#securePort = securePort;
    const { lease } = store;
    this.#housekeeping = new Housekeeping({
      ...{ context, v3, v4, check, lease, log },
      everyMs: housekeepingMs,
    });
    this.#comparison = new BackgroundComparison(context);
    if (context.isHousekeeper()) this.#comparison.start();
    check.start();
    const { limits } = context;
    this.#connections = new Connections(listeners, { limits, log, open: openerOf({ v3, v4 }) });
    const { catalog } = store;
    if (lease !== undefined && isShared(catalog)) {
      this.#requests = new RequestWatch(
        { context, check: this.#fileCheck, hooks },
        catalog.operators,
      );
    }
    lease?.onLost({
      end: () => this.#endWork(),
      resume: () => this.#resume(),
      notJoined: (error) => this.#noteNotJoined(error),
    });
  }

  /**
   * Starts a server. Resolves when it listens. Throws `ConfigurationError` `data-folder-in-use`, `not-a-data-folder`,
   * `data-folder-unusable`, `catalog-empty`, `bad-tls-certificate`, `bad-tls-key`; `IntegrityError` `catalog-damaged`;
   * `NetworkError` `cannot-listen`.
   */
  static async start(options: ServerOptions): Promise<Server> {
    const server = await Server.#start(options);
    try {
      server.#tracing = await loadTracing(server.monitor);
      await server.#openAdmin(options);
      await server.#openControl(options);
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  static async #start(options: ServerOptions): Promise<Server> {
    keepFreedMemory();
    const { random = systemRandom, fileSystem = Deno } = options;
    const { clock = Date.now, ticks = () => performance.now() } = options;
    const { freeSpace = freeSpaceOf, openCatalog, openers, clusterSecret } = options;
    const system = {
      ...{ fileSystem, freeSpace, openCatalog, openers, clusterSecret },
      serverName: options.name,
    };
    const monitor = new Monitor(clock);
    const log = new ServerLog(getLogger(["xfer", "server"]), ticks, monitor.events);
    const store = await serveStores(options, system, log);
    const settings = new LiveSettings(options);
    const listeners: Listener[] = [];
    let hooks: HookDelivery | undefined;
    try {
      const balancers = balancersOf(options, settings, log);
      listeners.push(...listenAll(options.listen, balancers));
      const plain = listeners[0]?.address;
      const { tlsListen, advertise: advertised } = options;
      const securePort = tlsListen && plain && await ReloadableTlsListener.open(
        ...[tlsListen, { plain, advertised, balancers }] as const,
        identitySource(options, store),
      );
      if (securePort !== undefined) listeners.push(securePort);
      const context = createContext(
        {
          ...{ store, limits: settings.limits, random, clock, ticks, log, monitor },
          access: options.onAccess,
          registration: () => settings.registration,
          isHousekeeper: () => store.lease?.isOldest ?? true,
        },
        () => store.freeSpace(),
        store.sharedState?.(settings.limits),
      );
      const v3 = createV3Context(context, () => securePort?.helloAnswer);
      const check = new BackgroundCheck({
        ...{ ...context, traffic: monitor.traffic, idleMs: options.confirmAfterMs },
      });
      const v4 = createV4Context(context, {
        onAccountClaimed: (accountId: Bytes) => v3.sessionKeys.delete(accountId),
        onUnconfirmed: () => check.notice(),
      });
      await store.recover(() => removeLeftovers(context, v4.partialUploads), log);
      for (const { announcement: { words, link = "", properties } } of listeners) {
        log.info(`${words}, data in {folder}${link}`, { ...properties, folder: store.name });
      }
      warnOf(context, securePort?.identity);
      warnIfOpen(settings, listeners.map(({ address }) => address), log);
      const { hook, hookHaste: haste } = options;
      hooks = hook && await loadHooks(hook, {
        ...{ queue: store.catalog.hooks, limits: settings.limits, events: monitor.events },
        ...{ log, clock, haste },
      });
      return new Server(
        ...[{ context, v3, v4, check }, log, settings, store, listeners, securePort] as const,
        ...[options.housekeepingMs, hooks] as const,
      );
    } catch (error) {
      for (const listener of listeners) listener.close();
      await hooks?.[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The addresses of the operator's HTTP port. */
  get adminAddresses(): readonly AdminAddress[] {
    return this.#admin?.addresses ?? [];
  }

  /** A link to the operator's page that is good once; `undefined` without that page. */
  createAdminLink(): string | undefined {
    return this.#admin?.createLink();
  }

  /**
   * The open connections and transfers, their numbers and events.
   *
   * @internal
   */
  get monitor(): Monitor {
    return this.#context.monitor;
  }

  /** All addresses on which the server listens, in the order of `listen`. That of protocol 4 comes last. */
  get addresses(): Address[] {
    return this.#listeners.map(({ address }) => address);
  }

  /** The first address on which the server listens. */
  get address(): Address {
    return this.addresses[0] as Address;
  }

  /**
   * Changes settings at once, for open connections too; only a wait that has begun keeps its old limit. Then reads certificate
   * and key again, for new connections; if they are not valid, the old ones stay. Logs the result. Throws as
   * {@link Server.start} does.
   */
  async reload(changes: SettingChanges = {}): Promise<void> {
    this.#settings.change(changes);
    const { log } = this.#context;
    const port = this.#securePort;
    try {
      const isChanged = await port?.reload();
      await this.#admin?.reload();
      if (port === undefined) return;
      if (!isChanged) {
        return log.info("Certificate and key are unchanged", {
          event: "server.unchanged",
        });
      }
      const { words, link = "", properties } = port.announcement;
      log.info(`Reloaded certificate and key. ${words}${link}`, {
        ...properties,
        event: "server.reloaded",
      });
      warnOf(this.#context, port.identity);
    } catch (error) {
      log.error("Could not reload certificate and key: {reason}", {
        event: "server.not-reloaded",
        reason: reasonOf(error),
      });
      throw error;
    }
  }

  /**
   * Stops listening, waits up to `graceMs` milliseconds for uploads and downloads in progress, closes every connection and
   * the data folder.
   */
  close(graceMs = 0): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  /** Resolves when the server has closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Closes without waiting for transfers. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #openAdmin(options: ServerOptions): Promise<void> {
    const { admin, name = hostName() } = options;
    if (admin === undefined) return;
    const store = this.#store;
    const system = {
      ...{ context: this.#context, name, freeSpace: () => store.freeSpace() },
      ...{
        isStopping: () => this.#closing !== undefined,
        whyRemoved: () => this.#whyRemoved,
      },
      epoch: () => store.lease?.epoch,
      location: () => this.#location,
      settings: admin.settings ?? (() => []),
      check: this.#fileCheck,
      hooks: this.#hooks,
    };
    const identity = identitySource(options, store);
    const { catalog, dataFolder = "", clusterSecret } = options;
    const links = catalog === undefined
      ? { dataFolder }
      : { key: await clusterPageKey(clusterSecret) };
    this.#admin = await loadAdmin(admin, system, { identity, links });
  }

  /** For the operator: what takes moments at once, and then the reading of all files. */
  get #fileCheck(): FileCheck {
    return {
      begin: async () => {
        this.#comparison.start();
        return await this.#check.begin();
      },
      status: (maxAgeMs) => this.#check.status(maxAgeMs),
    };
  }

  /** The line 1 of `transfer.info` for clients. */
  get #location(): string | undefined {
    const location = this.#securePort?.announcement.properties["location"];
    return typeof location === "string" ? location : undefined;
  }

  async #openControl({ control = false, dataFolder }: ServerOptions): Promise<void> {
    // Without a folder, everything is elsewhere.
    if (!control || dataFolder === undefined || !(await isFolder(dataFolder))) return;
    const { context, revocation } = { context: this.#context, ...this.#v4 };
    const requests = controlRequests({
      ...{ context, hooks: this.#hooks },
      refreshAccounts: async () => {
        context.accounts.clear();
        await revocation.look();
      },
      check: this.#fileCheck,
    });
    const path = join(dataFolder, CONTROL_SOCKET);
    this.#control = await ControlSocket.open(path, requests, context.log);
  }

  async #close(graceMs: number): Promise<void> {
    // An object store that does not answer must not keep the server from closing its ports.
    const reading = Promise.all([this.#comparison.close(), this.#check.close()]);
    await this.#connections.stopListening();
    const until = new Date(this.#context.clock() + graceMs).toISOString();
    this.#context.log.info(
      "Stopping: waiting until {until} for open connections ({connections})",
      { event: "server.stopping", connections: this.#connections.size, until },
    );
    await this.#connections.finish(graceMs);
    await reading;
    await closeV3(this.#v3);
    await this.#context.garbage.close();
    await this.#housekeeping.close();
    await this.#hooks?.[Symbol.asyncDispose]();
    this.#tracing?.[Symbol.dispose]();
    await this.#admin?.[Symbol.asyncDispose]();
    await this.#control?.[Symbol.asyncDispose]();
    await this.#requests?.[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
    this.#log.flush();
    this.#context.log.info("Stopped", { event: "server.stopped" });
    this.#closed.resolve();
  }

  /**
   * Other servers have removed this one. Clients continue at another server. Nothing that has begun may change anything
   * after this server has joined again, since what it has reserved is garbage now.
   */
  async #endWork(): Promise<void> {
    // It is called again if the server could not join.
    if (!this.#connections.isSuspended) {
      this.#context.log.error("Ending all connections: the lease of this server has ended", {
        event: "server.lease-lost",
        connections: this.#connections.size,
      });
    }
    await this.#connections.suspend(REMOVED);
    await closeV3(this.#v3);
  }

  /** An upgrade of the catalog while this server was paused can keep it out for good. */
  #noteNotJoined(error: unknown): void {
    const code = error instanceof XferError ? error.code : "failed";
    if (code === this.#notJoined) return;
    this.#notJoined = code;
    this.#context.log.error("Cannot join the other servers again: {reason}", {
      event: "server.not-joined",
      ...{ code, reason: reasonOf(error) },
    });
  }

  /** Why clients are not served, for everyone to read; `undefined` while they are. */
  get #whyRemoved(): string | undefined {
    if (!this.#connections.isSuspended) return undefined;
    const removed = "the other servers have removed this one";
    const code = this.#notJoined;
    return code === undefined ? removed : `${removed}, which cannot join them again: ${code}`;
  }

  #resume(): void {
    this.#notJoined = undefined;
    this.#connections.resume();
    this.#context.log.warn("Joined the other servers again", { event: "server.joined" });
  }
}

function hostName(): string {
  try {
    return Deno.hostname();
  } catch {
    // Without the permission to ask for it.
    return "";
  }
}

/** The state of connections: shared, of protocol 3, and of protocol 4; and the check of stored files. */
interface Contexts {
  readonly context: Context;
  readonly v3: V3Context;
  readonly v4: V4Context;
  readonly check: BackgroundCheck;
}

/** Opens connections of both protocols. Those of protocol 3 are numbered. */
function openerOf({ v3, v4 }: Pick<Contexts, "v3" | "v4">): (
  arrival: AcceptedSocket,
) => OpenConnection {
  let number = 0;
  return (arrival) => {
    switch (arrival.protocol) {
      case 3:
        return new V3Connection(v3, arrival.socket, ++number, arrival.editions);
      case 4:
        return new V4Connection(v4, arrival.socket, arrival.identity);
    }
  };
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}

function balancersOf(
  { proxyProtocol = [] }: ServerOptions,
  { limits }: LiveSettings,
  log: ServerLog,
): BalancerOptions | undefined {
  if (proxyProtocol.length === 0) return undefined;
  return {
    balancers: new Networks(proxyProtocol),
    headerMs: () => limits.requestTimeoutMs,
    log,
  };
}

function identitySource({ tlsFiles }: ServerOptions, store: ServedStore): IdentitySource {
  if (tlsFiles === undefined) {
    return { load: () => store.loadIdentity(), read: () => store.readIdentity() };
  }
  const read = () => readOperatorIdentity(tlsFiles);
  return { load: read, read };
}

/** Warns if anyone who reaches the server can store without a limit. */
function warnIfOpen(
  { registration, limits }: LiveSettings,
  addresses: readonly Address[],
  log: ServerLog,
): void {
  const address = addresses.find((address) => !isLocal(address));
  if (registration !== "open" || limits.quota < Infinity || address === undefined) return;
  log.warn("Anyone who reaches {address} can register and store without a limit: {advice}", {
    event: "server.open",
    ...{ address: formatAddress(address), advice: "set --registration invite, or a --quota" },
  });
}

function warnOf({ log }: Context, identity: TlsIdentity | undefined): void {
  for (const warning of identity?.warnings ?? []) {
    log.warn("{warning}", { event: "server.certificate", warning });
  }
}
