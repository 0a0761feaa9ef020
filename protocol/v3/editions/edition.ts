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

/** A field of a payload. */
export type FieldName = keyof typeof FIELDS;

/** A request, by name. */
export type RequestKind =
  | "register"
  | "publicKey"
  | "reconnect"
  | "sendFile"
  | "crcValid"
  | "crcInvalid"
  | "crcGivenUp";

/** A response, by name. */
export type ResponseKind =
  | "registered"
  | "refused"
  | "keyReceived"
  | "fileReceived"
  | "messageReceived"
  | "reconnected"
  | "denied"
  | "generalError";

/** What a message looks like on the wire. */
export interface Layout {
  /** The code in the header. */
  readonly code: number;
  /** The fields of the fixed part of the payload, in order. */
  readonly fields: readonly FieldName[];
}

/** What a request looks like on the wire. */
export interface RequestLayout extends Layout {
  /** Whether content of any length follows the fixed part. */
  readonly content?: true;
  /**
   * Answer only when the peer has sent nothing for so many milliseconds; without, at once. The published texts leave open
   * whether some requests are answered, and peers differ.
   */
  readonly answerAfterMs?: number;
}

/** What a response looks like on the wire. */
export interface ResponseLayout extends Layout {
  /**
   * Accept a payload of any length: missing bytes read as zeros, surplus ones are ignored. Peers send an id, nothing, or
   * text where the code alone has the meaning.
   */
  readonly anyPayload?: true;
}

/** A published edition of protocol 3: codes, layouts and rules. */
export interface Edition {
  /** Such as `2023c`. */
  readonly name: string;
  /** The TCP port that the edition's text names. */
  readonly defaultPort: number;
  /** Bytes of an AES key. */
  readonly aesKeySize: 16 | 32;
  /** How often a client sends one file in all, the first time included. */
  readonly attempts: number;
  /** How often a client asks to reconnect before it accepts a denial. */
  readonly reconnectAttempts: number;
  /** The requests that the edition has. */
  readonly requests: Readonly<
    & Partial<Record<"reconnect", RequestLayout>>
    & Record<Exclude<RequestKind, "reconnect">, RequestLayout>
  >;
  /** The responses that the edition has. */
  readonly responses: Readonly<
    & Partial<Record<"reconnected" | "denied" | "generalError", ResponseLayout>>
    & Record<Exclude<ResponseKind, "reconnected" | "denied" | "generalError">, ResponseLayout>
  >;
  /** Further quirks of clients of this edition that send 1024-byte frames. */
  readonly framedQuirks: readonly Quirk[];
  /** Further quirks of those among them that open a connection for each request. */
  readonly separateQuirks: readonly Quirk[];
}

/** Bytes of the fixed part of a payload. */
export function fixedSize(layout: Layout): number {
  return layout.fields.reduce((size, field) => size + FIELDS[field].size, 0);
}

/** Whether the edition sends a file in numbered packets. */
export function hasPackets(edition: Edition): boolean {
  return edition.requests.sendFile.fields.includes("packetNumber");
}
