/**
 * The entry point of the client for `cli/`. Downloads and protocol 3 have one of their own, which few commands load.
 * Other programs use `mod.ts` at the root.
 *
 * @module
 */
export type { CommonEvent, Outcome, V3Event, V4Event } from "./events.ts";
export { DEFAULT_RETRIES, type Retry, type RetryOptions } from "./net/retry.ts";
export type { V3ConnectOptions } from "./v3/connect_options.ts";
export { DEFAULT_TIMEOUTS, type Timeouts } from "./net/dial.ts";
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
} from "./status.ts";
export {
  keepLastStored,
  type LastStored,
  MAX_LAST_STORED,
  readLastStored,
} from "./identity/upload_history.ts";
export { hasV4Account } from "./identity/v4_account.ts";
export type { ByteRange } from "./v4/file_download.ts";
export {
  EVERYTHING,
  type GetManyOptions,
  type GetOutcome,
  type GetSummary,
  type MirrorDeletion,
} from "./v4/get_options.ts";
export { previewPut, putFiles } from "./v4/put_files.ts";
export type { PutPreview } from "./v4/put_preview.ts";
export type { PutOptions, PutOutcome } from "./v4/put_options.ts";
export { putStream } from "./v4/put_stream.ts";
export { ConnectionPool, MAX_PARALLEL } from "./v4/connection_pool.ts";
export { MIN_RATE, RateLimit } from "./net/rate_limit.ts";
export { type Choice, chooseProtocol, onlyProtocol3, type V3Reason } from "./protocol_choice.ts";
export { KnownServers, type Remembered } from "./identity/known_servers.ts";
export type { DiscoveredServer } from "./v4/discover.ts";
export { readAuthorities } from "./identity/ca_certificates.ts";
export { readTime } from "./local/file_metadata.ts";
export { Bound, DamagedFiles, type RemoteFile } from "./v4/remote_file.ts";
export { type AccountUsage, type Changed, V4Client } from "./v4/client.ts";
export { compareNames } from "./v4/listing.ts";
export { implicitFolder } from "./v4/implicit_folders.ts";
export { isName, listEntries } from "./v4/list_entries.ts";
export { type ExpandedName, expandName } from "./v4/expand_name.ts";
export type { ConnectOptions } from "./v4/connect_options.ts";
export type { TracedMessage, Tracer } from "./net/wire_trace.ts";
export { EDITIONS, findEdition } from "../protocol/v3/editions/mod.ts";
export { CLIENT_QUIRKS, type Quirk, QUIRKS } from "../protocol/v3/editions/quirks.ts";
export { formatFingerprint, formatLocation, type Location } from "../protocol/v4/fingerprint.ts";
export { isToken } from "../protocol/v4/token.ts";
