/**
 * A folder that has only the contents of files. Their catalog is in a database, whose id the folder remembers.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { CATALOG } from "../../protocol/server_files.ts";
import {
  createOwnFolder,
  type FileSystem,
  namesIn,
  readRegularFile,
  syncFolder,
  writeAll,
} from "../fs/file_system.ts";
import { explainingFailures } from "./errors.ts";
import { checkKinds, makePrivate } from "./permissions.ts";

/** The file with the id of the catalog. */
export const CATALOG_ID = "catalog.id";
const TEMPORARY = `${CATALOG_ID}.tmp`;
/** The most bytes of that file. */
const MAX_ID = 64;

/**
 * Prepares a folder for the contents of a catalog, and creates it if it is missing. A server deletes uploads that its
 * catalog does not know, so those of another catalog must not be there. Throws `ConfigurationError`
 * `blobs-of-other-catalog`, `data-folder-not-private`, `data-folder-unusable`.
 */
export function prepareBlobFolder(folder: string, id: Bytes, fs: FileSystem): Promise<void> {
  const place = { kind: "data folder", path: resolve(folder) } as const;
  const { path } = place;
  return explainingFailures(place, async () => {
    const names = await namesIn(path);
    if (names === undefined) await createOwnFolder(fs, path);
    await makePrivate(path);
    await checkKinds(place);
    const own = toHex(id);
    if (names?.includes(CATALOG_ID)) {
      const file = await readRegularFile(join(path, CATALOG_ID), MAX_ID, Deno.lstat);
      if (new TextDecoder().decode(file).trim() === own) return;
      throw otherCatalog(path, "another database");
    }
    if (names?.includes(CATALOG)) throw otherCatalog(path, CATALOG);
    const others = names?.filter((name) => name !== TEMPORARY) ?? [];
    if (others.length > 0) throw otherCatalog(path, "other files");
    await writeId(path, own, fs);
  });
}

/** Complete or absent. */
async function writeId(folder: string, id: string, fs: FileSystem): Promise<void> {
  const temporary = join(folder, TEMPORARY);
  {
    const options = { write: true, create: true, truncate: true, mode: 0o600 };
    using file = await fs.open(temporary, options);
    await writeAll(file, new TextEncoder().encode(`${id}\n`));
    await file.sync();
  }
  await fs.rename(temporary, join(folder, CATALOG_ID));
  await syncFolder(fs, folder);
}

function otherCatalog(path: string, what: string): ConfigurationError {
  return new ConfigurationError(
    "blobs-of-other-catalog",
    `${printable(path)} belongs to ${what}, not to the database of --catalog`,
    { hint: "Choose a new or empty folder with --data DIR, or an object store with --blobs." },
  );
}
