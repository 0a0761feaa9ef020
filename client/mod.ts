/**
 * A client: what sends files to a server.
 *
 * @module
 */
export type { ClientEvent, CommonEvent, Failure, Outcome, Stored } from "./events.ts";
export { DEFAULT_RETRIES, type Retry, type RetryOptions } from "./retries.ts";
export { sendFiles, type SendOptions } from "./send_files.ts";
export { DEFAULT_TIMEOUTS, type Timeouts } from "./connection.ts";
export { lastPart } from "./local_paths.ts";
export type { SourceFile } from "./source_file.ts";
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
} from "./transfer_info.ts";
export {
  type Answering,
  type AskOptions,
  askServer,
  type HeldAccount,
  plainAccountIn,
  refuseOtherUser,
  secureAccountIn,
} from "./standing.ts";
export {
  keepLastStored,
  type LastStored,
  MAX_LAST_STORED,
  readLastStored,
  STORED_FILE,
} from "./last_stored.ts";
export { hasSecureAccount } from "./v4/account.ts";
export { getFile, getFolder, type GetOptions, type GetOutcome } from "./v4/get_files.ts";
export { getFiles, type GetManyOptions } from "./v4/get_several.ts";
export { putFiles, type PutOptions, type PutOutcome } from "./v4/put_files.ts";
export { type LaneOptions, Lanes, MAX_LANES } from "./v4/lanes.ts";
export { MIN_RATE, RateLimit } from "./v4/rate_limit.ts";
export {
  type Choice,
  type ChoiceOptions,
  chooseProtocol,
  dialectUnused,
  type PlainReason,
} from "./v4/protocol_choice.ts";
export {
  type KnownServer,
  KnownServers,
  type Remembered,
  type ServerIdentity,
} from "./v4/known_servers.ts";
export { readAuthorities } from "./v4/authorities.ts";
export { DamagedFiles, type RemoteFile } from "./v4/remote_file.ts";
export { type Link, SecureClient, type TakeDamaged, type TakeFile } from "./v4/secure_client.ts";
export type { SecureEvent, SecureOptions } from "./v4/session.ts";
export type { Observe, Said, Watch, Watchable } from "./watch.ts";
export { isToken } from "../protocol/v4/token.ts";
