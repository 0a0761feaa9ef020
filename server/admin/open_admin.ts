/**
 * Opens the operator's HTTP port. It is loaded only if a server has one.
 *
 * @module
 */
import { AdminAccess } from "./admin_access.ts";
import { type AdminAddress, formatAdminAddress, isLocal } from "./admin_address.ts";
import { adminHandler } from "./admin_app.ts";
import type { AdminSystem } from "./admin_system.ts";
import { Health } from "./health.ts";
import { HttpPort } from "./http_port.ts";
import { Metrics } from "./metrics.ts";
import { StoreTotals } from "./store_totals.ts";

export interface AdminOptions {
  readonly addresses: readonly AdminAddress[];
  /** The token of programs on other machines, for metrics. */
  readonly token?: string | undefined;
  /** Certificate and key in PEM. Other addresses than those of this machine need them. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** The open port, at one address or more. */
export interface AdminPort extends AsyncDisposable {
  readonly addresses: readonly AdminAddress[];
}

/** Listens. Throws `NetworkError` `cannot-listen`, `ConfigurationError` `bad-admin-token`. */
export async function openAdmin(system: AdminSystem, options: AdminOptions): Promise<AdminPort> {
  const { context: { log, ticks } } = system;
  await using stack = new AsyncDisposableStack();
  const health = new Health(system);
  const totals = new StoreTotals(system.context);
  const metrics = stack.use(new Metrics(system, health, totals));
  const addresses = options.addresses.map((address) => {
    const isSecure = !isLocal(address);
    const access = new AdminAccess(address, options.token);
    const handler = adminHandler({ system, access, health, metrics });
    const tls = isSecure ? options.tls : undefined;
    const port = stack.use(new HttpPort({ address, tls, handler, ticks }));
    log.info("Listening on {address} for the operator", {
      event: "server.listening-for-operator",
      address: formatAdminAddress(port.address),
      ...("port" in port.address ? { port: port.address.port } : {}),
    });
    return port.address;
  });
  const open = stack.move();
  return { addresses, [Symbol.asyncDispose]: () => open.disposeAsync() };
}
