/** Sizes for people. */
import assert from "node:assert/strict";
import { humanSize, limitSize, sizeWithin } from "../../../cli/text/size.ts";
import { presentation } from "../../../cli/text/presentation.ts";

const MIB = 2 ** 20;

Deno.test("size: in the largest unit that fits, rounded down, with one digit below 100", () => {
  for (
    const [bytes, shown] of [
      [0, "0 B"],
      [1023, "1023 B"],
      [1024, "1.0 KiB"],
      [MIB - 1, "1023 KiB"],
      [99.99 * MIB, "99.9 MiB"],
      [150 * MIB, "150 MiB"],
      [5.25 * 2 ** 40, "5.2 TiB"],
      [Number.MAX_SAFE_INTEGER, "7.9 PiB"],
    ] as const
  ) assert.equal(humanSize(bytes), shown);
});

Deno.test("size: columns are as wide for every size, human or exact", () => {
  const human = presentation().sizeColumn;
  assert.deepEqual([6, MIB - 1].map(human), ["     6 B", "1023 KiB"]);
  const exact = presentation({ bytes: true }).sizeColumn;
  assert.deepEqual([6, 3_650_722_201].map(exact), ["           6", "  3650722201"]);
});

Deno.test("limit: in the unit in which the operator wrote it, if one fits", () => {
  for (
    const [bytes, shown] of [
      [10_000_000, "10 MB"],
      [4 * 2 ** 30, "4 GiB"],
      [1500, "1.4 KiB"],
      [12_345_000, "11.7 MiB"],
      [999, "999 B"],
    ] as const
  ) assert.equal(limitSize(bytes), shown);
});

Deno.test("size: a part of a limit is in units like those of the limit", () => {
  for (
    const [bytes, limit, shown] of [
      [10_000_000_000, 10_000_000_000, "10.0 GB"],
      [9_999_999_999, 10_000_000_000, "9.9 GB"],
      [1000, 10_000_000_000, "1.0 kB"],
      [0, 10_000_000_000, "0 B"],
      [2 ** 30, 10 * 2 ** 30, "1.0 GiB"],
      [1000, 12_345, "1000 B"],
    ] as const
  ) assert.equal(sizeWithin(bytes, limit), shown);
});
