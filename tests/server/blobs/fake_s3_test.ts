/** The fake follows the rules that real servers follow: `deno task test:cluster` runs the same checks there. */
import { FakeS3 } from "../../support/store/fake_s3.ts";
import { PlainBucket, S3_CHECKS } from "../../support/store/s3_checks.ts";

for (const { name, run } of S3_CHECKS) {
  Deno.test(`FakeS3: ${name}`, async () => {
    const minPartSize = 10_000;
    await using s3 = new FakeS3({ minPartSize });
    await run(new PlainBucket({ ...s3.signer, bucketUrl: s3.bucketUrl(), minPartSize }));
  });
}
