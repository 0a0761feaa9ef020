/**
 * Opens a store of objects with the credentials of this machine.
 *
 * @module
 */
import { S3BlobStore } from "./s3_blob_store.ts";
import { type S3Location, s3Options } from "./s3_location.ts";

/** Throws `ConfigurationError` `blobs-misconfigured`, and as `S3BlobStore.open` does. */
export async function openS3Blobs(location: S3Location): Promise<S3BlobStore> {
  const environment = {
    variable: (name: string) => Deno.env.get(name),
    readTextFile: (path: string) => Deno.readTextFile(path),
  };
  return await S3BlobStore.open(await s3Options(location, environment));
}
