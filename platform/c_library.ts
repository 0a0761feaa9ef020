/**
 * The C library of Linux that Deno itself is linked with, for calls that Deno does not offer or that cost more through
 * it. No other file loads a library.
 *
 * @module
 */

const LIBC = "libc.so.6";

/**
 * Opens functions of the library, until the program ends. `undefined` where this system or the permissions of the
 * program allow none.
 */
export function openCLibrary<const C extends Deno.ForeignLibraryInterface>(
  calls: C,
): Deno.StaticForeignLibraryInterface<C> | undefined {
  if (Deno.build.os !== "linux") return undefined;
  // Loading a library without the permission would prompt the user.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  try {
    return Deno.dlopen(LIBC, calls).symbols;
  } catch {
    return undefined;
  }
}
