/**
 * Writes past the page cache of Linux, through the C library. A large download is not read again at once, and copying it
 * into the cache takes longer than the network does: finding memory for its pages, filling them, and writing them to
 * the disk later.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { openCLibrary } from "../../platform/c_library.ts";
import { OPEN, PathBuffer } from "./c_arguments.ts";

/** Offsets, sizes and addresses of direct writes are multiples of this, the largest block of common disks, in bytes. */
export const BLOCK_SIZE = 4096;

/** The most bytes of one write. */
const BUFFER_SIZE = 1024 * 1024;

/** open(2), pwrite(2), close(2). */
const CALLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // The call ends when the disk has the bytes.
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize", nonblocking: true },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** O_DIRECT and O_NOFOLLOW of open(2). */
const DIRECT: Partial<Record<typeof Deno.build.arch, number>> = {
  x86_64: 0o40000 | 0o400000,
  aarch64: 0o200000 | 0o100000,
};

const symbols = openCLibrary(CALLS);

/** The functions of the library. Tests replace them. */
export type DirectCalls = Deno.StaticForeignLibraryInterface<typeof CALLS>;

/** `undefined` where this system or the permissions of the program allow no such calls. */
export const directCalls: DirectCalls | undefined = symbols && { ...symbols };

/** An existing file that is written directly. One write at a time. */
export class DirectWrites implements Disposable {
  readonly #calls: DirectCalls;
  readonly #file: number;
  readonly #buffer = alignedBuffer();

  private constructor(calls: DirectCalls, file: number) {
    this.#calls = calls;
    this.#file = file;
  }

  /** Returns `undefined` if the file cannot be written so: not all file systems can. */
  static open(path: string, calls = directCalls): DirectWrites | undefined {
    const direct = DIRECT[Deno.build.arch];
    const name = new PathBuffer().of(path);
    if (calls === undefined || direct === undefined || name === undefined) return undefined;
    const file = calls.open(name, OPEN.writeOnly | OPEN.closeOnExec | direct);
    return file < 0 ? undefined : new DirectWrites(calls, file);
  }

  /**
   * Writes the whole blocks at the beginning of `bytes`, if the offset is one of a block. Returns how many bytes of them
   * were written; fewer after an error.
   */
  async write(offset: number, bytes: Bytes): Promise<number> {
    if (offset % BLOCK_SIZE !== 0) return 0;
    const whole = bytes.length - bytes.length % BLOCK_SIZE;
    let done = 0;
    while (done < whole) {
      const piece = bytes.subarray(done, Math.min(whole, done + this.#buffer.length));
      this.#buffer.set(piece);
      const written = await this.#calls.pwrite(
        ...[this.#file, this.#buffer, BigInt(piece.length), BigInt(offset + done)] as const,
      );
      if (Number(written) !== piece.length) break;
      done += piece.length;
    }
    return done;
  }

  [Symbol.dispose](): void {
    this.#calls.close(this.#file);
  }
}

function alignedBuffer(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(BUFFER_SIZE + BLOCK_SIZE);
  const address = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
  const begin = Number(-address & BigInt(BLOCK_SIZE - 1));
  return bytes.subarray(begin, begin + BUFFER_SIZE);
}
