/**
 * The CRC-32 of POSIX cksum, computed by the native one of zlib. It has the same polynomial, but reflected: it takes
 * the least significant bit of each byte first. So the bits of each byte, and those of the remainder, are reversed for
 * it.
 *
 * @module
 */
import { builtinModule } from "../builtin_module.ts";
import { bySlicing } from "./slicing.ts";
import { byTable, type Engine } from "./table.ts";
import { REVERSE_BITS } from "./reverse_bits.ts";

/** Bytes that are reversed at once: few enough to be in the processor's first cache when zlib reads them. */
const BLOCK_SIZE = 16 * 1024;
/** The size of a remainder in bytes. */
const REGISTER_SIZE = 4;

/** Creates the engine. Returns `undefined` if WebAssembly lacks relaxed SIMD, which it requires. */
export function createReflected(isSupported = WebAssembly.validate): Engine | undefined {
  const code = Uint8Array.from(atob(REVERSE_BITS), (char) => char.charCodeAt(0));
  if (!isSupported(code)) return undefined;
  // Loaded on first use: Node's modules take longer to load than a small file takes to sum.
  const { crc32 } = builtinModule("node:zlib");
  const { memory, reverseBits } = new WebAssembly.Instance(new WebAssembly.Module(code))
    .exports as {
      readonly memory: WebAssembly.Memory;
      readonly reverseBits: (size: number) => void;
    };
  const block = new Uint8Array(memory.buffer, 0, BLOCK_SIZE);
  return (remainder, bytes) => {
    let register = remainder;
    for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
      const piece = bytes.subarray(at, at + BLOCK_SIZE);
      if (piece.length < REGISTER_SIZE) return byTable(register, piece);
      block.set(piece);
      // The remainder so far goes into the first bytes, not into zlib's second argument: compiled code of Deno 2.4.2
      // replaces any number above 0x7fffffff by that. zlib's own register starts with all ones.
      for (let i = 0; i < REGISTER_SIZE; i++) {
        block[i] = (block[i] as number) ^ (~register >>> (24 - 8 * i));
      }
      reverseBits(piece.length);
      register = reverse32(~crc32(block.subarray(0, piece.length)));
    }
    return register >>> 0;
  };
}

let engine: Engine | undefined;

/** The fastest available engine. */
export const fastest: Engine = (remainder, bytes) => {
  engine ??= createReflected() ?? bySlicing;
  return engine(remainder, bytes);
};

/** Reverses the bits of a 32-bit number. */
function reverse32(number: number): number {
  let bits = number;
  bits = ((bits >>> 1) & 0x5555_5555) | ((bits & 0x5555_5555) << 1);
  bits = ((bits >>> 2) & 0x3333_3333) | ((bits & 0x3333_3333) << 2);
  bits = ((bits >>> 4) & 0x0f0f_0f0f) | ((bits & 0x0f0f_0f0f) << 4);
  bits = ((bits >>> 8) & 0x00ff_00ff) | ((bits & 0x00ff_00ff) << 8);
  return ((bits >>> 16) | (bits << 16)) >>> 0;
}
