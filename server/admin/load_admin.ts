/**
 * Loads the operator's HTTP port if a server has one.
 *
 * @module
 */
import { ConfigurationError, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { IdentitySource } from "../listen/reloadable_tls_listener.ts";
import type { TlsIdentity } from "../listen/tls/identity.ts";
import { type AdminAddress, isLocal } from "./admin_address.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { AdminSystem, ShownSetting } from "./admin_system.ts";
import type { PortTls } from "./http_port.ts";
import type { AdminLinkPlace, AdminPort } from "./open_admin.ts";

/** The variable that makes Deno export traces. */
const TRACING = "OTEL_DENO";

/** The operator's HTTP port. */
export interface AdminSettings {
  /** Those that other machines can reach get TLS. */
  readonly listen: readonly AdminAddress[];
  /** A file with the token with which other machines can read metrics. */
  readonly tokenFile?: string | undefined;
  /** The effective settings, for the page; none by default. */
  readonly settings?: () => readonly ShownSetting[];
}

/**
 * Opens the port. The identity is read if the port needs TLS. Throws `NetworkError` `cannot-listen`, `ConfigurationError`
 * `bad-admin-token`.
 */
export async function loadAdmin(
  { listen: addresses, tokenFile }: AdminSettings,
  system: AdminSystem,
  { identity, links }: {
    readonly identity: IdentitySource;
    readonly links: AdminLinkPlace;
  },
): Promise<AdminPort> {
  const { openAdmin } = await load<typeof import("./open_admin.ts")>(
    new URL("./open_admin.ts", import.meta.url),
  );
  const tls = addresses.every(isLocal) ? undefined : toTls(await identity.load());
  const readTls = async () => toTls(await identity.read());
  const readToken = async () => tokenFile === undefined ? undefined : await tokenIn(tokenFile);
  return await openAdmin(system, { addresses, readToken, links, tls, readTls });
}

/** Begins to trace connections and transfers, if Deno exports traces. */
export async function loadTracing(monitor: Monitor): Promise<Disposable | undefined> {
  if (!isTracing()) return undefined;
  const { traceMonitor } = await load<typeof import("./tracing.ts")>(
    new URL("./tracing.ts", import.meta.url),
  );
  return traceMonitor(monitor);
}

/** As Deno itself reads the variable. */
function isTracing(): boolean {
  const isReadable = Deno.permissions.querySync({ name: "env", variable: TRACING }).state ===
    "granted";
  return isReadable && ["true", "1"].includes((Deno.env.get(TRACING) ?? "").toLowerCase());
}

/** Before a program starts, Deno reads every module that an import names by a literal. This import names none. */
function load<M>({ href }: URL): Promise<M> {
  return import(href);
}

function toTls({ certificate: cert, key }: TlsIdentity): PortTls {
  return { cert, key };
}

async function tokenIn(path: string): Promise<string> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch (cause) {
    throw new ConfigurationError(
      "bad-admin-token",
      `cannot read the token of the admin port from ${printable(path)}: ${reasonOf(cause)}`,
      { hint: "Set admin-token-file to a file with a token.", cause },
    );
  }
}
