/**
 * A server, and what an operator does with what it keeps.
 *
 * @module
 */
export { backup, type CopyReport, restore } from "./operator/backup.ts";
export { type Random, systemEntropy } from "./random.ts";
export {
  type AccountWithFiles,
  listStored,
  type StoredAccount,
  type StoredVisitor,
  visitStored,
} from "./operator/list_files.ts";
export { exportFile, type ExportRequest } from "./operator/export_file.ts";
export {
  DEFAULT_LIMITS,
  LIMIT_NAMES,
  type LimitDefinition,
  LimitError,
  type LimitName,
  LIMITS,
  type Limits,
} from "./limits/limits.ts";
export { PORT_INFO, readPortInfo } from "./v3/port_info.ts";
export type { Advertised, ListenOptions } from "./listen/listeners.ts";
export type { SettingChanges } from "./limits/live_settings.ts";
export { Server, type ServerOptions } from "./server.ts";
export {
  type Invitation,
  invite,
  listInvitations,
  revokeInvitations,
} from "./operator/invitations.ts";
export {
  INVITATION_LIFE_MS,
  LINK_LIFE_MS,
  MAX_USES,
  type NewToken,
  TOKEN_LIFE_MS,
} from "./accounts/tokens.ts";
export {
  linkUser,
  listUserKeys,
  listUsers,
  removeUser,
  removeUserKey,
  renameUser,
  setUserDisabled,
  setUserQuota,
  type UserKey,
} from "./operator/users.ts";
export {
  type AccountSummary,
  type Quota,
  REGISTRATION_MODES,
  type RegistrationMode,
} from "./catalog/accounts.ts";
export type { TlsFiles } from "./listen/tls/operator_certificate.ts";
export { type Verified, verify, type VerifyOptions, type VerifyReport } from "./operator/verify.ts";
export type { Finding } from "./data_folder/audit.ts";
export type { Account, StoredProfile } from "./catalog/accounts.ts";
export type { StoredFile } from "./catalog/files.ts";
export type { Edition } from "../protocol/v3/editions/edition.ts";
export { DEFAULT_SERVED, EDITIONS, findEdition } from "../protocol/v3/editions/mod.ts";
