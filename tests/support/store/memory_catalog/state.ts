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
import type { StoredFile } from "../../../../server/catalog/files.ts";
import type { PartialUpload } from "../../../../server/catalog/partial_uploads.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import type { Repair } from "../../../../server/catalog/repairs.ts";
import type { Token } from "../../../../server/catalog/tokens.ts";

export interface FileRow {
  readonly file: StoredFile & { readonly version: number; readonly current: boolean };
  readonly chunks?: Bytes | undefined;
  readonly content?: Bytes | undefined;
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
  repairs: readonly Repair[] = [];

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
      equalBytes(file.accountId, owner) && (name === undefined || file.name === name)
    );
  }

  uploadsOf(owner: Bytes): PartialUpload[] {
    return this.uploads.filter(({ accountId }) => equalBytes(accountId, owner));
  }

  /** Adds ids to the garbage that nothing refers to any longer. Content in the catalog disappears with its row. */
  makeGarbage(ids: readonly Id[]): void {
    this.garbage = [...new Set([...this.garbage, ...ids])];
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
  usage(owner: Bytes, except: readonly string[] = []): Usage {
    const rows = this.filesOf(owner);
    const partials = this.uploadsOf(owner).filter(({ name }) => !except.includes(name));
    return {
      bytes: sum(rows.map(({ file }) => file.size)) +
        sum(partials.map((upload) => upload.durableBytes)),
      files: rows.filter(({ file }) => file.current).length,
    };
  }

  checkQuota(owner: Bytes, quota: Usage | undefined, own: Quota | undefined): void {
    const { bytes, files } = { bytes: Infinity, files: Infinity, ...quota, ...own };
    const used = this.usage(owner);
    if (used.bytes > bytes) throw new CatalogRefusal("quota-bytes");
    if (used.files > files) throw new CatalogRefusal("quota-files");
  }
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
