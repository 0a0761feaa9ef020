/**
 * A client: what sends files to a server.
 *
 * @module
 */
export type { CommonEvent, Failure, Outcome, Stored, V3Event, V4Event } from "./events.ts";
export { DEFAULT_RETRIES, type Retry, type RetryOptions } from "./net/retry.ts";
export type { V3ConnectOptions } from "./v3/connect_options.ts";
export { sendFiles, type SendOptions } from "./v3/send_files.ts";
export { DEFAULT_TIMEOUTS, type Timeouts } from "./net/dial.ts";
export { lastPart } from "./local/path_mapping.ts";
export type { SourceFile } from "./local/source_file.ts";
export {
  clientFolder,
  EXPECTED,
  isFileLine,
  parseServerLine,
  readTransferInfo,
  TRANSFER_INFO,
  type TransferInfo,
  transferInfoExists,
  writeTransferInfo,
} from "./identity/transfer_info.ts";
export {
  type AccountStatus,
  askServer,
  findV3Account,
  findV4Account,
  refuseOtherUser,
  type ServerStatus,
  type ServerStatusOptions,
} from "./status.ts";
export {
  keepLastStored,
  type LastStored,
  MAX_LAST_STORED,
  readLastStored,
  STORED_FILE,
} from "./identity/upload_history.ts";
export { hasV4Account } from "./identity/v4_account.ts";
export { getFile, getFiles, getFolder, type GetManyOptions } from "./v4/get_files.ts";
export type { GetOptions, GetOutcome } from "./v4/get_plan.ts";
export { putFiles, type PutOptions, type PutOutcome } from "./v4/put_files.ts";
export { ConnectionPool, MAX_PARALLEL, type TransferOptions } from "./v4/connection_pool.ts";
export { MIN_RATE, RateLimit } from "./net/rate_limit.ts";
export {
  type Choice,
  type ChoiceOptions,
  chooseProtocol,
  onlyProtocol3,
  type V3Reason,
} from "./protocol_choice.ts";
export {
  type KnownServer,
  KnownServers,
  type Remembered,
  type ServerIdentity,
} from "./identity/known_servers.ts";
export type { DiscoveredServer } from "./v4/discover.ts";
export { readAuthorities } from "./identity/ca_certificates.ts";
export { DamagedFiles, type RemoteFile } from "./v4/remote_file.ts";
export { type LinkToken, type TakeDamaged, type TakeFile, V4Client } from "./v4/client.ts";
export type { FileSelection } from "./v4/collect_files.ts";
export type { ConnectOptions } from "./v4/connect_options.ts";
export type { Trace, Traceable, TracedMessage, Tracer } from "./net/wire_trace.ts";
export { EDITIONS, findEdition } from "../protocol/v3/editions/mod.ts";
export { CLIENT_QUIRKS, type Quirk, QUIRKS } from "../protocol/v3/editions/quirks.ts";
export { formatFingerprint, formatLocation, type Location } from "../protocol/v4/fingerprint.ts";
export { isToken } from "../protocol/v4/token.ts";
