/** Faults of single records in a TLS stream (RFC 8446 5.1). */
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import type { Ending, Fault } from "../net/faulty_proxy.ts";

const HEADER_SIZE = 5;

/** Whether the fault was injected. It is not if the stream has fewer records. */
export interface Injected {
  done: boolean;
}

/** Passes on the result for each whole record. The first record of the first connection has index 0. */
export function eachRecord(
  inject: (record: Bytes, index: number) => readonly (Bytes | Ending)[],
): () => Fault {
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
        yield* inject(record, index++);
      }
    };
}

/** Changes the bits of `mask` in the byte at `place` of a record. */
export function flipInRecord(which: number, place: number, mask: number, injected: Injected) {
  return eachRecord((record, index) => {
    if (index === which && place < record.length) {
      record[place] = (record[place] as number) ^ mask;
      injected.done = true;
    }
    return [record];
  });
}

/** Ends the connection before the byte at `place` of a record. */
export function cutInRecord(which: number, place: number, ending: Ending, injected: Injected) {
  return eachRecord((record, index) => {
    if (index !== which) return [record];
    injected.done = true;
    return [record.subarray(0, place), ending];
  });
}
