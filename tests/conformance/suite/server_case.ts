/** What a case of a server is made of: steps, what may be wrong with a message, and steps that many cases share. */
import type { RequestKind, ResponseKind } from "../../../protocol/v3/editions/edition.ts";

/** *required*: the published flow. *robust*: bad input and limits. *habit*: what the target does where it may choose. */
export type Grade = "required" | "robust" | "habit";

export type Outcome =
  | ResponseKind
  | "wrong checksum"
  | "zlib's checksum"
  | "closed"
  | "silence";

/** How the bytes of a message are handed over. */
export type Delivery =
  | "whole"
  | "one byte at a time"
  | "with header and payload apart"
  | "in frames of 2048 bytes"
  | "with the next";

/** What is wrong with a message, field by field. */
export interface Damage {
  readonly version?: number;
  readonly code?: number;
  /** −1: that of the fixed part alone. */
  readonly payloadSize?: number;
  /** So many bytes are announced beyond those that come. */
  readonly announced?: number;
  /** So many bytes follow that are not counted. */
  readonly surplus?: number;
  /** `own`: that of the packet's own part. */
  readonly contentSize?: number | "own";
  readonly originalSize?: number;
  readonly packetNumber?: number;
  readonly totalPackets?: number;
  readonly fileName?: string;
  /** The packet that is damaged, from 1. */
  readonly packet?: number | "each";
  /** Only so many bytes of the message are sent, and then the connection is closed. */
  readonly cutAt?: number;
  /** Sent under an id that nobody has. */
  readonly unknownId?: true;
  /** Sent by B under the id that A has. */
  readonly idOfA?: true;
  readonly publicKey?: "noise";
  readonly cipher?: "wrong key" | "wrong padding";
}

export interface SendStep {
  readonly send: RequestKind;
  /** Which of two clients; `A` where nothing is said. */
  readonly by?: "A" | "B";
  readonly name?: string;
  /** Bytes of the file. */
  readonly size?: number;
  /** In how many packets it is sent, where there are packets. */
  readonly packets?: number;
  readonly delivery?: Delivery;
  readonly damage?: Damage;
}

export type ServerStep =
  | SendStep
  /** Reads one answer, which must be one of these. */
  | { readonly expect: readonly Outcome[]; readonly by?: "A" | "B" }
  /** Leaves and comes back on a connection of its own. */
  | { readonly connect: "anew"; readonly by?: "A" | "B" };

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

/** What a file is answered with at this attempt; from the third on a server may try zlib's checksum. */
export function received(attempt: number): ServerStep {
  return { expect: attempt < 3 ? ["fileReceived"] : ["fileReceived", "zlib's checksum"] };
}

/** The file, and the word that its checksum was wrong; the next follows when half a second is over, answered or not. */
export function invalid(times: number): ServerStep[] {
  return Array.from({ length: times }, (_, before): ServerStep[] => [
    { send: "sendFile", size: 500 },
    received(before + 1),
    { send: "crcInvalid" },
    { expect: ["silence", "messageReceived"] },
  ]).flat();
}
