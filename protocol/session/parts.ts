/**
 * How a file's ciphertext is cut into messages: one, or numbered packets.
 *
 * @module
 */
import { BLOCK_SIZE, ciphertextSize } from "../cipher/aes_cbc.ts";
import { type Edition, FIELDS, fixedSize, hasPackets } from "../editions/edition.ts";
import { type Habit, type Habits, PACKET_PAYLOADS } from "../habits.ts";
import { MAX_PAYLOAD_SIZE } from "../header.ts";
import { encodeRequest, type SendFile } from "../messages.ts";
import type { Bytes } from "../wire.ts";
import type { Profile } from "./server.ts";

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
  /** Header and fixed part. */
  readonly head: Bytes;
  /** Bytes of ciphertext that follow. */
  readonly content: number;
  /** Zeros that follow them. */
  readonly padding: number;
}

/** The largest file, in bytes of plaintext, that can be sent so. */
export function maxFileSize({ edition, habits }: Profile): number {
  const { sendFile } = edition.requests;
  const counted = 2 ** (8 * FIELDS.contentSize.size) - 1;
  const content = hasPackets(edition)
    ? Math.min(counted, MAX_PACKETS * packetSize(edition, habits))
    : MAX_PAYLOAD_SIZE - fixedSize(sendFile);
  return content - (content % BLOCK_SIZE) - 1;
}

/** The messages of a file, in order. Throws `ProtocolError` `payload-too-large`. */
export function* partsOf({ edition, habits }: Profile, upload: Upload): Generator<Part> {
  const { clientId, fileName, size } = upload;
  const contentSize = ciphertextSize(size);
  const whole: SendFile = { kind: "sendFile", clientId, contentSize, fileName };
  if (!hasPackets(edition)) {
    const head = encodeRequest(edition, whole, { contentLength: contentSize, habits });
    yield { head, content: contentSize, padding: 0 };
    return;
  }
  const partSize = packetSize(edition, habits);
  const filledUp = paddedPayload(habits) !== undefined;
  const totalPackets = Math.ceil(contentSize / partSize);
  for (let packetNumber = 1; packetNumber <= totalPackets; packetNumber++) {
    const content = Math.min(partSize, contentSize - (packetNumber - 1) * partSize);
    const padding = filledUp ? partSize - content : 0;
    const packet = { ...whole, originalSize: size, packetNumber, totalPackets };
    const head = encodeRequest(edition, packet, { contentLength: content + padding, habits });
    yield { head, content, padding };
  }
}

function packetSize(edition: Edition, habits: Habits): number {
  const payload = paddedPayload(habits);
  return payload === undefined ? PACKET_SIZE : payload - fixedSize(edition.requests.sendFile);
}

function paddedPayload(habits: Habits): number | undefined {
  const habit = [...habits].find((name: Habit) => PACKET_PAYLOADS[name] !== undefined);
  return habit && PACKET_PAYLOADS[habit];
}
