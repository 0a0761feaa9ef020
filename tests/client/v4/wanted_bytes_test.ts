/** The number of bytes that a download of a range has. */
import assert from "node:assert/strict";
import { wantedBytes } from "../../../client/v4/file_download.ts";
import { FILE } from "../../support/v4/message_fields.ts";

const WANTED: readonly [from: number, to: number, bytes: number | "bad-range"][] = [
  [0, 1, 1],
  [0, 10, 10],
  [9, 99, 1],
  [10, 11, "bad-range"],
  [-1, 5, "bad-range"],
  [5, 2, "bad-range"],
  [5, 5, 0],
  [0.5, 2, "bad-range"],
  [0, NaN, "bad-range"],
  [NaN, 5, "bad-range"],
];

for (const [from, to, bytes] of WANTED) {
  Deno.test(`v4 file download: of 10 bytes, those from ${from} up to ${to}: ${bytes}`, () => {
    const none = new Uint8Array(32);
    const file = { ...FILE, name: "a", size: 10, cksum: 0, digest: none };
    const count = () => wantedBytes(file, { from, to });
    if (bytes === "bad-range") assert.throws(count, { code: bytes });
    else assert.equal(count(), bytes);
  });
}
