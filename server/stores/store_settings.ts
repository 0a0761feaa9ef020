/**
 * The places of accounts and files: a data folder, or a database and an object store.
 *
 * @module
 */
import { resolve } from "node:path";
import { printable } from "../../protocol/printable.ts";

/** The object store of {@link StoreSettings}. */
export interface ObjectStoreSettings {
  /** The URL of the store; that of AWS S3 in the region by default. */
  readonly endpoint?: string | undefined;
  /** The region; `AWS_REGION` by default. */
  readonly region?: string | undefined;
}

/** The places of accounts and files. Secrets come from the environment or from files. */
export interface StoreSettings {
  /** The data folder, for what is not elsewhere. */
  readonly dataFolder?: string | undefined;
  /** `postgres://USER@HOST/DATABASE`, for accounts and names of files; by default, `catalog.db` in the data folder. */
  readonly catalog?: string | undefined;
  /** `s3://BUCKET/PREFIX`, for contents of files; by default, `files/` in the data folder. */
  readonly blobs?: string | undefined;
  /** The object store of `blobs`. */
  readonly objectStore?: ObjectStoreSettings | undefined;
}

/** Whether everything is in the data folder. */
export function isLocal({ catalog, blobs }: StoreSettings): boolean {
  return catalog === undefined && blobs === undefined;
}

/** Names the places for people, as in "data in …". URLs have no password. */
export function nameOf({ dataFolder, catalog, blobs }: StoreSettings): string {
  const folder = dataFolder === undefined ? [] : [resolve(dataFolder)];
  if (catalog === undefined && blobs === undefined) return folder.join();
  const places = catalog === undefined
    ? [...folder, blobs]
    : blobs === undefined
    ? [catalog, ...folder]
    : [catalog, blobs];
  return printable(places.map((place) => place?.split("?")[0]).join(" and "));
}

/** Names a place for people: the path of a data folder, or where the data is instead. */
export function nameOfLocation(location: string | StoreSettings): string {
  return typeof location === "string" ? location : nameOf(location);
}

/** The data folder. Throws `TypeError` if it is needed and missing, a mistake of the calling program. */
export function dataFolderOf({ dataFolder }: StoreSettings): string {
  if (dataFolder === undefined) throw new TypeError("dataFolder is missing");
  return dataFolder;
}
