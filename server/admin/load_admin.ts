/**
 * Loads the operator's HTTP port if a server has one.
 *
 * @module
 */
import { ConfigurationError, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { TlsIdentity } from "../listen/tls/identity.ts";
import { type AdminAddress, isLocal } from "./admin_address.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { AdminSystem, ShownSetting } from "./admin_system.ts";
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
 * Opens the port. `loadIdentity` is called if it needs TLS. Throws `NetworkError` `cannot-listen`, `ConfigurationError`
 * `bad-admin-token`.
 */
export async function loadAdmin(
  { listen: addresses, tokenFile }: AdminSettings,
  system: AdminSystem,
  { loadIdentity, links }: {
    readonly loadIdentity: () => Promise<TlsIdentity>;
    readonly links: AdminLinkPlace;
  },
): Promise<AdminPort> {
  const { openAdmin } = await load<typeof import("./open_admin.ts")>(
    new URL("./open_admin.ts", import.meta.url),
  );
  const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
  if (addresses.every(isLocal)) return await openAdmin(system, { addresses, token, links });
  const { certificate: cert, key } = await loadIdentity();
  return await openAdmin(system, { addresses, token, links, tls: { cert, key } });
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

async function readToken(path: string): Promise<string> {
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
