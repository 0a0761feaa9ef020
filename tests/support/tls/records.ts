/** Faults of single records in a TLS stream (RFC 8446 5.1). */
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import type { Ending, Meddler } from "../net/faulty_proxy.ts";

const HEADER_SIZE = 5;

/** Whether the fault was made: there may be fewer records than expected. */
export interface Meddled {
  done: boolean;
}

/** Passes on the result for each whole record. The first record of the first connection has index 0. */
export function eachRecord(
  meddle: (record: Bytes, index: number) => readonly (Bytes | Ending)[],
): () => Meddler {
  let waiting: Bytes = new Uint8Array(0);
  let index = 0;
  return () =>
    function* (bytes) {
      waiting = concatBytes(waiting, bytes);
      while (waiting.length >= HEADER_SIZE) {
        const view = new DataView(waiting.buffer, waiting.byteOffset);
        const size = HEADER_SIZE + view.getUint16(3);
        if (waiting.length < size) break;
        const record = waiting.slice(0, size);
        waiting = waiting.slice(size);
        yield* meddle(record, index++);
      }
    };
}

/** Changes the bits of `mask` in the byte at `place` of a record. */
export function flipInRecord(which: number, place: number, mask: number, meddled: Meddled) {
  return eachRecord((record, index) => {
    if (index === which && place < record.length) {
      record[place] = (record[place] as number) ^ mask;
      meddled.done = true;
    }
    return [record];
  });
}

/** Ends the connection before the byte at `place` of a record. */
export function cutInRecord(which: number, place: number, ending: Ending, meddled: Meddled) {
  return eachRecord((record, index) => {
    if (index !== which) return [record];
    meddled.done = true;
    return [record.subarray(0, place), ending];
  });
}
