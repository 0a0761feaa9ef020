/**
 * xfer as a library: run a server in your own program, or upload files to one and download them.
 *
 * - `@xfer/xfer`: the server and the client.
 * - `@xfer/xfer/operator`: maintenance of a data folder: backup, verify, accounts, invitations.
 * - `@xfer/xfer/catalog`, `@xfer/xfer/blobs`: the interfaces of stores, to implement your own.
 * - `@xfer/xfer/protocol/v3`, `@xfer/xfer/protocol/v4`: the protocols alone, for testers and other implementations.
 *
 * docs/library.md is the guide. Every error is an {@link XferError} with a stable `code`; docs/troubleshooting.md lists
 * them all.
 *
 * @example Upload a file to a server, and download it
 * ```ts
 * import assert from "node:assert/strict";
 * import { getFile, putFiles, Server } from "@xfer/xfer";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/report.txt`, "42");
 * await using server = await Server.start({
 *   listen: [{ hostname: "127.0.0.1", port: 0 }],
 *   tlsListen: { hostname: "127.0.0.1", port: 0 },
 *   dataFolder: `${folder}/data`,
 * });
 * const connect = {
 *   server: server.address,
 *   userName: "Alice",
 *   identityFolder: folder,
 *   onNewServer: () => true,
 * };
 * const { stored } = await putFiles({ connect, paths: [`${folder}/report.txt`] });
 * assert.equal(stored, 1);
 *
 * await getFile({ connect, name: "report.txt", target: `${folder}/copy.txt` });
 * assert.equal(await Deno.readTextFile(`${folder}/copy.txt`), "42");
 * ```
 *
 * @module
 */

// Errors and addresses, for both ends.
export type { Abortable } from "./protocol/abort.ts";
export { type Address, formatAddress, parseAddress } from "./protocol/address.ts";
export type { Bytes } from "./protocol/bytes.ts";
export {
  ConfigurationError,
  type ErrorCategory,
  type ErrorDetails,
  IntegrityError,
  InterruptedError,
  NetworkError,
  ProtocolError,
  RefusedError,
  StorageError,
  UnavailableError,
  UnconfirmedError,
  UsageError,
  XferError,
} from "./protocol/errors.ts";
export {
  formatFingerprint,
  formatLocation,
  type Location,
  parseFingerprint,
  parseLocation,
} from "./protocol/v4/fingerprint.ts";

// The server.
export { Server } from "./server/server.ts";
export type { ServerOptions } from "./server/lifecycle/server_options.ts";
export type { AdminAddress } from "./server/admin/admin_address.ts";
export type { AdminSettings } from "./server/admin/load_admin.ts";
export type { HookSettings } from "./server/hooks/hook_settings.ts";
export type { HookKind } from "./server/catalog/hook_queue.ts";
export type { ShownSetting } from "./server/admin/admin_system.ts";
export type { OwnStores } from "./server/data_folder/data_folder.ts";
export type { Advertised, ListenOptions } from "./server/listen/listeners.ts";
export { type Network, parseNetwork } from "./server/listen/networks.ts";
export type { Access, AccessListener, AccessMethod } from "./server/limits/access.ts";
export type { TlsFiles } from "./server/listen/tls/operator_certificate.ts";
export {
  DEFAULT_LIMITS,
  type LimitDefinition,
  LimitError,
  type LimitName,
  LIMITS,
  type Limits,
} from "./server/limits/limits.ts";
export type { SettingChanges } from "./server/limits/live_settings.ts";
export { REGISTRATION_MODES, type RegistrationMode } from "./server/catalog/accounts.ts";
export type { Random } from "./server/random.ts";
export type { FileSystem } from "./server/fs/file_system.ts";
export type { FreeSpace } from "./server/fs/free_space.ts";

// The client of protocol 4.
export { type AccountUsage, type Changed, type LinkToken, V4Client } from "./client/v4/client.ts";
export type { ListOptions, TakeDamaged, TakeFile } from "./client/v4/listing.ts";
export type { ConnectOptions } from "./client/v4/connect_options.ts";
export { MAX_PARALLEL, type TransferOptions } from "./client/v4/connection_pool.ts";
export type { DamagedFile, RemoteFile } from "./client/v4/remote_file.ts";
export type { Wanted, WriteChunk } from "./client/v4/chunk_download.ts";
export type { ByteRange } from "./client/v4/file_download.ts";
export { getFile, type GetFileOptions, getFiles } from "./client/v4/get_files.ts";
export {
  EVERYTHING,
  type GetManyOptions,
  type GetOptions,
  type GetOutcome,
  type GetSkipReason,
  type GetSummary,
  type MirrorDeletion,
} from "./client/v4/get_options.ts";
export { getStream, type StreamOptions } from "./client/v4/stream_download.ts";
export type { AttributeOptions, UnsetAttributes } from "./client/local/target_attributes.ts";
export type { FileSelection } from "./client/v4/collect_files.ts";
export type { SkipReason } from "./client/v4/tree_walk.ts";
export { previewPut, putFiles } from "./client/v4/put_files.ts";
export type { PreviewedEntry, PreviewOptions, PutPreview } from "./client/v4/put_preview.ts";
export {
  MAX_UNTRIED,
  type MirrorOptions,
  type PutNotRemoved,
  type PutOptions,
  type PutOutcome,
  type PutRemoved,
  type PutStored,
  type PutSummary,
  type PutUnchanged,
} from "./client/v4/put_options.ts";
export type { FolderRemovals, PlanOptions, RemoteName } from "./client/v4/put_plan.ts";
export { putStream, type PutStreamOptions } from "./client/v4/put_stream.ts";

// The client of protocol 3.
export { sendFiles, type SendOptions } from "./client/v3/send_files.ts";
export type { V3ConnectOptions } from "./client/v3/connect_options.ts";

// Both clients.
export type {
  CommonEvent,
  Failure,
  LocalFile,
  OpenFolder,
  Outcome,
  Stored,
  Tightened,
  V3Event,
  V4Event,
} from "./client/events.ts";
export { DEFAULT_TIMEOUTS, type Timeouts } from "./client/net/dial.ts";
export { type Clock, MIN_RATE, RateLimit } from "./client/net/rate_limit.ts";
export { DEFAULT_RETRIES, type Retry, type RetryOptions } from "./client/net/retry.ts";
export type { Trace, Traceable, TracedMessage, Tracer } from "./client/net/wire_trace.ts";
export type { ReservedFile } from "./client/identity/reserved_files.ts";
export type { ServerIdentity } from "./client/identity/known_servers.ts";
export type { V3Reason } from "./client/protocol_choice.ts";
export { readTransferInfo, type TransferInfo } from "./client/identity/transfer_info.ts";
export {
  type AccountStatus,
  askServer,
  findV3Account,
  findV4Account,
  type OnPermissionEvent,
  type ServerStatus,
  type ServerStatusOptions,
} from "./client/status.ts";
