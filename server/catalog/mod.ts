/**
 * The interface of a catalog, for catalogs other than SQLite.
 *
 * @module
 */
export {
  ACCESS_MODES,
  type AccessMode,
  type Account,
  type AccountChanges,
  type AccountReference,
  type Accounts,
  type AccountSummary,
  type AccountWithKeys,
  type ClaimAccount,
  type KeyChange,
  type KnownKey,
  type LoginFault,
  type LoginResult,
  mayReplace,
  mayYield,
  type Principal,
  PROTOCOL_4,
  type Quota,
  type QuotaChanges,
  type RegisterV3,
  type RegisterV4,
  type RevocationReason,
  type SetPublicKey,
  type StoredProfile,
  type UpdateResult,
  type Usage,
} from "./accounts.ts";
export {
  CHUNKS_PAGE,
  MAX_DROPPED,
  MAX_GARBAGE,
  MAX_HISTORY,
  MAX_INLINE,
  MAX_INVITATIONS,
  MAX_KEYS,
  MAX_LINKS,
} from "./bounds.ts";
export type { BlobOwner, BlobReferences } from "./blob_references.ts";
export {
  type Aggregates,
  type Catalog,
  isQueueing,
  isSelfChecking,
  type Queueing,
  type SelfChecking,
} from "./catalog.ts";
export type { CheckRound, CheckRounds } from "./check_rounds.ts";
export type {
  AllFilesPage,
  ChangedEntries,
  CommitOptions,
  CommitResult,
  CommittedFile,
  Damage,
  DroppedHistory,
  FileDigest,
  FilePage,
  FileQuery,
  Files,
  FoundFile,
  Garbage,
  ImplicitFolder,
  KnownDamage,
  ListPage,
  Metadata,
  MetadataResult,
  NewContent,
  NewFile,
  RemoveOptions,
  RemoveResult,
  RenameResult,
  RestoreVersionOptions,
  RestoreVersionResult,
  RoomOptions,
  StoredContent,
  StoredFile,
  UsageBeside,
  UsageWithHistory,
  VersionPage,
} from "./files.ts";
export {
  type CheckpointOptions,
  NameLost,
  type PartialUpload,
  type PartialUploadKey,
  type PartialUploadRows,
} from "./partial_uploads.ts";
export {
  type EncodedEntries,
  type EntriesPage,
  type FetchedPage,
  PACK_OUTCOMES,
  type PackedFiles,
  type PackOptions,
  type PackOutcome,
  PackOutcomes,
  type PackResult,
  type UpdateOptions,
} from "./packs.ts";
export { type PackDependencies, packedFilesOver } from "./packs_over_files.ts";
export {
  HOOK_KINDS,
  type HookBounds,
  type HookClaim,
  type HookKind,
  type HookOutcome,
  type HookQueue,
  type HookSelection,
  type HookTotals,
  type NewHook,
  type QueuedHook,
} from "./hook_queue.ts";
export {
  CatalogRefusal,
  type ExceededQuota,
  REFUSAL_REASONS,
  type RefusalReason,
} from "./refusal.ts";
export { nameKey } from "./name_key.ts";
export type { Repair, Repairs } from "./repairs.ts";
export type { Token, Tokens } from "./tokens.ts";
