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
import { Health } from "./health.ts";
import { HttpPort } from "./http_port.ts";
import { Metrics } from "./metrics.ts";
import { AdminSessions } from "./page/admin_sessions.ts";
import { pageApp } from "./page/page_app.ts";
import { RecentEvents } from "./page/recent_events.ts";
import { Throughput } from "./page/throughput.ts";
import { StoreTotals } from "./store_totals.ts";

export interface AdminOptions {
  readonly addresses: readonly AdminAddress[];
  /** The token of programs on other machines, for metrics. */
  readonly token?: string | undefined;
  /** Certificate and key in PEM. Other addresses than those of this machine need them. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Where the key of links to the page is. */
  readonly links: AdminLinkPlace;
}

/** In the data folder, or derived from the secret of the cluster: 32 bytes. */
export type AdminLinkPlace = { readonly dataFolder: string } | { readonly key: Bytes };

/** The open port, at one address or more. */
export interface AdminPort extends AsyncDisposable {
  readonly addresses: readonly AdminAddress[];
  /** A link to the operator's page that is good once. */
  createLink(): string;
}

/** Listens. Throws `NetworkError` `cannot-listen`, `ConfigurationError` `bad-admin-token`. */
export async function openAdmin(system: AdminSystem, options: AdminOptions): Promise<AdminPort> {
  const { context: { log, clock, monitor }, name } = system;
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
  const throughput = stack.use(new Throughput(monitor));
  const parts = { system, health, totals, sessions, events, throughput };
  const addresses = options.addresses.map((address) => {
    const isSecure = !isLocal(address);
    const access = new AdminAccess(address, options.token);
    const pages = pageApp({ ...parts, isSecure });
    const handler = adminHandler({ system, access, health, metrics, pages });
    const tls = isSecure ? options.tls : undefined;
    const port = stack.use(new HttpPort({ address, tls, handler, ticks: system.context.ticks }));
    log.info("Listening on {address} for the operator", {
      event: "server.listening-for-operator",
      address: formatAdminAddress(port.address),
      ...("port" in port.address ? { port: port.address.port } : {}),
    });
    return port.address;
  });
  await links.open(addresses);
  const open = stack.move();
  return {
    addresses,
    createLink: () => links.create(),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
