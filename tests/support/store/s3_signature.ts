/**
 * Checks the signature of a request to S3, without the package that signs it.
 *
 * Source: Amazon S3 API Reference, "Signature calculations for the Authorization header".
 */
import { createHash, createHmac } from "node:crypto";
import type { HttpRequest } from "./http_server.ts";

export interface Signer {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

const MOST_SKEW_MS = 15 * 60 * 1000;
const HEADER =
  /^AWS4-HMAC-SHA256 Credential=(?<key>[^/]+)\/(?<scope>(?<day>\d{8})\/(?<region>[^/]+)\/s3\/aws4_request), SignedHeaders=(?<names>[^,]+), Signature=(?<signature>[0-9a-f]{64})$/;

/** The code of the error; `undefined` if the signature is right. */
export function signatureFault(request: HttpRequest, signer: Signer): string | undefined {
  const { method, target, headers, body } = request;
  const found = HEADER.exec(headers.get("authorization") ?? "")?.groups;
  if (found === undefined) return "AccessDenied";
  const { key, scope, day, region, names, signature } = found as Record<string, string>;
  if (key !== signer.accessKeyId) return "InvalidAccessKeyId";
  if (region !== signer.region) return "AuthorizationHeaderMalformed";
  const date = headers.get("x-amz-date") ?? "";
  if (Math.abs(timeOf(date) - Date.now()) > MOST_SKEW_MS) return "RequestTimeTooSkewed";
  const signed = (names as string).split(";");
  const required = ["host", ...[...headers.keys()].filter((name) => name.startsWith("x-amz-"))];
  if (!required.every((name) => signed.includes(name))) return "AccessDenied";
  const [path = "", query = ""] = target.split("?");
  const digest = headers.get("x-amz-content-sha256") ?? "";
  const canonical = [
    ...[method, path.split("/").map(encoded).join("/"), sorted(query)],
    ...signed.map((name) => `${name}:${headers.get(name)?.trim()}`),
    ...["", signed.join(";"), digest],
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
  let hmac: Uint8Array | string = `AWS4${signer.secretAccessKey}`;
  for (const part of [day as string, region as string, "s3", "aws4_request"]) {
    hmac = createHmac("sha256", hmac).update(part).digest();
  }
  const expected = createHmac("sha256", hmac).update(toSign).digest("hex");
  if (signature !== expected) return "SignatureDoesNotMatch";
  return digest === sha256(body) ? undefined : "XAmzContentSHA256Mismatch";
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** A segment of the path, encoded as the signature needs it. */
function encoded(text: string): string {
  return encodeURIComponent(decodeURIComponent(text)).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sorted(query: string): string {
  const pairs = query.split("&").filter((pair) => pair !== "").map((pair) => {
    const [name = "", value = ""] = pair.split("=");
    return `${encoded(name.replaceAll("+", " "))}=${encoded(value.replaceAll("+", " "))}`;
  });
  return pairs.sort().join("&");
}

function timeOf(date: string): number {
  const iso = date.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, "$1-$2-$3:$4:$5");
  return Date.parse(iso);
}
