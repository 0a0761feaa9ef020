/**
 * Stores one local entry, as an upload over protocol 4 does: quota, staging, digests, commit.
 *
 * @module
 */
import { equalBytes } from "../../../protocol/bytes.ts";
import { reasonOf, RefusedError, StorageError, XferError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import type { AccountCache } from "../../accounts/account_cache.ts";
import type { Account } from "../../catalog/accounts.ts";
import type { FoundFile } from "../../catalog/files.ts";
import { CatalogRefusal } from "../../catalog/refusal.ts";
import { LimitError } from "../../limits/limits.ts";
import { type CommitContext, commitFile } from "../../uploads/commit.ts";
import { claimRoom } from "../../uploads/quota_reservations.ts";
import type { StagedUpload, StagingArea } from "../../uploads/staging_area.ts";
import { contentOf, type LocalContent } from "./local_content.ts";
import { cannotRead, type LocalEntry } from "./local_entries.ts";

/** The parts of a server that store a file. */
export interface ImportContext extends CommitContext {
  readonly accounts: AccountCache;
  readonly staging: StagingArea;
  readonly signal: AbortSignal | undefined;
}

/** The result for one entry. */
export interface ImportedEntry {
  /** Whether its content was stored, only its mode or time, or nothing. */
  readonly state: "stored" | "metadata" | "unchanged";
  /** In bytes. */
  readonly size: number;
  /** POSIX cksum. */
  readonly cksum: number;
}

/** For the log. An import has no address. */
const ADDRESS = "import";

/**
 * Stores an entry, or only its mode and time if its content is already stored. Throws `RefusedError`: `over-limit` or
 * the code of the catalog's refusal; `IntegrityError` `file-changed`; `StorageError` `cannot-read`, `cannot-write`;
 * `InterruptedError`.
 */
export async function importEntry(
  context: ImportContext,
  account: Account,
  entry: LocalEntry,
): Promise<ImportedEntry> {
  const { catalog } = context.store;
  const content = await reading(entry, () => contentOf(entry, context.signal));
  const stored = await storing(entry, () => catalog.files.find(account.id, entry.name));
  if (stored !== undefined && await hasContent(stored, entry, content)) {
    return await storing(entry, () => updateMetadata(context, account, entry, stored));
  }
  return await storing(entry, () => store(context, account, entry, content));
}

/** Whether a stored file is what the entry is, apart from its mode and time. */
async function hasContent(
  { name, kind = "file", size, tree, damage }: FoundFile,
  entry: LocalEntry,
  content: LocalContent,
): Promise<boolean> {
  const mayBe = name === entry.name && kind === entry.kind && size === content.size;
  if (!mayBe || tree === undefined || damage !== undefined) return false;
  const digests = new ChunkDigests(size);
  await eachChunk(entry, content, (at, chunk) => void digests.add(at, chunk));
  return equalBytes(digests.sums().digest, tree.digest);
}

async function updateMetadata(
  { store: { catalog } }: ImportContext,
  { id }: Account,
  { name, mode, mtime }: LocalEntry,
  stored: FoundFile,
): Promise<ImportedEntry> {
  const { size, crc: cksum, version = 1 } = stored;
  const isSame = stored.mode === mode && stored.tree?.mtime === mtime;
  if (!isSame) await catalog.files.update(id, name, version, { mode, mtime });
  return { state: isSame ? "unchanged" : "metadata", size, cksum };
}

async function store(
  context: ImportContext,
  account: Account,
  entry: LocalEntry,
  content: LocalContent,
): Promise<ImportedEntry> {
  const { name, kind, mode, mtime } = entry;
  const { size } = content;
  const file = { accountId: account.id, name, size };
  const reservation = await claimRoom(context, file, () => Promise.resolve());
  let staged: StagedUpload | undefined;
  const digests = new ChunkDigests(size);
  try {
    const opened = staged = await context.staging.createInline(account.id, size);
    await eachChunk(entry, content, async (at, chunk) => {
      digests.add(at, chunk);
      await opened.write(at, chunk);
    });
  } catch (error) {
    await staged?.writer.abort();
    staged?.release();
    reservation?.end();
    throw error;
  }
  const { cksum, digest } = digests.sums();
  const storedAt = Date.now();
  await commitFile(context, { name: account.name, address: ADDRESS }, {
    ...{ ...file, kind, crc: cksum, storedAt, confirmedAt: storedAt, staged },
    ...mode === undefined ? {} : { mode },
    tree: { mtime, digest },
    chunks: digests.digests,
    reservation,
  });
  return { state: "stored", size, cksum };
}

async function eachChunk(
  entry: LocalEntry,
  content: LocalContent,
  use: (offset: number, chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>,
): Promise<void> {
  const chunks = content.chunks();
  for (let at = 0;;) {
    const { done, value } = await reading(entry, () => chunks.next());
    if (done === true) return;
    await use(at, value);
    at += value.length;
  }
}

async function reading<T>({ path }: LocalEntry, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

async function storing<T>({ path }: LocalEntry, store: () => Promise<T>): Promise<T> {
  try {
    return await store();
  } catch (cause) {
    const message = `cannot store ${printable(path)}: `;
    if (cause instanceof LimitError) {
      throw new RefusedError("over-limit", message + cause.message, { cause });
    }
    if (cause instanceof XferError) throw cause;
    const refusal = cause instanceof CatalogRefusal ? cause.reason : undefined;
    const words = message + reasonOf(cause).replace(/^cannot store the file: /, "");
    switch (refusal) {
      case "name-conflict":
        throw new RefusedError("bad-file-name", words, { cause });
      case "other-form":
        throw new RefusedError("other-form", words, { cause });
      case "account-disabled":
        throw new RefusedError("account-disabled", words, { cause });
      default:
        throw new StorageError("cannot-write", words, {
          hint: "Check that the data folder is writable, and that its disk has space.",
          cause,
        });
    }
  }
}
