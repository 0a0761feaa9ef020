/**
 * The shape of a published edition of protocol 3. An edition is data: two editions differ in the values of tables,
 * never in branches of the code that reads them.
 *
 * @module
 */
import type { Quirk } from "./quirks.ts";

/** Every field of a payload: its size in bytes, and whether it is a number (little endian) or bytes. */
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

/** The name of a request. */
export type RequestKind =
  | "register"
  | "publicKey"
  | "reconnect"
  | "sendFile"
  | "crcValid"
  | "crcInvalid"
  | "crcGivenUp";

/** The name of a response. */
export type ResponseKind =
  | "registered"
  | "refused"
  | "keyReceived"
  | "fileReceived"
  | "messageReceived"
  | "reconnected"
  | "denied"
  | "generalError";

/** The form of a message on the wire. */
export interface Layout {
  /** The code in the header. */
  readonly code: number;
  /** The fields of the fixed part of the payload, in order. */
  readonly fields: readonly FieldName[];
}

/** The form of a request on the wire. */
export interface RequestLayout extends Layout {
  /** Whether content of any length follows the fixed part. */
  readonly content?: true;
  /**
   * Answer only if the peer sends nothing for this many milliseconds; without it, at once. The published texts leave
   * open whether some requests are answered, and peers differ.
   */
  readonly answerAfterMs?: number;
}

/** The form of a response on the wire. */
export interface ResponseLayout extends Layout {
  /**
   * Whether to accept a payload of any length: missing bytes are read as zeros, surplus ones are ignored. Peers send an
   * id, nothing, or text if only the code has a meaning.
   */
  readonly anyPayload?: true;
}

/** A published edition of protocol 3: codes, layouts and rules. */
export interface Edition {
  /** Such as `2023c`. */
  readonly name: string;
  /** The TCP port that the edition's text names. */
  readonly defaultPort: number;
  /** The size of an AES key in bytes. */
  readonly aesKeySize: 16 | 32;
  /** The number of times that a client sends a file in all. */
  readonly attempts: number;
  /** The number of times that a client asks to reconnect before it accepts a denial. */
  readonly reconnectAttempts: number;
  /** The requests of the edition. */
  readonly requests: Readonly<
    & Partial<Record<"reconnect", RequestLayout>>
    & Record<Exclude<RequestKind, "reconnect">, RequestLayout>
  >;
  /** The responses of the edition. */
  readonly responses: Readonly<
    & Partial<Record<"reconnected" | "denied" | "generalError", ResponseLayout>>
    & Record<Exclude<ResponseKind, "reconnected" | "denied" | "generalError">, ResponseLayout>
  >;
  /** Further quirks of clients of this edition that pad messages to 1024-byte frames. */
  readonly framedQuirks: readonly Quirk[];
  /** Further quirks of those among them that open a connection for each request. */
  readonly separateQuirks: readonly Quirk[];
}

/** The size of the fixed part of a payload in bytes. */
export function fixedSize(layout: Layout): number {
  return layout.fields.reduce((size, field) => size + FIELDS[field].size, 0);
}

/** Whether the edition sends a file in numbered packets. */
export function hasPackets(edition: Edition): boolean {
  return edition.requests.sendFile.fields.includes("packetNumber");
}
