/**
 * The parts of the operator's page, and a request to it.
 *
 * @module
 */
import type { Context } from "hono";
import type { AdminSystem } from "../admin_system.ts";
import type { Health } from "../health.ts";
import type { StoreTotals } from "../store_totals.ts";
import type { AdminSession, AdminSessions } from "./admin_sessions.ts";
import type { RecentEvents } from "./recent_events.ts";
import type { Throughput } from "./throughput.ts";

export interface PageParts {
  readonly system: AdminSystem;
  readonly health: Health;
  readonly totals: StoreTotals;
  readonly sessions: AdminSessions;
  readonly events: RecentEvents;
  readonly throughput: Throughput;
  /** Whether the port has TLS, so that the cookie is for TLS only. */
  readonly isSecure: boolean;
}

/** A handler's view of a request: the address of the client, and its session. */
export interface PageEnvironment {
  readonly Bindings: { readonly client: string };
  readonly Variables: { session: AdminSession };
}

export type PageRequest = Context<PageEnvironment>;
