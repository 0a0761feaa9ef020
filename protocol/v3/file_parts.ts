/**
 * Cuts a file's ciphertext into messages: one, numbered packets, or the form of a quirk.
 *
 * @module
 */
import { BLOCK_SIZE, ciphertextSize } from "../cipher/aes_cbc.ts";
import { inPieces, piecesSize } from "./pieces_cipher.ts";
import { type Edition, FIELDS, fixedSize, hasPackets } from "./editions/edition.ts";
import {
  BLOCK_CONTENT,
  BLOCK_TRAILER,
  fillingOf,
  FIRST_PIECE,
  FRAMED_PACKET,
  PACKET_PAYLOADS,
  type Quirk,
  type Quirks,
} from "./editions/quirks.ts";
import { MAX_PAYLOAD_SIZE, REQUEST_HEADER_SIZE } from "../header.ts";
import { encodeRequest, type SendFile } from "./messages.ts";
import type { Bytes } from "../bytes.ts";
import type { Profile } from "./server_session.ts";

/**
 * Ciphertext bytes per packet. Large enough for the 16-bit packet number to count any file with a 32-bit size; small
 * enough for servers that buffer a packet.
 */
const PACKET_SIZE = 1024 * 1024;
const MAX_PACKETS = 0xffff;

/** A file to upload. */
export interface OutgoingFile {
  /** 16 bytes. */
  readonly clientId: Bytes;
  /** The name as a field of 255 bytes. */
  readonly fileName: Bytes;
  /** The size of the plaintext in bytes. */
  readonly size: number;
}

/** One message of a file. */
export interface Part {
  /** Header and fixed part; empty if the part continues the previous one. */
  readonly head: Bytes;
  /** The number of ciphertext bytes that follow. */
  readonly content: number;
  /** The number of zeros that follow the ciphertext. */
  readonly padding: number;
}

/** The largest file that a profile can carry, in bytes of plaintext. */
export function maxFileSize({ edition, quirks }: Profile): number {
  const counted = 2 ** (8 * FIELDS.contentSize.size) - 1;
  const content = hasPackets(edition)
    ? Math.min(counted, MAX_PACKETS * packetSize(edition, quirks)) - trailerSize(quirks)
    : MAX_PAYLOAD_SIZE - fixedSize(edition.requests.sendFile);
  return content - (content % BLOCK_SIZE) - 1;
}

/**
 * The number of bytes after the ciphertext that count as part of it: with the quirk `headerless-blocks`, a checksum.
 */
export function trailerSize(quirks: Quirks): number {
  return quirks.has("headerless-blocks") ? BLOCK_TRAILER : 0;
}

/** Yields the messages of a file in order. Throws `ProtocolError` `payload-too-large`. */
export function partsOf(profile: Profile, upload: OutgoingFile): Generator<Part> {
  if (hasPackets(profile.edition)) return packets(profile, upload);
  return inPieces(profile.quirks, upload.size) ? pieces(profile, upload) : whole(profile, upload);
}

function* whole({ edition, quirks }: Profile, upload: OutgoingFile): Generator<Part> {
  const content = ciphertextSize(upload.size);
  const head = encodeRequest(edition, requestOf(upload, content), {
    contentLength: content,
    quirks,
  });
  yield { head, content, padding: fillingOf(quirks, head.length + content) };
}

/** The payload size covers the first piece, which has a frame of its own. The others follow without a header. */
function* pieces({ edition, quirks }: Profile, upload: OutgoingFile): Generator<Part> {
  const contentSize = piecesSize(upload.size);
  const first = ciphertextSize(FIRST_PIECE);
  const request = requestOf(upload, contentSize);
  const head = encodeRequest(edition, request, { contentLength: first, quirks });
  yield { head, content: first, padding: fillingOf(quirks, head.length + first) };
  const rest = contentSize - first;
  yield { head: new Uint8Array(0), content: rest, padding: fillingOf(quirks, rest) };
}

function* packets({ edition, quirks }: Profile, upload: OutgoingFile): Generator<Part> {
  const contentSize = ciphertextSize(upload.size) + trailerSize(quirks);
  const partSize = packetSize(edition, quirks);
  const filledUp = paddedPayload(quirks) !== undefined;
  const inBlocks = quirks.has("headerless-blocks");
  const totalPackets = Math.ceil(contentSize / partSize);
  for (let index = 0; index < totalPackets; index++) {
    const content = Math.min(partSize, contentSize - index * partSize);
    const surplus = filledUp ? partSize - content : 0;
    const request: SendFile = {
      ...requestOf(upload, contentSize),
      originalSize: upload.size,
      packetNumber: inBlocks ? index : index + 1,
      totalPackets,
    };
    const message = encodeRequest(edition, request, { contentLength: content + surplus, quirks });
    const head = inBlocks && index > 0 ? message.subarray(REQUEST_HEADER_SIZE) : message;
    yield { head, content, padding: surplus + fillingOf(quirks, head.length + content + surplus) };
  }
}

function requestOf({ clientId, fileName }: OutgoingFile, contentSize: number): SendFile {
  return { kind: "sendFile", clientId, contentSize, fileName };
}

function packetSize(edition: Edition, quirks: Quirks): number {
  if (quirks.has("headerless-blocks")) return BLOCK_CONTENT;
  if (quirks.has("acknowledged-parts")) return FRAMED_PACKET;
  const payload = paddedPayload(quirks);
  return payload === undefined ? PACKET_SIZE : payload - fixedSize(edition.requests.sendFile);
}

function paddedPayload(quirks: Quirks): number | undefined {
  const quirk = [...quirks].find((name: Quirk) => PACKET_PAYLOADS[name] !== undefined);
  return quirk && PACKET_PAYLOADS[quirk];
}
