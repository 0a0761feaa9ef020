/**
 * Reads one stored file and compares it with the catalog.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { StoredFile } from "../catalog/files.ts";
import { inspectContent } from "../data_folder/audit.ts";
import type { Store } from "../data_folder/data_folder.ts";
import type { Log } from "../limits/server_log.ts";
import type { Reading } from "./reading_list.ts";

export interface ReadFileOptions {
  readonly store: Store;
  readonly log: Log;
  readonly clock: () => number;
  readonly signal: AbortSignal;
  /** Called after each chunk with its size. The next one is read when the promise resolves. */
  readonly onChunk: (size: number) => Promise<void>;
}

/**
 * Reads a file, and records in the catalog that it is intact, if that is new. Returns `undefined` after an abort. Throws if
 * the file cannot be read, or the result cannot be recorded.
 */
export async function readFile(
  { store, log, clock, ...options }: ReadFileOptions,
  file: StoredFile,
): Promise<Reading | undefined> {
  const { catalog: { blobs, files } } = store;
  const { content: { id } } = file;
  const finding = await inspectContent(store, file, options);
  if (options.signal.aborted) return undefined;
  if (await blobs.owner(id) !== "file") return { kind: "gone" };
  switch (finding?.kind) {
    case "missing":
    case "changed":
      if (finding.damage === undefined) throw new Error(finding.what);
      return { kind: "damaged", damage: finding.damage };
    case "sound":
      if (!(await files.setDamage(id, undefined))) break;
      log.info("Found {file} of account {client} intact, which was marked as damaged ({path})", {
        event: "file.mended",
        ...shown(file),
      });
      break;
    case "confirmed":
      await files.confirm(id, clock());
      log.debug("Confirmed {file} of account {client} ({path})", {
        event: "file.confirmed",
        ...shown(file),
      });
  }
  return { kind: "intact" };
}

/** The fields that name a file in the log. */
export function shown({ accountId, name, content: { id } }: StoredFile) {
  return { file: printable(name), path: printable(id), client: toHex(accountId) };
}
