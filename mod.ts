/**
 * xfer as a library: start a server, send files to one, or use the protocol alone.
 *
 * ```ts
 * import { sendFiles, Server } from "./mod.ts";
 *
 * await using server = await Server.start({
 *   listen: [{ hostname: "127.0.0.1", port: 0 }],
 *   dataFolder: "xfer-data",
 * });
 * await sendFiles({
 *   server: server.address,
 *   userName: "Alice",
 *   files: ["report.pdf"],
 *   identityFolder: ".",
 * });
 * ```
 *
 * @module
 */
export * from "./protocol/mod.ts";
export type { ClientEvent, Failure, Outcome, Stored } from "./client/events.ts";
export { DEFAULT_RETRIES, type Retry, type RetryOptions } from "./client/retries.ts";
export { sendFiles, type SendOptions } from "./client/send_files.ts";
export { DEFAULT_TIMEOUTS, type Timeouts } from "./client/connection.ts";
export type { SourceFile } from "./client/source_file.ts";
export { readTransferInfo, TRANSFER_INFO, type TransferInfo } from "./client/transfer_info.ts";
export { backup, type CopyReport, restore } from "./server/backup.ts";
export { type Entropy, systemEntropy } from "./server/entropy.ts";
export {
  type ClientWithFiles,
  exportFile,
  type ExportRequest,
  listStored,
} from "./server/inspect.ts";
export {
  DEFAULT_LIMITS,
  LIMIT_NAMES,
  type LimitDefinition,
  LimitError,
  type LimitName,
  LIMITS,
  type Limits,
} from "./server/limits.ts";
export { PORT_INFO, readPortInfo } from "./server/port_info.ts";
export { type Listen, Server, type ServerOptions } from "./server/server.ts";
export { removeUser } from "./server/users.ts";
export { type Verified, verify, type VerifyOptions, type VerifyReport } from "./server/verify.ts";
export type { Finding } from "./server/store/audit.ts";
export type { Client, Speech, StoredFile } from "./server/store/catalog.ts";
