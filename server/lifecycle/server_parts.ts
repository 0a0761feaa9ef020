/**
 * The parts of a server, opened in the order in which they need each other.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { Bytes } from "../../protocol/bytes.ts";
import { keepFreedMemory } from "../../protocol/memory.ts";
import { BackgroundCheck } from "../check/background_check.ts";
import { type Context, createContext } from "../context.ts";
import { freeSpaceOf } from "../fs/free_space.ts";
import { loadHooks } from "../hooks/load_hooks.ts";
import type { OpenHooks } from "../hooks/open_hooks.ts";
import { LiveSettings } from "../limits/live_settings.ts";
import { ServerLog } from "../limits/server_log.ts";
import { listenAll, type Listener } from "../listen/listeners.ts";
import { Networks } from "../listen/networks.ts";
import type { BalancerOptions } from "../listen/proxied_listener.ts";
import { type IdentitySource, ReloadableTlsListener } from "../listen/reloadable_tls_listener.ts";
import { readOperatorIdentity } from "../listen/tls/operator_certificate.ts";
import { failedTransfers } from "../limits/failed_transfers.ts";
import { Monitor } from "../monitor/monitor.ts";
import { systemRandom } from "../random.ts";
import { serveStores } from "../stores/serve_stores.ts";
import type { ServedStore } from "../stores/served_store.ts";
import { createV3Context, type V3Context } from "../v3/context.ts";
import { createV4Context, type V4Context } from "../v4/context.ts";
import { removeLeftovers } from "./recovery.ts";
import type { ServerOptions } from "./server_options.ts";
import { warnIfOpen, warnOfCertificate } from "./start_warnings.ts";

export interface ServerParts {
  /** The state that connections of both protocols share. */
  readonly context: Context;
  readonly v3: V3Context;
  readonly v4: V4Context;
  readonly log: ServerLog;
  readonly settings: LiveSettings;
  readonly store: ServedStore;
  readonly listeners: readonly Listener[];
  /** The last of the listeners, if protocol 4 is on. */
  readonly securePort: ReloadableTlsListener | undefined;
  readonly identity: IdentitySource;
  readonly check: BackgroundCheck;
  readonly hooks: OpenHooks | undefined;
}

/** Opens stores and ports. Peers can connect, and wait. If it fails, nothing stays open. Throws as `Server.start` does. */
export async function openParts(options: ServerOptions): Promise<ServerParts> {
  if (options.listen.length === 0) throw new TypeError("listen is empty");
  keepFreedMemory();
  const { random = systemRandom, fileSystem = Deno } = options;
  const { clock = Date.now, ticks = () => performance.now() } = options;
  const { freeSpace = freeSpaceOf, openCatalog, openers, clusterSecret } = options;
  const system = {
    ...{ fileSystem, freeSpace, openCatalog, openers, clusterSecret },
    serverName: options.name,
  };
  const monitor = new Monitor(clock);
  if (options.onAccess !== undefined) monitor.observe(failedTransfers(options.onAccess));
  const log = new ServerLog(getLogger(["xfer", "server"]), ticks, monitor.events);
  const settings = new LiveSettings(options);
  const store = await serveStores(options, system, log);
  const { limits } = settings;
  const identity = identitySource(options, store);
  const listeners: Listener[] = [];
  let hooks: OpenHooks | undefined;
  try {
    const balancers = balancersOf(options, settings, log);
    listeners.push(...listenAll(options.listen, balancers));
    const plain = listeners[0]?.address;
    const { tlsListen, advertise: advertised } = options;
    const securePort = tlsListen && plain &&
      await ReloadableTlsListener.open(tlsListen, { plain, advertised, balancers }, identity);
    if (securePort !== undefined) listeners.push(securePort);
    const context = createContext(
      {
        ...{ store, limits, random, clock, ticks, log, monitor, access: options.onAccess },
        registration: () => settings.registration,
        isHousekeeper: () => store.lease?.isOldest ?? true,
      },
      () => store.freeSpace(),
      store.sharedState?.(limits),
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
    const { hook, hookHaste: haste } = options;
    hooks = hook && await loadHooks(hook, {
      ...{ queue: store.catalog.hooks, limits, events: monitor.events },
      ...{ log, clock, haste },
    });
    for (const { announcement: { words, link = "", properties } } of listeners) {
      log.info(`${words}, data in {folder}${link}`, { ...properties, folder: store.name });
    }
    warnOfCertificate(securePort?.identity, log);
    warnIfOpen(settings, listeners.map(({ address }) => address), log);
    return {
      ...{ context, v3, v4, log, settings, store, listeners, securePort, identity, check, hooks },
    };
  } catch (error) {
    for (const listener of listeners) listener.close();
    await hooks?.[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    throw error;
  }
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
