/**
 * Memory of streams. Pieces of a file are of no use after a moment, and left to the garbage collector they pile up to
 * many times what is alive: each new one is then of memory that the system has to find and clear, which costs more
 * than AES does.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";

/**
 * Gives the memory of bytes that nobody needs any more back at once; they are empty from then on, and so is all that
 * shares their buffer.
 */
export function release(bytes: Bytes): void {
  // What is empty may be shared, or given back already.
  if (bytes.length > 0) bytes.buffer.transfer(0);
}

/**
 * The size of one allocation, in bytes, beyond which glibc's allocator asks the system each time; it takes it from the
 * largest that was given back, and keeps twice as much free memory at hand (mallopt(3), M_MMAP_THRESHOLD).
 */
const KEPT_SIZE = 8 * 1024 * 1024;

/**
 * Sees to it that memory which is given back is kept for the next piece rather than returned to the system. Where the
 * allocator is another than glibc's it does no harm: nothing is written to what it allocates.
 */
export function keepFreedMemory(): void {
  new ArrayBuffer(KEPT_SIZE).transfer(0);
}
