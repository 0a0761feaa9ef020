/**
 * Lists the states of a backup.
 *
 * @module
 */
import { resolve } from "node:path";
import { findState, listStates } from "../../data_folder/backup_states.ts";
import { explainingFailures } from "../../data_folder/errors.ts";
import { ReferencedBlobs } from "../../data_folder/referenced_blobs.ts";

/** A state of a backup. */
export interface ListedState {
  /** For `--state`: the moment when it was made, such as `2026-11-29T12-36-26Z`. */
  readonly name: string;
  /** The same in milliseconds since the epoch. */
  readonly time: number;
  /** The number of files and old versions. */
  readonly files: number;
  /** The bytes of these files. States share contents. */
  readonly bytes: number;
}

/**
 * The states of a backup, oldest first; at least one. Throws `ConfigurationError` `no-backup`, `backup-unusable`;
 * `IntegrityError` `catalog-damaged`.
 */
export function listBackup(folder: string): Promise<ListedState[]> {
  const path = resolve(folder);
  return explainingFailures({ kind: "backup", path }, async () => {
    await findState(path);
    return (await listStates(path)).map((state) => {
      using catalog = new ReferencedBlobs(state);
      return { name: state.name, time: state.time, ...catalog.totals() };
    });
  });
}
