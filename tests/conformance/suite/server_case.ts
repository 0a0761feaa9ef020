/** The parts of a server case: steps, faults of messages, and steps that many cases share. */
import type { RequestKind, ResponseKind } from "../../../protocol/v3/editions/edition.ts";

/**
 * *required*: the published flow. *robust*: invalid input and limits. *optional*: the target's behavior where the
 * specification leaves it open.
 */
export type Grade = "required" | "robust" | "optional";

export type Outcome =
  | ResponseKind
  | "wrong checksum"
  | "zlib's checksum"
  | "closed"
  | "silence";

/** The way in which the bytes of a message are sent. */
export type Delivery =
  | "whole"
  | "one byte at a time"
  | "with header and payload apart"
  | "in frames of 2048 bytes"
  | "with the next";

/** Faults of a message, by field. */
export interface Damage {
  readonly version?: number;
  readonly code?: number;
  /** −1: that of the fixed part only. */
  readonly payloadSize?: number;
  /** Bytes announced in addition to those that are sent. */
  readonly announced?: number;
  /** Bytes that follow without being counted. */
  readonly surplus?: number;
  /** `own`: that of the packet's own part. */
  readonly contentSize?: number | "own";
  readonly originalSize?: number;
  readonly packetNumber?: number;
  readonly totalPackets?: number;
  readonly fileName?: string;
  /** The number of the damaged packet, from 1. */
  readonly packet?: number | "each";
  /** The number of bytes after which the connection is closed. */
  readonly cutAt?: number;
  /** Sent with an unknown id. */
  readonly unknownId?: true;
  /** Sent by B with the id of A. */
  readonly idOfA?: true;
  readonly publicKey?: "noise";
  readonly cipher?: "wrong key" | "wrong padding";
}

export interface SendStep {
  readonly send: RequestKind;
  /** The client of the step. Default: `A`. */
  readonly by?: "A" | "B";
  readonly name?: string;
  /** The size of the file in bytes. */
  readonly size?: number;
  /** The number of packets, in editions that have packets. */
  readonly packets?: number;
  readonly delivery?: Delivery;
  readonly damage?: Damage;
}

export type ServerStep =
  | SendStep
  /** Reads one answer, which must be one of these. */
  | { readonly expect: readonly Outcome[]; readonly by?: "A" | "B" }
  /** Disconnects and returns on a new connection. */
  | { readonly connect: "again"; readonly by?: "A" | "B" };

export interface ServerCase {
  readonly name: string;
  readonly grade: Grade;
  readonly steps: readonly ServerStep[];
}

export const NO: readonly Outcome[] = ["generalError", "closed"];
export const NO_OR_REFUSED: readonly Outcome[] = ["refused", ...NO];
export const NOT_THE_FILE: readonly Outcome[] = ["wrong checksum", ...NO];

export const REGISTER: readonly ServerStep[] = [{ send: "register" }, { expect: ["registered"] }];
export const ENROL: readonly ServerStep[] = [
  ...REGISTER,
  { send: "publicKey" },
  { expect: ["keyReceived"] },
];
export const CONFIRM: readonly ServerStep[] = [{ send: "crcValid" }, {
  expect: ["messageReceived"],
}];

export function store(size: number, more: Partial<SendStep> = {}): readonly ServerStep[] {
  return [{ send: "sendFile", size, ...more }, { expect: ["fileReceived"] }, ...CONFIRM];
}

/** The answers to a file at an attempt. From the third on, a server may try zlib's checksum. */
export function received(attempt: number): ServerStep {
  return { expect: attempt < 3 ? ["fileReceived"] : ["fileReceived", "zlib's checksum"] };
}

/** Sends the file and CRC invalid. The next step follows after half a second, answered or not. */
export function invalid(times: number): ServerStep[] {
  return Array.from({ length: times }, (_, before): ServerStep[] => [
    { send: "sendFile", size: 500 },
    received(before + 1),
    { send: "crcInvalid" },
    { expect: ["silence", "messageReceived"] },
  ]).flat();
}
