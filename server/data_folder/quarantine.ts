/**
 * Moves damaged files to the quarantine. A repair is first recorded in the catalog, then in the quarantine. Then the file
 * is moved, and its row deleted. The next repair, or start of a server on the folder, finishes an interrupted one.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { splitNanoseconds } from "../../protocol/nanoseconds.ts";
import type { Finding } from "./audit.ts";
import {
  type BlobId,
  type BlobStore,
  hasQuarantine,
  type Quarantine,
} from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { StoredFile } from "../catalog/files.ts";
import type { Repair } from "../catalog/repairs.ts";
import type { Store } from "./data_folder.ts";

/** Stores with a quarantine. */
export interface RepairableStore {
  readonly catalog: Catalog;
  readonly blobs: BlobStore & Quarantine;
}

/** `undefined` if the blob store has no quarantine. */
export function asRepairable({ catalog, blobs }: Store): RepairableStore | undefined {
  return hasQuarantine(blobs) ? { catalog, blobs } : undefined;
}

/**
 * Moves what was found to the quarantine and deletes its row. Nothing of it is lost. Returns its new place, if anything
 * was moved.
 */
export async function quarantineFinding(
  store: RepairableStore,
  finding: Finding,
  user: string | undefined,
): Promise<string | undefined> {
  const { kind } = finding;
  const path = kind === "stray" ? finding.path : finding.file.content.id;
  const movedTo = kind === "missing" ? undefined : store.blobs.newQuarantinePlace();
  const file = kind === "stray" ? {} : recorded(finding.file);
  const entry = { at: new Date().toISOString(), kind, path, movedTo, user, ...file };
  const record = JSON.stringify(
    entry,
    (_, value) => value instanceof Uint8Array ? toHex(new Uint8Array(value)) : value,
  );
  const repair = { path, movedTo, record };
  await store.catalog.repairs.begin(repair);
  await carryOut(store, repair);
  return movedTo;
}

/** A file in the record, without its path. The record has always called the account `clientId`. */
function recorded({ accountId, content: _, kind: entry, tree, ...file }: StoredFile) {
  const times = tree && { tree: { ...tree, mtime: splitNanoseconds(tree.mtime).ms } };
  return { clientId: accountId, ...file, entry, ...times };
}

/** Finishes interrupted repairs, if the store can have any. */
export async function finishRepairs(store: Store): Promise<void> {
  const repairable = asRepairable(store);
  if (repairable === undefined) return;
  for (const repair of await store.catalog.repairs.list()) await carryOut(repairable, repair);
}

/** Carries out a repair. Each step may have been done before by an interrupted process. */
async function carryOut({ catalog, blobs }: RepairableStore, repair: Repair): Promise<void> {
  const { path, movedTo, record } = repair;
  // The missing content may have been restored since the interruption.
  const isRestored = movedTo === undefined && await hasContent({ catalog, blobs }, path);
  if (isRestored) return await catalog.repairs.end(path, { isRestored });
  await blobs.recordQuarantined(record, movedTo);
  if (movedTo !== undefined) {
    const content = await catalog.files.content(path);
    await (content === undefined
      ? blobs.quarantine(path, movedTo)
      : blobs.quarantineContent(content, movedTo));
  }
  await catalog.repairs.end(path);
}

/** Whether the content of a file, or anything in its place, exists again. */
async function hasContent({ catalog, blobs }: RepairableStore, path: BlobId): Promise<boolean> {
  return await catalog.files.contentSize(path) !== undefined || await blobs.isOccupied(path);
}
