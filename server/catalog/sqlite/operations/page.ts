/**
 * Pages of rows, bounded by bytes and not by entries: who asks for a connection holds a page while its peer does not read.
 *
 * @module
 */
import type { Row } from "../rows.ts";
import { sizeOf } from "../value_size.ts";

/** Bytes of a page; the rows of the last step may go beyond. */
export const PAGE_BYTES = 64 * 1024;
/** Rows that are looked up together: of files with the longest names they have 140 KiB. */
const STEP = 16;

/** Up to `count` rows, fewer where they take more bytes, none where there are none. `next` finds so many behind the last. */
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
