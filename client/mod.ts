/**
 * A client: what sends files to a server.
 *
 * @module
 */
export type { ClientEvent, Failure, Outcome, Stored } from "./events.ts";
export { DEFAULT_RETRIES, type Retry, type RetryOptions } from "./retries.ts";
export { sendFiles, type SendOptions } from "./send_files.ts";
export { DEFAULT_TIMEOUTS, type Timeouts } from "./connection.ts";
export type { SourceFile } from "./source_file.ts";
export { readTransferInfo, TRANSFER_INFO, type TransferInfo } from "./transfer_info.ts";
