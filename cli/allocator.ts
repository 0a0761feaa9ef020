/**
 * The memory allocator of the program, glibc's on most Linux systems.
 *
 * @module
 */

/** The C library of Linux that Deno itself is linked with. */
const LIBC = "libc.so.6";
/** mallopt(3), of glibc only. */
const CALLS = {
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
const M_ARENA_MAX = -8;

/**
 * Makes all threads share one pool of free memory. By default, each thread gets one of its own, which keeps what the
 * thread has once used. In a server, that is 30 MiB. Does nothing without glibc or the permission to load a library.
 */
export function shareFreeMemory(): void {
  if (Deno.build.os !== "linux") return;
  // Loading a library without the permission would prompt the user.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return;
  try {
    const library = Deno.dlopen(LIBC, CALLS);
    library.symbols.mallopt(M_ARENA_MAX, 1);
    library.close();
  } catch {
    // Another C library.
  }
}
