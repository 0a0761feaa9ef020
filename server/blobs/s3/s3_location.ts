/**
 * The place of the blobs: `s3://BUCKET/PREFIX`, an endpoint and a region. Credentials come from the environment or a
 * file, under the names of the AWS command line.
 *
 * @module
 */
import { ConfigurationError, reasonOf } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import type { S3BlobStoreOptions } from "./s3_blob_store.ts";
import type { S3Credentials } from "./s3_client.ts";

export interface S3Location {
  /** `s3://BUCKET` or `s3://BUCKET/PREFIX`. */
  readonly url: string;
  /**
   * `https://HOST[:PORT]`, for stores other than Amazon's. `{bucket}` stands for the bucket, if its name belongs into
   * the host name. Otherwise, it is the first part of the path.
   */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

/** The parts of the system that name and keep settings. */
export interface S3Environment {
  readonly variable: (name: string) => string | undefined;
  readonly readTextFile: (path: string) => Promise<string>;
}

/** The environment variables that are read. */
export const S3_VARIABLES = [
  ...["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
  ...["AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", "AWS_CA_BUNDLE"],
  ...["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"],
] as const;

/** The region of stores that have none. */
const NO_REGION = "us-east-1";
/** Source: Amazon S3, "Bucket naming rules". */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Source: Amazon S3, "Naming objects": the characters that are safe everywhere. */
const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9!_.*'()-]+$/;
/** Keys have at most 1024 bytes. */
const MAX_PREFIX = 512;
const REGION = /^[a-z0-9-]{1,64}$/i;

/** The options of a store. Throws `ConfigurationError` `blobs-misconfigured`. Messages contain no secrets. */
export async function s3Options(
  { url, endpoint, region }: S3Location,
  environment: S3Environment,
): Promise<S3BlobStoreOptions> {
  const { bucket, prefix } = parseUrl(url);
  const { variable } = environment;
  const store = endpoint ?? variable("AWS_ENDPOINT_URL_S3") ?? variable("AWS_ENDPOINT_URL");
  const place = region ?? variable("AWS_REGION") ?? variable("AWS_DEFAULT_REGION") ??
    (store === undefined ? undefined : NO_REGION);
  if (place === undefined || !REGION.test(place)) {
    throw misconfigured(
      "the bucket's region is not known",
      "Name it with --s3-region, or another store with --s3-endpoint.",
    );
  }
  const readCredentials = () => credentialsIn(environment);
  // A mistake is reported now, not at the first upload.
  await readCredentials();
  const bundle = variable("AWS_CA_BUNDLE");
  return {
    ...{ bucketUrl: bucketUrl(bucket, store ?? amazon(bucket, place)), prefix, region: place },
    readCredentials,
    ...(bundle === undefined ? {} : { caCerts: [await textOfFile(bundle, environment)] }),
  };
}

function parseUrl(url: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket = "", path = ""] = /^s3:\/\/([^/]*)(?:\/(.*?)\/?)?$/s.exec(url) ?? [];
  const segments = path === "" ? [] : path.split("/");
  if (!BUCKET.test(bucket) || !segments.every((each) => SEGMENT.test(each))) {
    // The URL is not shown: somebody could have put a secret into it.
    throw misconfigured(
      "the URL of the blobs is not s3://BUCKET or s3://BUCKET/PREFIX",
      "Use letters, digits and !_.*'()- in the prefix, and keep credentials in the environment.",
    );
  }
  if (path.length > MAX_PREFIX) {
    throw misconfigured(`the prefix has more than ${MAX_PREFIX} bytes`, "Choose a shorter prefix.");
  }
  return { bucket, prefix: segments.map((segment) => `${segment}/`).join("") };
}

/** A certificate of Amazon's is for one label before its name, so that buckets with dots are in the path. */
function amazon(bucket: string, region: string): string {
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return `https://${bucket.includes(".") ? "" : "{bucket}."}s3.${region}.${domain}`;
}

function bucketUrl(bucket: string, endpoint: string): string {
  const url = URL.parse(endpoint.replace("{bucket}", bucket));
  const isPlain = url !== null && ["http:", "https:"].includes(url.protocol) &&
    [url.username, url.password, url.search, url.hash].every((part) => part === "");
  if (!isPlain) {
    throw misconfigured(
      "the endpoint of the object store is not https://HOST or https://HOST:PORT",
      "Correct --s3-endpoint, and keep credentials in the environment.",
    );
  }
  const base = url.href.replace(/\/$/, "");
  return endpoint.includes("{bucket}") ? base : `${base}/${bucket}`;
}

async function credentialsIn(environment: S3Environment): Promise<S3Credentials> {
  const { variable } = environment;
  const path = variable("AWS_SHARED_CREDENTIALS_FILE");
  const profile = variable("AWS_PROFILE") ?? "default";
  const found = variable("AWS_ACCESS_KEY_ID") !== undefined || path === undefined
    ? (name: string) => variable(name.toUpperCase())
    : sectionIn(await textOfFile(path, environment), profile);
  const accessKeyId = found("aws_access_key_id");
  const secretAccessKey = found("aws_secret_access_key");
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw misconfigured(
      "the credentials of the object store are missing",
      "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE.",
    );
  }
  return { accessKeyId, secretAccessKey, sessionToken: found("aws_session_token") };
}

/** The settings of one section of an INI file. */
function sectionIn(text: string, section: string): (name: string) => string | undefined {
  const settings = new Map<string, string>();
  let isIn = false;
  for (const line of text.split(/\r?\n/)) {
    const title = /^\s*\[\s*(.*?)\s*\]\s*$/.exec(line)?.[1];
    if (title !== undefined) isIn = title === section;
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(\S+)\s*$/i.exec(line) ?? [];
    if (isIn && name !== undefined && value !== undefined) settings.set(name.toLowerCase(), value);
  }
  return (name) => settings.get(name);
}

async function textOfFile(path: string, { readTextFile }: S3Environment): Promise<string> {
  try {
    return await readTextFile(path);
  } catch (error) {
    throw misconfigured(
      `cannot read ${printable(path)}: ${reasonOf(error)}`,
      "Correct AWS_SHARED_CREDENTIALS_FILE or AWS_CA_BUNDLE, or the rights of the file.",
    );
  }
}

function misconfigured(message: string, hint: string): ConfigurationError {
  return new ConfigurationError("blobs-misconfigured", message, { hint });
}
