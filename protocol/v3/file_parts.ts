/**
 * How a file's ciphertext is cut into messages: one, numbered packets, or what a habit has in their place.
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
  type Habit,
  type Habits,
  PACKET_PAYLOADS,
} from "./editions/quirks.ts";
import { MAX_PAYLOAD_SIZE, REQUEST_HEADER_SIZE } from "../header.ts";
import { encodeRequest, type SendFile } from "./messages.ts";
import type { Bytes } from "../bytes.ts";
import type { Profile } from "./server_session.ts";

/**
 * Ciphertext bytes of a packet. Large, so that the 16-bit packet number is in bounds for any file that a 32-bit size
 * can tell; small enough for servers that hold a packet whole.
 */
const PACKET_SIZE = 1024 * 1024;
const MAX_PACKETS = 0xffff;

export interface Upload {
  readonly clientId: Bytes;
  /** The name as a field of 255 bytes. */
  readonly fileName: Bytes;
  /** Bytes of the plaintext. */
  readonly size: number;
}

export interface Part {
  /** Header and fixed part; empty where the part goes on with the one before. */
  readonly head: Bytes;
  /** Bytes of ciphertext that follow. */
  readonly content: number;
  /** Zeros that follow them. */
  readonly padding: number;
}

/** The largest file, in bytes of plaintext, that can be sent so. */
export function maxFileSize({ edition, habits }: Profile): number {
  const counted = 2 ** (8 * FIELDS.contentSize.size) - 1;
  const content = hasPackets(edition)
    ? Math.min(counted, MAX_PACKETS * packetSize(edition, habits)) - trailerSize(habits)
    : MAX_PAYLOAD_SIZE - fixedSize(edition.requests.sendFile);
  return content - (content % BLOCK_SIZE) - 1;
}

/** Bytes that follow the ciphertext and are counted with it: with the habit `headerless-blocks`, the checksum. */
export function trailerSize(habits: Habits): number {
  return habits.has("headerless-blocks") ? BLOCK_TRAILER : 0;
}

/** The messages of a file, in order. Throws `ProtocolError` `payload-too-large`. */
export function partsOf(profile: Profile, upload: Upload): Generator<Part> {
  if (hasPackets(profile.edition)) return packets(profile, upload);
  return inPieces(profile.habits, upload.size) ? pieces(profile, upload) : whole(profile, upload);
}

function* whole({ edition, habits }: Profile, upload: Upload): Generator<Part> {
  const content = ciphertextSize(upload.size);
  const head = encodeRequest(edition, requestOf(upload, content), {
    contentLength: content,
    habits,
  });
  yield { head, content, padding: fillingOf(habits, head.length + content) };
}

/** The payload size covers the first piece, which has a frame of its own; the others follow without a header. */
function* pieces({ edition, habits }: Profile, upload: Upload): Generator<Part> {
  const contentSize = piecesSize(upload.size);
  const first = ciphertextSize(FIRST_PIECE);
  const request = requestOf(upload, contentSize);
  const head = encodeRequest(edition, request, { contentLength: first, habits });
  yield { head, content: first, padding: fillingOf(habits, head.length + first) };
  const rest = contentSize - first;
  yield { head: new Uint8Array(0), content: rest, padding: fillingOf(habits, rest) };
}

function* packets({ edition, habits }: Profile, upload: Upload): Generator<Part> {
  const contentSize = ciphertextSize(upload.size) + trailerSize(habits);
  const partSize = packetSize(edition, habits);
  const filledUp = paddedPayload(habits) !== undefined;
  const inBlocks = habits.has("headerless-blocks");
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
    const message = encodeRequest(edition, request, { contentLength: content + surplus, habits });
    const head = inBlocks && index > 0 ? message.subarray(REQUEST_HEADER_SIZE) : message;
    yield { head, content, padding: surplus + fillingOf(habits, head.length + content + surplus) };
  }
}

function requestOf({ clientId, fileName }: Upload, contentSize: number): SendFile {
  return { kind: "sendFile", clientId, contentSize, fileName };
}

function packetSize(edition: Edition, habits: Habits): number {
  if (habits.has("headerless-blocks")) return BLOCK_CONTENT;
  if (habits.has("acknowledged-parts")) return FRAMED_PACKET;
  const payload = paddedPayload(habits);
  return payload === undefined ? PACKET_SIZE : payload - fixedSize(edition.requests.sendFile);
}

function paddedPayload(habits: Habits): number | undefined {
  const habit = [...habits].find((name: Habit) => PACKET_PAYLOADS[name] !== undefined);
  return habit && PACKET_PAYLOADS[habit];
}
