/** The suite holds for a store that has no files: parts of a fixed size, and nothing out of order. */
import { ObjectBlobStore } from "../../support/store/object_blob_store.ts";
import { blobStoreSuite } from "./suite.ts";

blobStoreSuite("ObjectBlobStore", () => {
  const blobs = new ObjectBlobStore({ partSize: 10_000 });
  return { open: () => Promise.resolve(blobs) };
});
