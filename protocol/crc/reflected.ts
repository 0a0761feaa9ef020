/**
 * The CRC-32 of POSIX cksum by the native one of zlib. That is of the same polynomial, but reflected: it takes the
 * least significant bit of each byte first. So the bits of each byte are reversed for it, and those of the remainder.
 *
 * @module
 */
import process from "node:process";
import { bySlicing } from "./slicing.ts";
import type { Engine } from "./table.ts";
import { REVERSE_BITS } from "./reverse_bits.ts";

/** Bytes that are reversed at once: few enough to be in the processor's first cache when zlib comes to them. */
const BLOCK_SIZE = 16 * 1024;

/**
 * The highest bit of what zlib's is begun with, which is kept from it: once V8 has optimised the call, that of Deno
 * 2.4.2 takes numbers with this bit for others.
 */
const TOP = 0x8000_0000;
/** What that bit comes to behind a block. A CRC is linear, so that it can be added afterwards. */
const TOP_CARRIED = reverse32(bySlicing(reverse32(TOP), new Uint8Array(BLOCK_SIZE)));

/** An engine, or `undefined` where WebAssembly lacks what it takes: relaxed SIMD. */
export function createReflected(isSupported = WebAssembly.validate): Engine | undefined {
  const code = Uint8Array.from(atob(REVERSE_BITS), (char) => char.charCodeAt(0));
  if (!isSupported(code)) return undefined;
  // Loaded when it is used: the modules of Node take longer to load than a small file to be summed up.
  const { crc32 } = process.getBuiltinModule("node:zlib");
  const { memory, reverseBits } = new WebAssembly.Instance(new WebAssembly.Module(code))
    .exports as {
      readonly memory: WebAssembly.Memory;
      readonly reverseBits: (size: number) => void;
    };
  const block = new Uint8Array(memory.buffer, 0, BLOCK_SIZE);
  return (remainder, bytes) => {
    // zlib complements its argument and its result.
    let value = ~reverse32(remainder) >>> 0;
    const whole = bytes.length - bytes.length % BLOCK_SIZE;
    for (let at = 0; at < whole; at += BLOCK_SIZE) {
      block.set(bytes.subarray(at, at + BLOCK_SIZE));
      reverseBits(BLOCK_SIZE);
      const next = crc32(block, value & ~TOP);
      value = value < TOP ? next : (next ^ TOP_CARRIED) >>> 0;
    }
    return bySlicing(reverse32(~value), bytes.subarray(whole));
  };
}

let engine: Engine | undefined;

/** The fastest engine that there is. */
export const fastest: Engine = (remainder, bytes) => {
  engine ??= createReflected() ?? bySlicing;
  return engine(remainder, bytes);
};

/** The bits of a 32-bit number, the last first. */
function reverse32(number: number): number {
  let bits = number;
  bits = ((bits >>> 1) & 0x5555_5555) | ((bits & 0x5555_5555) << 1);
  bits = ((bits >>> 2) & 0x3333_3333) | ((bits & 0x3333_3333) << 2);
  bits = ((bits >>> 4) & 0x0f0f_0f0f) | ((bits & 0x0f0f_0f0f) << 4);
  bits = ((bits >>> 8) & 0x00ff_00ff) | ((bits & 0x00ff_00ff) << 8);
  return ((bits >>> 16) | (bits << 16)) >>> 0;
}
