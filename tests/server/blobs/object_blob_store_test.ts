/** The suite passes for a store without files: parts of a fixed size, written in order only. */
import { ObjectBlobStore } from "../../support/store/object_blob_store.ts";
import { blobStoreSuite } from "./suite.ts";

blobStoreSuite("ObjectBlobStore", () => {
  const blobs = new ObjectBlobStore({ partSize: 10_000 });
  return { open: () => Promise.resolve(blobs) };
});
