import type { Bytes } from "../../../protocol/bytes.ts";
import { decodeResponseHeader, RESPONSE_HEADER_SIZE } from "../../../protocol/header.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import type { Entry } from "../v3/recordings.ts";

/** The value with which the recorder XORed the first byte of a checksum, to see how a client reacts. */
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
    if (entry.dir === "c2s") return entry;
    const at = fileReceivedAt(edition, entry.bytes);
    if (at === undefined || left === 0) return entry;
    left--;
    const bytes = entry.bytes.slice();
    bytes.set(falsifyChecksum(bytes.subarray(at)), at);
    return { ...entry, bytes };
  });
}

/** The offset of a "file received" in an entry. An answer to "CRC invalid" may precede it. */
function fileReceivedAt(edition: Edition, bytes: Bytes): number | undefined {
  for (let at = 0; at + RESPONSE_HEADER_SIZE <= bytes.length;) {
    const response = bytes.subarray(at);
    if (isFileReceived(edition, response)) return at;
    at += RESPONSE_HEADER_SIZE + decodeResponseHeader(response).payloadSize;
  }
  return undefined;
}

/** Changes the checksum of a "file received". Applied twice, it restores the first one. */
export function falsifyChecksum(response: Bytes): Bytes {
  const changed = response.slice();
  const at = RESPONSE_HEADER_SIZE + decodeResponseHeader(response).payloadSize - CRC_SIZE;
  changed[at] = (changed[at] ?? 0) ^ FALSIFIER;
  return changed;
}

export function isFileReceived(edition: Edition, response: Bytes): boolean {
  return decodeResponseHeader(response).code === edition.responses.fileReceived.code;
}
