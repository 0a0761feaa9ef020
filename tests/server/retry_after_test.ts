/** `Retry-After` of the HTTP servers that xfer asks. */
import assert from "node:assert/strict";
import { TransientFailure } from "../../server/blobs/s3/backoff.ts";
import { failureIn } from "../../server/blobs/s3/s3_failure.ts";
import { retryAfterMs } from "../../server/retry_after.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

const PAUSES: readonly (readonly [header: string | undefined, ms: number | undefined])[] = [
  ["7", 7000],
  [" 7 ", 7000],
  ["Fri, 02 Jan 2026 03:04:15 GMT", 10_000],
  ["Friday, 02-Jan-26 03:04:15 GMT", 10_000],
  [undefined, undefined],
  ["", undefined],
  ["0", undefined],
  ["-7", undefined],
  ["soon", undefined],
  ["Fri, 02 Jan 2026 03:04:05 GMT", undefined],
  ["Fri, 02 Jan 2026 03:04:00 GMT", undefined],
];

Deno.test("Retry-After: seconds or a date; a time that is over or not readable asks for nothing", () => {
  for (const [header, ms] of PAUSES) {
    const headers = new Headers(header === undefined ? {} : { "retry-after": header });
    assert.equal(retryAfterMs(headers, NOW), ms, header);
  }
});

Deno.test("Retry-After: an object store may give a date", () => {
  const headers = new Headers({ "retry-after": "Fri, 02 Jan 2026 03:04:15 GMT" });
  const failure = failureIn({ status: 503, headers }, "", NOW);
  assert.ok(failure instanceof TransientFailure);
  assert.equal(failure.retryAfterMs, 10_000);
});
