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
export { hasSecureAccount } from "./v4/account.ts";
export { type Choice, type ChoiceOptions, chooseProtocol } from "./v4/protocol_choice.ts";
export { KnownServers, type ServerIdentity } from "./v4/known_servers.ts";
export { readAuthorities } from "./v4/authorities.ts";
export { getFile, getFolder, type GetOptions } from "./v4/get_files.ts";
export { putFiles, type PutOptions } from "./v4/put_files.ts";
export type { RemoteFile } from "./v4/download.ts";
export { SecureClient } from "./v4/secure_client.ts";
export type { SecureEvent, SecureOptions } from "./v4/session.ts";
