/**
 * The server and the operator's functions, for `cli/`. Other programs use the entry points of `deno.json`.
 *
 * @module
 */
export * from "./operator/mod.ts";
export type { Access, AccessListener, AccessMethod } from "./limits/access.ts";
export { callServer } from "./control/call_server.ts";
export {
  type AdminAction,
  logAction,
  type OperatorAction,
  quotaSubject,
} from "./operator/actions.ts";
export type { CheckReport, RoundReport } from "./control/check_report.ts";
export {
  type AskedServer,
  type OpenSessions,
  type RunningServers,
  withRunningServers,
} from "./control/running_servers.ts";
export type { RunningServer, SessionStatus } from "./control/server_status.ts";
export { LIMIT_NAMES, type LimitDefinition, LIMITS, type Limits } from "./limits/limits.ts";
export { DEFAULT_HOOK_KINDS, type HookReport, type HookSettings } from "./hooks/hook_settings.ts";
export { HOOK_KINDS, type HookKind } from "./catalog/hook_queue.ts";
export { PORT_INFO, readPortInfo } from "./v3/port_info.ts";
export type { Advertised, ListenOptions } from "./listen/listeners.ts";
export { type Network, parseNetwork } from "./listen/networks.ts";
export type { SettingChanges } from "./limits/live_settings.ts";
export { type AdminAddress, isLocal } from "./admin/admin_address.ts";
export { readHealth } from "./admin/read_health.ts";
export type { AdminSettings } from "./admin/load_admin.ts";
export { clusterPageKey } from "./cluster/page_key.ts";
export type { ShownSetting } from "./admin/admin_system.ts";
export { ADMIN_LINK_LIFE_MS, adminLink, type AdminLinkSource } from "./admin/admin_links.ts";
export { Server } from "./server.ts";
export type { ServerOptions } from "./lifecycle/server_options.ts";
export { INVITATION_LIFE_MS, LINK_LIFE_MS, MAX_USES, TOKEN_LIFE_MS } from "./accounts/tokens.ts";
export {
  ACCESS_MODES,
  type AccessMode,
  type AccountSummary,
  type Quota,
  REGISTRATION_MODES,
  type RegistrationMode,
} from "./catalog/accounts.ts";
export type { Edition } from "../protocol/v3/editions/edition.ts";
export { DEFAULT_SERVED, EDITIONS, findEdition } from "../protocol/v3/editions/mod.ts";
