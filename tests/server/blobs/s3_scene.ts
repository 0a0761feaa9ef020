/** A store in a bucket of a fake, for tests of this folder. */
import type { RetryPolicy } from "../../../server/blobs/s3/backoff.ts";
import { S3BlobStore, type S3BlobStoreOptions } from "../../../server/blobs/s3/s3_blob_store.ts";
import { FakeS3, type FakeS3Options } from "../../support/store/fake_s3.ts";

export const PART = 50_000;
/** Quick enough for tests, and patient enough for a busy machine. */
export const QUICK: RetryPolicy = { retryForMs: 20_000, firstPauseMs: 1, longestPauseMs: 5 };
/** Ends after a few attempts. */
export const IMPATIENT: RetryPolicy = { retryForMs: 20, firstPauseMs: 4, longestPauseMs: 8 };

export interface S3Scene {
  readonly s3: FakeS3;
  readonly open: (options?: Partial<S3BlobStoreOptions>) => Promise<S3BlobStore>;
}

/** Runs a test with a fake, and forgets the requests of opening a store. */
export async function withS3(
  work: (scene: S3Scene) => Promise<void>,
  options: FakeS3Options = {},
): Promise<void> {
  await using s3 = new FakeS3({ minPartSize: 10_000, pageSize: 7, ...options });
  const open = async (changes: Partial<S3BlobStoreOptions> = {}) => {
    const store = await S3BlobStore.open({
      ...{ bucketUrl: s3.bucketUrl(), region: s3.signer.region, prefix: "xfer/" },
      readCredentials: () => Promise.resolve(s3.signer),
      ...{ retry: QUICK, sizes: { part: PART, minPart: 10_000 } },
      ...changes,
    });
    s3.calls.length = 0;
    return store;
  };
  await work({ s3, open });
}
