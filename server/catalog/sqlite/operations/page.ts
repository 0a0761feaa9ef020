/**
 * Pages of rows, bounded by bytes and not by number: a connection keeps a page in memory while its peer does not read.
 *
 * @module
 */
import type { Row } from "../../rows.ts";
import { sizeOf } from "../value_size.ts";

/** The size of a page in bytes. The rows of the last step can exceed it. */
export const PAGE_BYTES = 64 * 1024;
/** The number of rows in one look-up. With the longest file names they take 140 KiB. */
export const STEP = 16;

/** At most `count` rows, fewer if they exceed `bytes`. `next` finds at most `count` rows after `last`. */
export function page(
  count: number,
  next: (last: Row | undefined, count: number) => Row[],
  bytes = PAGE_BYTES,
): Row[] {
  const rows: Row[] = [];
  for (let size = 0; size < bytes && rows.length < count;) {
    const step = Math.min(STEP, count - rows.length);
    const found = next(rows.at(-1), step);
    rows.push(...found);
    if (found.length < step) break;
    size += sizeOf(found);
  }
  return rows;
}
