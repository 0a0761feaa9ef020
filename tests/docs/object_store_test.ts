/** docs/object-store.md has the rights and the variables that the store of a bucket needs. */
import assert from "node:assert/strict";
import { S3_VARIABLES } from "../../server/blobs/s3/s3_location.ts";
import type { S3Operation } from "../support/store/s3_call.ts";
import { fencesIn } from "../support/markdown.ts";

const page = await Deno.readTextFile(new URL("../../docs/object-store.md", import.meta.url));

/** Source: Amazon S3, "Actions, resources, and condition keys". */
const RIGHTS: Readonly<Record<S3Operation, string>> = {
  AbortMultipartUpload: "s3:AbortMultipartUpload",
  CompleteMultipartUpload: "s3:PutObject",
  CreateMultipartUpload: "s3:PutObject",
  DeleteObject: "s3:DeleteObject",
  GetObject: "s3:GetObject",
  HeadBucket: "s3:ListBucket",
  HeadObject: "s3:GetObject",
  ListMultipartUploads: "s3:ListBucketMultipartUploads",
  ListObjectsV2: "s3:ListBucket",
  ListParts: "s3:ListMultipartUploadParts",
  PutObject: "s3:PutObject",
  UploadPart: "s3:PutObject",
};

Deno.test("object store page: the policy has the rights for all operations, and no others", () => {
  const policy = fencesIn(page).find(({ info }) => info === "json")?.text ?? "";
  const { Statement: statements } = JSON.parse(policy) as {
    readonly Statement: readonly { readonly Action: readonly string[] }[];
  };
  const rights = statements.flatMap(({ Action: actions }) => actions);
  assert.deepEqual(rights.sort(), [...new Set(Object.values(RIGHTS))].sort());
});

Deno.test("object store page: every variable that is read has an entry, except older names", () => {
  const missing = S3_VARIABLES.filter((name) => !page.includes(`\`${name}\``));
  assert.deepEqual(missing, ["AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"]);
});
