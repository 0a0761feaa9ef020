/** The store of a bucket passes the suite, with a small server of S3's rules. */
import { FakeS3 } from "../../support/store/fake_s3.ts";
import { S3BlobStore } from "../../../server/blobs/s3/s3_blob_store.ts";
import { blobStoreSuite } from "./suite.ts";

blobStoreSuite("S3BlobStore", () => {
  const s3 = new FakeS3({ minPartSize: 10_000, pageSize: 7 });
  return {
    open: () =>
      S3BlobStore.open({
        ...{ bucketUrl: s3.bucketUrl(), region: s3.signer.region, prefix: "xfer/" },
        readCredentials: () => Promise.resolve(s3.signer),
        sizes: { part: 50_000, minPart: 10_000 },
      }),
    [Symbol.asyncDispose]: () => s3[Symbol.asyncDispose](),
  };
});
