/**
 * An operator's functions for a server's data, whether a server is running or not: backup and restore, migration, verify,
 * export, users, invitations. A running server notices a change within a second.
 *
 * @example Start a server for invited users only
 * ```ts
 * import assert from "node:assert/strict";
 * import { Server } from "@xfer/xfer";
 * import { invite, listUsers } from "@xfer/xfer/operator";
 *
 * const dataFolder = await Deno.makeTempDir();
 * await using server = await Server.start({
 *   listen: [{ hostname: "127.0.0.1", port: 0 }],
 *   tlsListen: { hostname: "127.0.0.1", port: 0 },
 *   registration: "invite",
 *   dataFolder,
 * });
 * const { token } = await invite(dataFolder, { uses: 1, lifeMs: 24 * 60 * 60 * 1000 });
 * assert.equal(token.length, 26); // pass it to putFiles as connect.token
 * assert.deepEqual(await listUsers(dataFolder), []);
 * ```
 *
 * @module
 */
export { backup, type BackupOptions, type BackupReport } from "./backup/backup.ts";
export type { ComparedCopyReport, CopyReport } from "./backup/copy_store.ts";
export { listBackup, type ListedState } from "./backup/list_backup.ts";
export { migrateFromFolder, type MigrateOptions, migrateToFolder } from "./backup/migrate.ts";
export { restore, type RestoreOptions } from "./backup/restore.ts";
export { exportFile, type ExportRequest } from "./export_file.ts";
export { type ImportedEntry } from "./import/import_entry.ts";
export {
  type ImportFailure,
  importFiles,
  type ImportOutcome,
  type ImportRequest,
  type ImportSuccess,
} from "./import/import_files.ts";
export { type ReadTime } from "./import/local_entries.ts";
export { dropHooks, type HookSelection, type QueuedHook, retryHooks, visitHooks } from "./hooks.ts";
export { type Invitation, invite, listInvitations, revokeInvitations } from "./invitations.ts";
export {
  type AccountWithFiles,
  listStored,
  type StoredAccount,
  type StoredVisitor,
  type VisitOptions,
  visitStored,
} from "./list_files.ts";
export {
  linkUser,
  listUserKeys,
  listUsers,
  removeUser,
  removeUserKey,
  renameUser,
  setUserAccess,
  setUserDisabled,
  setUserQuota,
  type UserKey,
} from "./users.ts";
export { type LargeFile, MAX_TOP, measureUsage, type StoreUsage, type UserUsage } from "./usage.ts";
export { MAX_PARTS, type StorePart } from "../data_folder/store_part.ts";
export { type Verified, verify, type VerifyOptions, type VerifyReport } from "./verify.ts";
export type { NewToken, TokenOptions } from "../accounts/tokens.ts";
export type { Finding } from "../data_folder/audit.ts";
export type { BackupLocation } from "../data_folder/with_data_folder.ts";
export {
  nameOfLocation,
  type ObjectStoreSettings,
  type StoreSettings,
} from "../stores/store_settings.ts";
export { isBackup, type ServerLocation, type StoreLocation } from "../stores/with_store.ts";
