/**
 * A server, and what an operator does with what it keeps.
 *
 * @module
 */
export { backup, type CopyReport, restore } from "./backup.ts";
export { type Entropy, systemEntropy } from "./entropy.ts";
export {
  type ClientWithFiles,
  exportFile,
  type ExportRequest,
  listStored,
  type StoredClient,
  type StoredVisitor,
  visitStored,
} from "./inspect.ts";
export {
  DEFAULT_LIMITS,
  LIMIT_NAMES,
  type LimitDefinition,
  LimitError,
  type LimitName,
  LIMITS,
  type Limits,
} from "./limits.ts";
export { PORT_INFO, readPortInfo } from "./port_info.ts";
export type { Advertised, Listen } from "./listeners.ts";
export type { RuleChanges } from "./rules.ts";
export { Server, type ServerOptions } from "./server.ts";
export { type Invitation, invite, listInvitations, revokeInvitations } from "./invitations.ts";
export {
  INVITATION_LIFE_MS,
  LINK_LIFE_MS,
  type MadeToken,
  MAX_USES,
  TOKEN_LIFE_MS,
} from "./tokens.ts";
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
} from "./users.ts";
export {
  type AccountSummary,
  type Quota,
  REGISTRATION_MODES,
  type RegistrationMode,
} from "./store/account_catalog.ts";
export type { TlsFiles } from "./v4/operator_identity.ts";
export { type Verified, verify, type VerifyOptions, type VerifyReport } from "./verify.ts";
export type { Finding } from "./store/audit.ts";
export type { Client, Speech, StoredFile } from "./store/catalog.ts";
