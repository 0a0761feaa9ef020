/** The state of a catalog in memory, and operations shared by its aggregates. */
import type { BlobId, UploadId } from "../../../../server/blobs/blob_store.ts";
import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import {
  type AccountWithKeys,
  type Principal,
  PROTOCOL_4,
  type Quota,
  type RevocationReason,
  type Usage,
} from "../../../../server/catalog/accounts.ts";
import type { CheckRound } from "../../../../server/catalog/check_rounds.ts";
import type {
  DroppedHistory,
  StoredFile,
  UsageWithHistory,
} from "../../../../server/catalog/files.ts";
import { MAX_DROPPED, MAX_HISTORY } from "../../../../server/catalog/bounds.ts";
import { nameKey } from "../../../../server/catalog/name_key.ts";
import type { EntryKind } from "../../../../protocol/entry.ts";
import type { PartialUpload } from "../../../../server/catalog/partial_uploads.ts";
import type { HookKind, NewHook, QueuedHook } from "../../../../server/catalog/hook_queue.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import type { Repair } from "../../../../server/catalog/repairs.ts";
import type { Token } from "../../../../server/catalog/tokens.ts";

export interface FileRow {
  readonly file: StoredFile & {
    readonly version: number;
    readonly current: boolean;
    readonly kind: EntryKind;
  };
  /** Rows are numbered in the order in which they were stored. */
  readonly number: number;
  readonly chunks?: Bytes | undefined;
  readonly content?: Bytes | undefined;
}

/** An event with the properties that only the queue knows. */
export interface HookRow extends QueuedHook, NewHook {
  readonly dueAt: number;
  readonly claim?: { readonly token: string; readonly until: number } | undefined;
}

/** The id of a blob or of an upload. */
export type Id = BlobId | UploadId;

/** Rows are replaced, never changed: a copy of the lists is a copy of the state. */
export class State {
  accounts: readonly AccountWithKeys[] = [];
  tokens: readonly Token[] = [];
  files: readonly FileRow[] = [];
  uploads: readonly PartialUpload[] = [];
  garbage: readonly Id[] = [];
  reserved: readonly Id[] = [];
  number = 0;
  repairs: readonly Repair[] = [];
  /** Newest first. */
  rounds: readonly CheckRound[] = [];
  hooks: readonly HookRow[] = [];
  hookNumber = 0;
  watched: ReadonlySet<HookKind> = new Set();

  /** One transaction: all of what `work` changes, or nothing if it throws. */
  // deno-lint-ignore require-await
  async atomically<T>(work: () => T): Promise<T> {
    const before = { ...this };
    try {
      return work();
    } catch (error) {
      Object.assign(this, before);
      throw error;
    }
  }

  account(id: Bytes): AccountWithKeys | undefined {
    return this.accounts.find((account) => equalBytes(account.id, id));
  }

  change(id: Bytes, changes: Partial<AccountWithKeys>): void {
    this.accounts = this.accounts.map((account) =>
      equalBytes(account.id, id) ? { ...account, ...changes } : account
    );
  }

  filesOf(owner: Bytes, name?: string): FileRow[] {
    return this.files.filter(({ file }) =>
      equalBytes(file.accountId, owner) &&
      (name === undefined || nameKey(file.name) === nameKey(name))
    );
  }

  current(owner: Bytes, name: string): FileRow | undefined {
    return this.filesOf(owner, name).find(({ file }) => file.current);
  }

  replace(row: FileRow, changes: Partial<FileRow>): void {
    this.files = this.files.map((one) => one === row ? { ...row, ...changes } : one);
  }

  /** Nothing is below a current entry of one owner, except below a folder. */
  refuseConflict(owner: Bytes, name: string, kind: EntryKind, before?: EntryKind): void {
    const others = this.filesOf(owner).filter(({ file }) => file.current);
    const isBelowFile = before === undefined &&
      others.some(({ file }) =>
        file.kind !== "folder" && nameKey(name).startsWith(`${nameKey(file.name)}/`)
      );
    const hasParts = kind !== "folder" && (before === undefined || before === "folder") &&
      others.some((row) => isBelow(row, name));
    if (isBelowFile || hasParts) throw new CatalogRefusal("name-conflict");
  }

  /** Ends a current version. Returns its blob, if that became garbage. */
  end(row: FileRow, keepHistory: boolean, now: number): BlobId[] {
    if (!keepHistory) return this.dropFiles([row]);
    this.replace(row, { file: { ...row.file, current: false, endedAt: now } });
    return [];
  }

  uploadsOf(owner: Bytes): PartialUpload[] {
    return this.uploads.filter(({ accountId }) => equalBytes(accountId, owner));
  }

  /** Adds ids to the garbage that nothing refers to any longer. Content in the catalog disappears with its row. */
  makeGarbage(ids: readonly Id[]): void {
    this.garbage = [...new Set([...this.garbage, ...ids])];
    this.reserved = this.reserved.filter((id) => !ids.includes(id));
  }

  endGarbage(id: Id): void {
    this.garbage = this.garbage.filter((other) => other !== id);
    this.reserved = this.reserved.filter((other) => other !== id);
  }

  /** Removes rows of files. Returns the ids of blobs that became garbage. */
  dropFiles(rows: readonly FileRow[]): BlobId[] {
    this.files = this.files.filter((row) => !rows.includes(row));
    const ids = rows.filter(({ content }) => content === undefined).map(({ file }) =>
      file.content.id
    );
    this.makeGarbage(ids);
    return ids;
  }

  /** Removes partial uploads. Returns their ids, which became garbage. */
  dropUploads(rows: readonly PartialUpload[]): UploadId[] {
    this.uploads = this.uploads.filter((row) => !rows.includes(row));
    const ids = rows.map(({ id }) => id);
    this.makeGarbage(ids);
    return ids;
  }

  dropLinks(id: Bytes): void {
    this.tokens = this.tokens.filter(({ accountId }) => !sameBytes(accountId, id));
  }

  revocation({ accountId, key }: Principal): RevocationReason | undefined {
    const account = this.account(accountId);
    if (!account?.keys.some((known) => equalBytes(known.key, key))) return "gone";
    return account.disabled ? "disabled" : undefined;
  }

  /** The usage of an account. Partial uploads count with their bytes, except for those of some names. */
  usage(owner: Bytes, except: readonly string[] = []): UsageWithHistory {
    const rows = this.filesOf(owner).map(({ file }) => file);
    const partials = this.uploadsOf(owner).filter(({ name }) => !except.includes(name));
    const current = usageOf(rows.filter((file) => file.current));
    return {
      ...{
        files: current.files,
        bytes: current.bytes + sum(partials.map((upload) => upload.durableBytes)),
      },
      history: usageOf(rows.filter((file) => !file.current)),
    };
  }

  checkQuota(owner: Bytes, quota: Usage | undefined, own: Quota | undefined): void {
    const { bytes, files } = { ...UNLIMITED, ...quota, ...own };
    const used = this.usage(owner);
    if (used.bytes > bytes) {
      throw new CatalogRefusal("quota-bytes", { total: used.bytes, quota: bytes });
    }
    if (used.files > files) {
      throw new CatalogRefusal("quota-files", { total: used.files, quota: files });
    }
  }

  /** Drops rows of history. */
  drop(rows: readonly FileRow[]): DroppedHistory {
    return { ...usageOf(rows.map(({ file }) => file)), garbage: this.dropFiles(rows) };
  }

  /** Drops the oldest history while it is over its bounds, at most `MAX_DROPPED` versions. */
  trim(owner: Bytes, quota: Usage | undefined): DroppedHistory {
    const oldest = this.filesOf(owner).filter(({ file }) => !file.current).toSorted(oldestFirst)
      .slice(0, MAX_DROPPED);
    const before = this.files;
    for (let count = 0;; count++) {
      this.files = before.filter((row) => !oldest.slice(0, count).includes(row));
      if (count < oldest.length && this.hasSurplus(owner, quota)) continue;
      this.files = before;
      return this.drop(oldest.slice(0, count));
    }
  }

  /** Drops history that is over its bounds. Throws `CatalogRefusal` if everything else is over the quota. */
  makeRoom(owner: Bytes, quota: Usage | undefined, isLonger: boolean) {
    const own = this.account(owner)?.quota;
    const { bytes, files } = { ...UNLIMITED, ...quota, ...own };
    if (bytes === Infinity && files === Infinity && !isLonger) {
      return { garbage: [], hasSurplus: false };
    }
    this.checkQuota(owner, quota, own);
    if (this.account(owner)?.access !== "full") return { garbage: [], hasSurplus: false };
    const { garbage } = this.trim(owner, quota);
    return { garbage, hasSurplus: this.hasSurplus(owner, quota) };
  }

  hasSurplus(owner: Bytes, quota: Usage | undefined): boolean {
    const limit = { ...UNLIMITED, ...quota, ...this.account(owner)?.quota };
    const { bytes, files, history } = this.usage(owner);
    return history.files > 0 && (history.files > MAX_HISTORY ||
      files + history.files > limit.files || bytes + history.bytes > limit.bytes);
  }
}

const UNLIMITED: Usage = { bytes: Infinity, files: Infinity };

export function usageOf(files: readonly StoredFile[]): Usage {
  return { files: files.length, bytes: sum(files.map(({ size }) => size)) };
}

/** Whether a row's name is below a name. */
export function isBelow({ file }: FileRow, name: string): boolean {
  return nameKey(file.name).startsWith(`${nameKey(name)}/`);
}

export function newestFirst(a: FileRow, b: FileRow): number {
  return b.file.version - a.file.version;
}

/** The order of history. */
export function oldestFirst(a: FileRow, b: FileRow): number {
  return (a.file.endedAt ?? 0) - (b.file.endedAt ?? 0) || a.number - b.number;
}

export function isOfProtocol4({ storedProfile }: AccountWithKeys): boolean {
  return storedProfile.edition === PROTOCOL_4;
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

export function sameBytes(a: Bytes | undefined, b: Bytes | undefined): boolean {
  return a !== undefined && b !== undefined && equalBytes(a, b);
}

/** The order of names and ids: by code points. */
export function compareText(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => Array.from(text, (one) => one.codePointAt(0) ?? 0));
  for (const [i, point] of (left ?? []).entries()) {
    const other = right?.[i];
    if (other === undefined) return 1;
    if (point !== other) return point - other;
  }
  return a.length - b.length;
}
