/**
 * Looking whether everything that is stored is as it was stored, and putting aside what is not.
 *
 * @module
 */
import { join } from "node:path";
import { type Stoppable, toHex } from "../protocol/mod.ts";
import { looking } from "./opened.ts";
import { audit, type Finding } from "./store/audit.ts";
import { DataFolder } from "./store/data_folder.ts";
import { QUARANTINE } from "./store/blob_paths.ts";
import { syncFolder, writeAll } from "./store/file_system.ts";

/** What was put aside, one JSON object a line. */
const RECORD = `${QUARANTINE}.jsonl`;

export interface Verified {
  readonly finding: Finding;
  /** Where it is now, in the data folder; with `repair`, if there was anything to put aside. */
  readonly movedTo?: string;
}

export interface VerifyOptions extends Stoppable {
  readonly dataFolder: string;
  /**
   * Moves what is wrong to `quarantine/` and takes it out of the catalog. The folder must not be served meanwhile, so
   * that nobody writes to what is moved.
   */
  readonly repair?: boolean;
  readonly onFinding?: (verified: Verified) => void;
}

export interface VerifyReport {
  readonly findings: number;
  /** Whether all was read, and not stopped before. */
  readonly whole: boolean;
  /** What the database finds wrong with itself; this is not repaired. */
  readonly catalogFaults: readonly string[];
}

/**
 * Reads every stored file again and compares it with the catalog. Throws `ConfigurationError` `no-data-folder`, and
 * with `repair` `data-folder-in-use`.
 */
export function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { dataFolder, repair = false, onFinding, signal } = options;
  return looking(dataFolder, async (folder) => {
    await using own = repair ? await DataFolder.openToServe(dataFolder, Deno) : undefined;
    const catalogFaults = await folder.catalog.listFaults();
    let findings = 0;
    for await (const finding of audit(folder, { contents: true, signal })) {
      findings++;
      const movedTo = own === undefined ? undefined : await putAside(own, finding);
      onFinding?.(movedTo === undefined ? { finding } : { finding, movedTo });
    }
    return { findings, whole: signal?.aborted !== true, catalogFaults };
  });
}

/** Nothing is lost of what is put aside: it is moved, and the row that goes is written down before. */
async function putAside(folder: DataFolder, finding: Finding): Promise<string | undefined> {
  const { kind } = finding;
  const path = kind === "stray" ? finding.path : finding.file.path;
  const moved = kind === "missing" ? undefined : await folder.blobs.quarantine(path);
  await record(folder, { kind, path, movedTo: moved, ...(kind === "stray" ? {} : finding.file) });
  if (kind !== "stray") await folder.catalog.removeFile(finding.file.path);
  return moved;
}

async function record(folder: DataFolder, entry: Readonly<Record<string, unknown>>): Promise<void> {
  const text = JSON.stringify(
    { at: new Date().toISOString(), ...entry },
    (_, value) => value instanceof Uint8Array ? toHex(new Uint8Array(value)) : value,
  );
  const path = join(folder.path, RECORD);
  using file = await Deno.open(path, { append: true, create: true, mode: 0o600 });
  await writeAll(file, new TextEncoder().encode(text + "\n"));
  await file.sync();
  await syncFolder(Deno, folder.path);
}
