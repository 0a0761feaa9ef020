/**
 * Memory of streams. Pieces of a file are garbage after a moment. Left to the garbage collector, they pile up to many
 * times the memory in use, and the system must find and clear memory for each new piece, which costs more than AES
 * does.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";

/** Frees the memory of bytes at once. They are empty afterwards, as is everything that shares their buffer. */
export function release(bytes: Bytes): void {
  // An empty array may share its buffer, or be freed already.
  if (bytes.length > 0) bytes.buffer.transfer(0);
}

/**
 * The most bytes of one write to a file. For a larger write, Linux takes larger pieces of free memory, in which to keep
 * the file's content. A virtual machine has given most of those back to its host, and getting them again took ten times
 * as long as the write itself.
 */
export const WRITE_SIZE: number = 256 * 1024;

/**
 * The size, in bytes, above which glibc's allocator asks the system for each allocation. The allocator raises this
 * threshold to the largest freed size, and keeps twice as much free memory (mallopt(3), M_MMAP_THRESHOLD).
 */
const KEPT_SIZE = 8 * 1024 * 1024;

let isKept = false;

/**
 * Makes the allocator keep freed memory for the next piece instead of returning it to the system. Only the first call
 * does something, because the threshold holds for the whole process. Harmless with an allocator other than glibc's.
 */
export function keepFreedMemory(): void {
  if (isKept) return;
  isKept = true;
  new ArrayBuffer(KEPT_SIZE).transfer(0);
}
