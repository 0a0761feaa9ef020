import { type Bytes, decodeResponseHeader, type Edition, RESPONSE_HEADER_SIZE } from "../../mod.ts";
import type { Entry } from "./recordings.ts";

/** What the recorder XORed the first byte of a checksum with, to see what a client does about a wrong one. */
const FALSIFIER = 0x5a;
const CRC_SIZE = 4;

/** The entries as the server sent them: the recorder's change to the first `count` checksums is undone. */
export function restoreChecksums(
  edition: Edition,
  entries: readonly Entry[],
  count: number,
): Entry[] {
  let left = count;
  return entries.map((entry) => {
    if (entry.dir === "c2s" || left === 0 || !isFileReceived(edition, entry.bytes)) return entry;
    left--;
    return { ...entry, bytes: falsifyChecksum(entry.bytes) };
  });
}

/** A "file received" response with another checksum. Twice gives the first one back. */
export function falsifyChecksum(response: Bytes): Bytes {
  const changed = response.slice();
  const at = RESPONSE_HEADER_SIZE + decodeResponseHeader(response).payloadSize - CRC_SIZE;
  changed[at] = (changed[at] ?? 0) ^ FALSIFIER;
  return changed;
}

export function isFileReceived(edition: Edition, response: Bytes): boolean {
  return decodeResponseHeader(response).code === edition.responses.fileReceived.code;
}
