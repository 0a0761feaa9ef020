/** Fixtures for the suite of all catalogs. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import type {
  ClaimAccount,
  LoginFault,
  LoginResult,
  RegisterV3,
  RegisterV4,
  SetPublicKey,
} from "../../../server/catalog/accounts.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import type { CommittedFile, StoredFile } from "../../../server/catalog/files.ts";
import type { BlobId, UploadId } from "../../../server/blobs/blob_store.ts";
import { newInlineId } from "../../../server/catalog/inline_ids.ts";
import type { PartialUpload } from "../../../server/catalog/partial_uploads.ts";
import type { Token } from "../../../server/catalog/tokens.ts";
import { openWorkerCatalog } from "../../../server/catalog/sqlite/worker_catalog.ts";
import { pseudoRandomBytes } from "../bytes.ts";
import { TemporaryFolder } from "../temporary_folder.ts";
import { openInPostgres, openInThisThread } from "./catalogs.ts";
import { memoryCatalog } from "./memory_catalog.ts";
import { isThroughPooler } from "./postgres.ts";

type Implementations = Readonly<Record<string, (path: string) => Promise<Catalog>>>;

const IMPLEMENTATIONS: Implementations = isThroughPooler()
  ? { "PostgreSQL through a pooler": openInPostgres }
  : {
    "SQLite in this thread": (path) => openInThisThread(path),
    "in memory": () => Promise.resolve(memoryCatalog()),
    "PostgreSQL": openInPostgres,
  };
/** Starting threads for each test takes most of its time. */
const WITH_THREADS: Implementations = isThroughPooler() ? IMPLEMENTATIONS : {
  ...IMPLEMENTATIONS,
  "SQLite in threads": (path) => openWorkerCatalog(path),
};

/** A test that runs with every catalog. A new implementation is a row above. */
export function catalogTest(what: string, body: (catalog: Catalog) => Promise<void>): void {
  testWith(IMPLEMENTATIONS, what, body);
}

/** The same, also with threads: for calls at a time, commits, and refusals. */
export function concurrentCatalogTest(
  what: string,
  body: (catalog: Catalog) => Promise<void>,
): void {
  testWith(WITH_THREADS, what, body);
}

function testWith(
  implementations: Implementations,
  what: string,
  body: (catalog: Catalog) => Promise<void>,
): void {
  for (const [implementation, open] of Object.entries(implementations)) {
    Deno.test(`catalog ${implementation}: ${what}`, async () => {
      await using folder = await TemporaryFolder.create();
      await using catalog = await open(folder.join("catalog.db"));
      await body(catalog);
    });
  }
}

// Neighboring seeds may give the same bytes.
export const id = (number: number): Bytes => pseudoRandomBytes(16, 2 * number);
export const key = (number: number): Bytes => pseudoRandomBytes(32, 2 * number);
export const rsa = (number: number): Bytes => pseudoRandomBytes(160, 2 * number);
export const blob = (number: number) => `files/1/${number}` as BlobId;
export const upload = (number: number) => `staging/${number}` as UploadId;

export const PROFILE = { edition: "2023c", quirks: [] };
export const NOTHING = { bytes: 0, files: 0 };
export const NO_QUOTA = { bytes: Infinity, files: Infinity };
export const [alice, bob] = [id(1), id(2)];

export const registration = (changes: Partial<RegisterV3> = {}): RegisterV3 => ({
  ...{ id: alice, name: "Alice", now: 1000, storedProfile: PROFILE },
  ...{ expiredBefore: 0, claimedIds: [], ...changes },
});

export const keyChange = (changes: Partial<SetPublicKey> = {}): SetPublicKey => ({
  ...{ id: alice, name: "Alice", publicKey: rsa(1), now: 2000, storedProfile: PROFILE },
  ...{ expiredBefore: 0, ...changes },
});

/** An account of protocol 3 with its key. */
export async function enrolV3(catalog: Catalog, account = alice, name = "Alice"): Promise<void> {
  assert.ok(await catalog.accounts.registerV3(registration({ id: account, name })));
  assert.equal(await catalog.accounts.setPublicKey(keyChange({ id: account, name })), "set");
}

/** Signs in as Alice over protocol 4 with a key, and returns the result. */
export async function login(catalog: Catalog, changes: Partial<RegisterV4> = {}): Promise<string> {
  return outcome(
    await catalog.accounts.registerV4({
      ...{ id: alice, name: "Alice", key: key(1), now: 1000, expiredBefore: 0 },
      ...{ registration: "open", ...changes },
    }),
  );
}

/** Claims Alice's account with a key of protocol 4, and returns the result. */
export async function takeOver(
  catalog: Catalog,
  changes: Partial<ClaimAccount> = {},
): Promise<string> {
  return outcome(
    await catalog.accounts.takeOver({
      ...{ id: alice, name: "Alice", publicKey: rsa(1), key: key(1), now: 3000, ...changes },
    }),
  );
}

function outcome(entered: LoginResult | LoginFault): string {
  return typeof entered === "string" ? entered : entered.how;
}

/** A numbered token: valid once, from 1000 to 2000. */
export const token = (number: number, changes: Partial<Token> = {}): Token => ({
  ...{ hash: key(1000 + number), accountId: undefined, label: undefined, usesLeft: 1, used: 0 },
  ...{ expiresAt: 2000, madeAt: 1000 + number, ...changes },
});

/** The data that protocol 4 keeps of a file. */
export const tree = { mtime: 5_000_001n, digest: key(500) };

/** A file with a blob of its own. */
export type BlobFile = StoredFile & { readonly content: { readonly kind: "blob" } };

/** A file of Alice as protocol 3 stores it, with a numbered blob of its own. */
export const v3File = (number: number, changes: Partial<BlobFile> = {}): BlobFile => ({
  ...{
    accountId: alice,
    name: "a",
    content: { kind: "blob", id: blob(number) },
    size: 10,
    crc: number,
  },
  ...{ storedAt: 3000, verified: true, ...changes },
});

/** The same as protocol 4 stores it. */
export const v4File = (number: number, changes: Partial<BlobFile> = {}): BlobFile =>
  v3File(number, { tree, ...changes });

/** A file of 32 bytes, kept in the catalog. */
export const inlineFile = (number: number, changes: Partial<StoredFile> = {}): StoredFile => ({
  ...v4File(number, { size: 32 }),
  content: { kind: "inline", id: newInlineId() },
  ...changes,
});

/** A file with its content, as `commit` expects it. */
export const withBytes = (file: StoredFile, bytes: Bytes): CommittedFile => ({
  ...file,
  content: { kind: "inline", id: file.content.id, bytes },
});

/** The catalog's record of a stored file; with `endedAt`, of history. */
export const stored = (file: StoredFile, version = 1, endedAt?: number): StoredFile => ({
  kind: "file",
  ...file,
  version,
  current: endedAt === undefined,
  ...endedAt === undefined ? {} : { endedAt },
});

/** Options that keep history. */
export const KEEP = { keepHistory: true };

/** 5 of the 9 bytes of an upload of Alice. */
export const partial = (number: number, changes: Partial<PartialUpload> = {}): PartialUpload => ({
  ...{ accountId: alice, name: `file${number}`, id: upload(number), durableBytes: 5 },
  ...{ size: 9, mtime: 7n, sums: key(number), updatedAt: number, ...changes },
});

export function garbageOf(catalog: Catalog): Promise<string[]> {
  return catalog.blobs.garbage(undefined, 1000);
}
