/**
 * A server, and what an operator does with what it keeps.
 *
 * @module
 */
export { backup, type CopyReport, restore } from "./backup.ts";
export { type Entropy, systemEntropy } from "./entropy.ts";
export { type ClientWithFiles, exportFile, type ExportRequest, listStored } from "./inspect.ts";
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
export type { Listen } from "./listeners.ts";
export { Server, type ServerOptions } from "./server.ts";
export type { TlsFiles } from "./v4/operator_identity.ts";
export { removeUser } from "./users.ts";
export { type Verified, verify, type VerifyOptions, type VerifyReport } from "./verify.ts";
export type { Finding } from "./store/audit.ts";
export type { Client, Speech, StoredFile } from "./store/catalog.ts";
