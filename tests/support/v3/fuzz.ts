/** Mutated recordings for the server's parsers, which must accept anything, and fail only with the typed error. */
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import { EDITIONS } from "../../../protocol/v3/editions/mod.ts";
import { PacketSequence } from "../../../protocol/v3/packet_sequence.ts";
import { type Profile, ServerSession } from "../../../protocol/v3/server_session.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { OBSERVED_PROFILES } from "./observed_profiles.ts";
import { loadRecordings } from "./recordings.ts";

export const PEERS = [
  "2022-b",
  "2023a-a",
  "2023a-c",
  "2023a-c_to_2023a-a",
  "2023c-a",
  "2024-a",
  "2024-d",
  "2024early-a",
] as const;

/** The number of events after which an input counts as a loop: many times that of any recording. */
const MAX_EVENTS = 20_000;
const RESPONSE = { kind: "messageReceived", clientId: new Uint8Array(16).fill(9) } as const;
/** The offsets of numbers in headers and fixed parts, and the false values for them. */
const LIES = [
  0,
  1,
  15,
  16,
  17,
  254,
  255,
  256,
  259,
  267,
  275,
  415,
  0x7fff_ffff,
  0xffff_fff0,
  0xffff_ffff,
];
const PROFILES: readonly (Profile | undefined)[] = [undefined, ...Object.values(OBSERVED_PROFILES)];

/** The bytes that each recorded client sent, all its connections in a row. */
export function recordedStreams(): Bytes[] {
  return PEERS.flatMap((peer) => loadRecordings(peer)).map(({ earlier, entries }) =>
    concatBytes(
      ...[...earlier, ...entries].filter(({ dir }) => dir === "c2s").map(({ bytes }) => bytes),
    )
  );
}

/** A generator of numbers that is the same for the same seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `sides`. */
  roll(sides: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.roll(items.length)] as T;
  }
}

type Mutation = (dice: Dice, bytes: Bytes, streams: readonly Bytes[]) => Bytes;

const MUTATIONS: readonly Mutation[] = [
  // Bits flipped.
  (dice, bytes) => {
    for (let count = 1 + dice.roll(8); count > 0; count--) {
      const at = dice.roll(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.roll(8));
    }
    return bytes;
  },
  // Cut off.
  (dice, bytes) => bytes.subarray(0, dice.roll(bytes.length + 1)),
  // False lengths: the payload size of the first header, or four bytes anywhere.
  (dice, bytes) => {
    const at = dice.roll(2) === 0 ? 19 : dice.roll(bytes.length);
    if (at + 4 <= bytes.length) new DataView(bytes.buffer).setUint32(at, dice.pick(LIES), true);
    return bytes;
  },
  // The start of one, the end of another.
  (dice, bytes, streams) => {
    const other = dice.pick(streams);
    return concatBytes(
      bytes.subarray(0, dice.roll(bytes.length + 1)),
      other.subarray(dice.roll(other.length + 1)),
    );
  },
  // A part removed.
  (dice, bytes) => {
    const from = dice.roll(bytes.length + 1);
    return concatBytes(bytes.subarray(0, from), bytes.subarray(from + dice.roll(64)));
  },
];

/**
 * Feeds one mutated recording, chosen by the seed, to the parsers. Throws any error that is not a `ProtocolError`, or
 * if the parsers return more than they were given, or loop. Returns whether the input was refused.
 */
export function fuzzOnce(seed: number, streams: readonly Bytes[]): boolean {
  const dice = new Dice(seed);
  // The client's bytes from some message on, since most errors are not in the first one.
  let input = dice.pick(streams);
  for (let count = 1 + dice.roll(3); count > 0 && input.length > 0; count--) {
    input = dice.pick(MUTATIONS)(dice, input.slice(), streams);
  }
  try {
    feed(dice, input);
    return false;
  } catch (error) {
    if (error instanceof ProtocolError) return true;
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`, {
      cause: error,
    });
  }
}

function feed(dice: Dice, input: Bytes): void {
  const session = new ServerSession(served(dice));
  let packets: PacketSequence | undefined;
  let given = 0;
  let content = 0;
  for (let events = 0;; events++) {
    if (events > MAX_EVENTS) throw new Error("the parsers loop");
    const event = session.next();
    switch (event.type) {
      case "wait": {
        if (event.isComplete && dice.roll(2) === 0) {
          session.endPart();
          break;
        }
        if (given === input.length) return;
        const size = 1 + dice.roll(dice.pick([1, 50, 5000, 100_000]));
        session.push(input.subarray(given, given + size));
        given = Math.min(input.length, given + size);
        break;
      }
      case "identify":
        session.identify(dice.pick(PROFILES));
        break;
      case "send":
        break;
      case "part":
        if ((event.request.packetNumber ?? 1) === 1) packets = new PacketSequence(event.request);
        else packets?.continue(event.request);
        break;
      case "content":
        packets?.take(event.bytes);
        content += event.bytes.length;
        if (content > given) throw new Error("the parsers return more than they were given");
        break;
      case "partEnd":
        if (packets?.endPacket(event.request) ?? true) session.reply(RESPONSE);
        else session.proceed();
        break;
      case "request":
        session.reply(RESPONSE);
    }
  }
}

function served(dice: Dice): readonly Edition[] {
  const some = EDITIONS.filter(() => dice.roll(2) === 0);
  return some.length > 0 ? some : EDITIONS;
}
