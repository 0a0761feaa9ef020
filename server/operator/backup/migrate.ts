/**
 * Moves everything that a server keeps from a data folder to a database and an object store, or back.
 *
 * @module
 */
import { resolve } from "node:path";
import type { Abortable } from "../../../protocol/abort.ts";
import { ConfigurationError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { localCatalog } from "../../catalog/sqlite/local_catalog.ts";
import { SqliteCatalog } from "../../catalog/sqlite/sqlite_catalog.ts";
import { isFillable } from "../../catalog/table_copy.ts";
import { DataFolder } from "../../data_folder/data_folder.ts";
import type { FileSystem } from "../../fs/file_system.ts";
import { nameOf, type StoreSettings } from "../../stores/store_settings.ts";
import { folderSource, type StoreAccess, withCopySource } from "./copy_source.ts";
import { type CopyReport, explainingCopy } from "./copy_store.ts";
import { copyToCluster } from "./copy_to_cluster.ts";
import { copyToFolder } from "./copy_to_folder.ts";

/** Options of a migration. */
export interface MigrateOptions extends Abortable {
  /** The file system of the data folder; `Deno` by default. */
  readonly fileSystem?: FileSystem;
  /** @internal */
  readonly access?: StoreAccess;
}

/**
 * Copies a data folder into an empty database and its store of contents. No server may run on either. An interrupted
 * migration is continued by the next one. Throws `ConfigurationError` `no-data-folder`, `data-folder-in-use`,
 * `target-needs-catalog`, `target-not-empty`, `catalog-in-use`, `cluster-secret-missing`; `StorageError` `copy-swept`;
 * `UnavailableError`.
 */
export async function migrateFromFolder(
  dataFolder: string,
  target: StoreSettings,
  { fileSystem: fs = Deno, access = {}, signal }: MigrateOptions = {},
): Promise<CopyReport> {
  // Throws if it is missing: serving it would create it.
  await (await DataFolder.openToRead(dataFolder, fs))[Symbol.asyncDispose]();
  const open = (path: string) => Promise.resolve(localCatalog(SqliteCatalog.open(path)));
  await using folder = await DataFolder.openToServe(dataFolder, fs, open);
  const source = folderSource(folder);
  return await explainingCopy(
    ...[source, nameOf(target)] as const,
    () => copyToCluster(source, target, { fs, access, signal, withUploads: true }),
  );
}

/**
 * Copies a database and its store of contents into a new or empty data folder. No server may run on them. An interrupted
 * migration is continued by the next one. Throws `ConfigurationError` `catalog-in-use`, `cluster-secret-missing`,
 * `target-not-empty`, `target-no-folder`; `StorageError` `cannot-copy`; `UnavailableError`.
 */
export async function migrateToFolder(
  source: StoreSettings,
  dataFolder: string,
  { fileSystem: fs = Deno, access = {}, signal }: MigrateOptions = {},
): Promise<CopyReport> {
  const target = resolve(dataFolder);
  return await withCopySource(source, fs, access, async (from) => {
    await refuseRunning(from.catalog);
    const beforeEnd = () => refuseRunning(from.catalog);
    return await explainingCopy(
      ...[from, target] as const,
      () => copyToFolder(from, target, { fs, signal, resumes: true, beforeEnd }),
    );
  });
}

/** The copy would lack the changes of a running server. */
async function refuseRunning(catalog: Catalog): Promise<void> {
  const [name] = isFillable(catalog) ? await catalog.running() : [];
  if (name === undefined) return;
  throw new ConfigurationError(
    "catalog-in-use",
    `the catalog is already served by ${printable(name)}`,
    { hint: "Stop all servers of the cluster first." },
  );
}
