/**
 * The record of the quarantine, `quarantine.jsonl`.
 *
 * @module
 */
import { join } from "node:path";
import { equalBytes } from "../../../protocol/bytes.ts";
import { type FileSystem, readFull, syncFolder, writeAll } from "../../fs/file_system.ts";
import { QUARANTINE_RECORD } from "./paths.ts";

const NEWLINE = "\n".charCodeAt(0);

/**
 * Appends a line to the record, unless it already is the last one. Completes the line if an interrupted process has
 * written a part of it.
 */
export async function addToRecord(
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
