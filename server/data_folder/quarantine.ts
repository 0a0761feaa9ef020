/**
 * Moves damaged files to the quarantine. A repair is first recorded in the catalog, then in `quarantine.jsonl`. Then
 * the file is moved, and its row deleted. The next process to open the folder finishes an interrupted repair.
 *
 * @module
 */
import { join } from "node:path";
import { type Bytes, equalBytes, toHex } from "../../protocol/bytes.ts";
import { splitNanoseconds } from "../../protocol/nanoseconds.ts";
import type { Finding } from "./audit.ts";
import {
  type BlobId,
  type BlobStore,
  hasQuarantine,
  type Quarantine,
  type UploadId,
} from "../blobs/blob_store.ts";
import type { StoredFile } from "../catalog/files.ts";
import type { Repair } from "../catalog/repairs.ts";
import type { DataFolder } from "./data_folder.ts";
import { QUARANTINE_RECORD } from "./permissions.ts";
import { type FileSystem, readFull, syncFolder, writeAll } from "../fs/file_system.ts";

const NEWLINE = "\n".charCodeAt(0);
/** The owner of content that is written out only to be moved. */
const NO_OWNER: Bytes = new Uint8Array(16);

/** A data folder that no one else uses, with a blob store that has a quarantine. */
export interface RepairableFolder extends Pick<DataFolder, "path" | "catalog"> {
  readonly blobs: BlobStore & Quarantine;
}

/** `undefined` if its blob store has no quarantine. */
export function asRepairable({ path, catalog, blobs }: DataFolder): RepairableFolder | undefined {
  return hasQuarantine(blobs) ? { path, catalog, blobs } : undefined;
}

/**
 * Moves what was found to the quarantine and deletes its row. Nothing of it is lost. Returns its new path, if anything
 * was moved.
 */
export async function quarantineFinding(
  folder: RepairableFolder,
  finding: Finding,
  user: string | undefined,
  fs: FileSystem,
): Promise<string | undefined> {
  const { kind } = finding;
  const path = kind === "stray" ? finding.path : finding.file.content.id;
  const movedTo = kind === "missing" ? undefined : folder.blobs.newQuarantinePlace();
  const file = kind === "stray" ? {} : recorded(finding.file);
  const entry = { at: new Date().toISOString(), kind, path, movedTo, user, ...file };
  const record = JSON.stringify(
    entry,
    (_, value) => value instanceof Uint8Array ? toHex(new Uint8Array(value)) : value,
  );
  const repair = { path, movedTo, record };
  await folder.catalog.repairs.begin(repair);
  await carryOut(folder, repair, fs);
  return movedTo;
}

/** A file in the record, without its path. The record has always called the account `clientId`. */
function recorded({ accountId, content: _, kind: entry, tree, ...file }: StoredFile) {
  const times = tree && { tree: { ...tree, mtime: splitNanoseconds(tree.mtime).ms } };
  return { clientId: accountId, ...file, entry, ...times };
}

/** Finishes interrupted repairs. */
export async function finishRepairs(folder: RepairableFolder, fs: FileSystem): Promise<void> {
  for (const repair of await folder.catalog.repairs.list()) await carryOut(folder, repair, fs);
}

/** Carries out a repair. Each step may have been done before by an interrupted process. */
async function carryOut(folder: RepairableFolder, repair: Repair, fs: FileSystem): Promise<void> {
  const { path, movedTo, record } = repair;
  // The missing content may have been restored since the interruption.
  const isRestored = movedTo === undefined && await hasContent(folder, path);
  if (isRestored) return await folder.catalog.repairs.end(path, { isRestored });
  await writeLine(folder.path, new TextEncoder().encode(`${record}\n`), fs);
  if (movedTo !== undefined) {
    await folder.blobs.quarantine(await toBeMoved(folder, path), movedTo);
  }
  await folder.catalog.repairs.end(path);
}

/** Whether the content of a file, or anything in its place, exists again. */
async function hasContent({ catalog, blobs }: RepairableFolder, path: BlobId): Promise<boolean> {
  return await catalog.files.contentSize(path) !== undefined || await blobs.isOccupied(path);
}

/** The blob or upload to move. Inline content is written out for that. */
async function toBeMoved(
  { catalog, blobs }: RepairableFolder,
  path: BlobId,
): Promise<BlobId | UploadId> {
  const content = await catalog.files.content(path);
  if (content === undefined) return path;
  const writer = await blobs.create({ owner: NO_OWNER, size: content.length });
  await writer.write(0, content);
  await writer.suspend(content.length);
  return writer.uploadId;
}

/**
 * Appends a line to the record, unless it already is the last one. Completes the line if an interrupted process has
 * written a part of it.
 */
async function writeLine(
  folder: string,
  line: Uint8Array,
  fs: FileSystem,
): Promise<void> {
  const options = { read: true, write: true, create: true, mode: 0o600 };
  using file = await fs.open(join(folder, QUARANTINE_RECORD), options);
  const { size } = await file.stat();
  const begin = Math.max(0, size - line.length);
  await file.seek(begin, Deno.SeekMode.Start);
  const last = await readFull(file, new Uint8Array(size - begin));
  if (!equalBytes(last, line)) {
    const unended = last.subarray(last.lastIndexOf(NEWLINE) + 1);
    const isCutOff = equalBytes(unended, line.subarray(0, unended.length));
    await file.seek(isCutOff ? size - unended.length : size, Deno.SeekMode.Start);
    await writeAll(file, isCutOff ? line : new Uint8Array([NEWLINE, ...line]));
  }
  await file.sync();
  await syncFolder(fs, folder);
}
