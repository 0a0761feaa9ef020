/**
 * Opens the operator's HTTP port. It is loaded only if a server has one.
 *
 * @module
 */
import { AdminAccess } from "./admin_access.ts";
import { type AdminAddress, formatAdminAddress, isLocal } from "./admin_address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { adminHandler } from "./admin_app.ts";
import { AdminLinks } from "./admin_links.ts";
import type { AdminSystem } from "./admin_system.ts";
import type { ReportedHooks } from "../hooks/hook_settings.ts";
import { FreshValue } from "../fresh_value.ts";
import { Health } from "./health.ts";
import { cannotListen, HttpPort, type PortTls } from "./http_port.ts";
import { Metrics } from "./metrics.ts";
import { AdminSessions } from "./page/admin_sessions.ts";
import { pageApp } from "./page/page_app.ts";
import { RecentEvents } from "./page/recent_events.ts";
import { Throughput } from "./page/throughput.ts";
import { StoreTotals } from "./store_totals.ts";
import { isServed } from "./unix_socket.ts";

/** The age up to which the state of the queue of events is shown again, in milliseconds. */
const HOOKS_FRESH_MS = 2000;

export interface AdminOptions {
  readonly addresses: readonly AdminAddress[];
  /** Reads the token of programs on other machines, for metrics; `undefined` if they have none. */
  readonly readToken: () => Promise<string | undefined>;
  /** Certificate and key in PEM. Other addresses than those of this machine need them. */
  readonly tls?: PortTls | undefined;
  /** Reads certificate and key again. */
  readonly readTls: () => Promise<PortTls>;
  /** Where the key of links to the page is. */
  readonly links: AdminLinkPlace;
}

/** In the data folder, or derived from the secret of the cluster: 32 bytes. */
export type AdminLinkPlace = { readonly dataFolder: string } | { readonly key: Bytes };

/** The open port, at one address or more. */
export interface AdminPort extends AsyncDisposable {
  readonly addresses: readonly AdminAddress[];
  /** A link to the operator's page that works once. */
  createLink(): string;
  /**
   * Reads the token again, and certificate and key if an address has TLS. New ones count from now on, and connections with
   * an old certificate end. Throws as the reading does, and `NetworkError` `cannot-listen` if another program has taken the
   * port: the next call tries again.
   */
  reload(): Promise<void>;
}

/** Listens. Throws `NetworkError` `cannot-listen`, `ConfigurationError` `bad-admin-token`. */
export async function openAdmin(whole: AdminSystem, options: AdminOptions): Promise<AdminPort> {
  const { context: { log, clock, ticks, monitor }, name } = whole;
  const system = { ...whole, hooks: sharing(whole.hooks, ticks) };
  await using stack = new AsyncDisposableStack();
  const health = new Health(system);
  const totals = new StoreTotals(system.context);
  const metrics = stack.use(new Metrics(system, health, totals));
  const links = stack.use(
    "key" in options.links
      ? AdminLinks.ofCluster(options.links.key, name, clock)
      : AdminLinks.inFolder(options.links.dataFolder, clock),
  );
  const sessions = new AdminSessions(links, clock);
  const events = stack.use(new RecentEvents(monitor.events, clock));
  const throughput = stack.use(new Throughput(monitor, ticks));
  const parts = { system, health, totals, sessions, events, throughput };
  const securePorts: SecurePort[] = [];
  const accesses: AdminAccess[] = [];
  const token = await options.readToken();
  for (const address of options.addresses) await refuseServed(address);
  const addresses = options.addresses.map((address) => {
    const isSecure = !isLocal(address);
    const access = new AdminAccess(address, token);
    accesses.push(access);
    const pages = pageApp({ ...parts, isSecure });
    const handler = adminHandler({ system, access, health, metrics, pages });
    const open = (address: AdminAddress, tls?: PortTls) =>
      new HttpPort({ address, tls, handler, ticks });
    const port = isSecure
      ? stack.use(new SecurePort(open, address, options.tls))
      : stack.use(open(address));
    if (port instanceof SecurePort) securePorts.push(port);
    log.info("Listening on {address} for the operator", {
      event: "server.listening-for-operator",
      address: formatAdminAddress(port.address),
      ...("port" in port.address ? { port: port.address.port } : {}),
    });
    return port.address;
  });
  await links.open(addresses);
  const setToken = async () => {
    const token = await options.readToken();
    for (const access of accesses) access.setToken(token);
  };
  const setTls = async () => {
    if (securePorts.length === 0) return;
    const tls = await options.readTls();
    for (const port of securePorts) await port.setTls(tls);
  };
  const open = stack.move();
  return {
    addresses,
    createLink: () => links.create(),
    async reload() {
      const reloads = [setToken(), setTls()];
      for (const done of await Promise.allSettled(reloads)) {
        if (done.status === "rejected") throw done.reason;
      }
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Several readers of the state of the queue share one look at it. */
function sharing(
  hooks: ReportedHooks | undefined,
  ticks: () => number,
): ReportedHooks | undefined {
  if (hooks === undefined) return undefined;
  const last = new FreshValue(() => hooks.report(), HOOKS_FRESH_MS, ticks);
  return { report: () => last.read() };
}

/** Keeps the socket of another server. Throws `NetworkError` `cannot-listen`. */
async function refuseServed(address: AdminAddress): Promise<void> {
  if (!("path" in address && await isServed(address.path))) return;
  throw cannotListen(address, "another program listens there");
}

/** A port with TLS, whose certificate can change. A listener of Deno has one for life, so another one replaces it. */
class SecurePort implements AsyncDisposable {
  readonly address: AdminAddress;
  readonly #open: (address: AdminAddress, tls?: PortTls) => HttpPort;
  /** `undefined` if another program has taken the port. */
  #port: HttpPort | undefined;
  #tls: PortTls | undefined;
  /** The last change, which the next one awaits. */
  #changed: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(
    open: (address: AdminAddress, tls?: PortTls) => HttpPort,
    address: AdminAddress,
    tls: PortTls | undefined,
  ) {
    this.#open = open;
    this.#tls = tls;
    this.#port = open(address, tls);
    this.address = this.#port.address;
  }

  setTls(tls: PortTls): Promise<void> {
    const done = this.#changed.then(() => this.#setTls(tls));
    this.#changed = done.catch(() => undefined);
    return done;
  }

  async #setTls(tls: PortTls): Promise<void> {
    const isSame = tls.cert === this.#tls?.cert && tls.key === this.#tls.key;
    if (this.#isClosed || (isSame && this.#port !== undefined)) return;
    await this.#port?.[Symbol.asyncDispose]();
    this.#port = undefined;
    if (this.#isClosed) return;
    this.#port = this.#open(this.address, tls);
    this.#tls = tls;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#changed;
    await this.#port?.[Symbol.asyncDispose]();
  }
}
