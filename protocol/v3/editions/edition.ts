/**
 * What a published edition of protocol 3 is made of. An edition is data: a difference between two editions is a
 * different value in a table, never a branch in the code that reads it.
 *
 * @module
 */
import type { Quirk } from "./quirks.ts";

/** Every field that a payload can hold: its size in bytes, and whether it is a number (little endian) or bytes. */
export const FIELDS = {
  clientId: { size: 16, type: "bytes" },
  name: { size: 255, type: "bytes" },
  fileName: { size: 255, type: "bytes" },
  publicKey: { size: 160, type: "bytes" },
  wrappedKey: { size: 128, type: "bytes" },
  contentSize: { size: 4, type: "number" },
  originalSize: { size: 4, type: "number" },
  packetNumber: { size: 2, type: "number" },
  totalPackets: { size: 2, type: "number" },
  crc: { size: 4, type: "number" },
} as const;

export type FieldName = keyof typeof FIELDS;

export type RequestKind =
  | "register"
  | "publicKey"
  | "reconnect"
  | "sendFile"
  | "crcValid"
  | "crcInvalid"
  | "crcGivenUp";

export type ResponseKind =
  | "registered"
  | "refused"
  | "keyReceived"
  | "fileReceived"
  | "messageReceived"
  | "reconnected"
  | "denied"
  | "generalError";

export interface Layout {
  readonly code: number;
  /** The fixed part of the payload, in the order of the wire. */
  readonly fields: readonly FieldName[];
}

export interface RequestLayout extends Layout {
  /** Whether content of any length follows the fixed part. */
  readonly content?: true;
  /**
   * How the answer is given: at once, or only when the peer has sent nothing for so many milliseconds. The published
   * texts leave open whether some requests are answered, and peers differ.
   */
  readonly answerAfterMs?: number;
}

export interface ResponseLayout extends Layout {
  /**
   * Whether a receiver takes a payload of any length: the missing part reads as zeros, a surplus is ignored. Peers
   * send an id, nothing, or text where the meaning is in the code alone.
   */
  readonly anyPayload?: true;
}

export interface Edition {
  readonly name: string;
  /** The TCP port that the edition's text names. */
  readonly defaultPort: number;
  /** Bytes of an AES key. */
  readonly aesKeySize: 16 | 32;
  /** How often a client sends one file in all, the first time included. */
  readonly attempts: number;
  /** How often a client asks to reconnect before it takes a denial for an answer. */
  readonly reconnectAttempts: number;
  /** Requests that the edition does not have are left out. */
  readonly requests: Readonly<
    & Partial<Record<"reconnect", RequestLayout>>
    & Record<Exclude<RequestKind, "reconnect">, RequestLayout>
  >;
  /** Responses that the edition does not have are left out. */
  readonly responses: Readonly<
    & Partial<Record<"reconnected" | "denied" | "generalError", ResponseLayout>>
    & Record<Exclude<ResponseKind, "reconnected" | "denied" | "generalError">, ResponseLayout>
  >;
  /** What clients of this edition that send 1024-byte frames do besides. */
  readonly framedQuirks: readonly Quirk[];
  /** What those of them do besides that open a connection for each request. */
  readonly separateQuirks: readonly Quirk[];
}

/** Bytes of the fixed part of a payload. */
export function fixedSize(layout: Layout): number {
  return layout.fields.reduce((size, field) => size + FIELDS[field].size, 0);
}

/** Whether a file travels in numbered packets. */
export function hasPackets(edition: Edition): boolean {
  return edition.requests.sendFile.fields.includes("packetNumber");
}
