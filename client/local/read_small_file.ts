/**
 * Reads small files safely, whatever is at their path.
 *
 * @module
 */
import { ConfigurationError, reasonOf, StorageError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";

/** The most bytes of a small file. An identity with its key has about 900. */
export const MAX_SMALL_FILE = 16 * 1024;

/**
 * Returns the text of a small file, or `undefined` if it does not exist. Reads in this thread: passing a small file from
 * another thread takes longer than reading it. Throws `StorageError` `cannot-read`, and `ConfigurationError`
 * `oversized-file`.
 */
// deno-lint-ignore require-await
export async function readTextFileIfThere(path: string): Promise<string | undefined> {
  try {
    refusePipe(path);
    using file = Deno.openSync(path, { read: true });
    return readSmall((buffer) => file.readSync(buffer), path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cannotRead(path, cause);
  }
}

/** Throws if a pipe is at a path. To open one, the thread would wait until another program writes to it. */
export function refusePipe(path: string): void {
  if (Deno.statSync(path).isFifo) throw new Error("it is a pipe");
}

/**
 * Returns the text of an open small file. Does not rely on its reported size. `read`: reads some bytes into a buffer and
 * returns their number; 0 or `null` at the end. Throws `ConfigurationError` `oversized-file`.
 */
export function readSmall(read: (buffer: Uint8Array) => number | null, path: string): string {
  const buffer = new Uint8Array(MAX_SMALL_FILE + 1);
  let filled = 0;
  while (filled < buffer.length) {
    const size = read(buffer.subarray(filled));
    if (!size) return new TextDecoder().decode(buffer.subarray(0, filled));
    filled += size;
  }
  throw new ConfigurationError(
    "oversized-file",
    `${printable(path)} is not a file of xfer's: it is larger than ${MAX_SMALL_FILE} bytes`,
    { hint: "Move it away." },
  );
}

/** The beginning of a hint for a file that exists but cannot be read. */
export const READABLE = "Check that it is a file and that you may read it";

/** A `StorageError` `cannot-read`; or the cause, if it is already an `XferError`. */
export function cannotRead(path: string, cause: unknown, hint = `${READABLE}.`): XferError {
  if (cause instanceof XferError) return cause;
  const reason = whyUnreadable(cause);
  return new StorageError("cannot-read", `cannot read ${printable(path)}: ${reason}`, {
    hint,
    cause,
  });
}

/** The reason in an error, to follow the path. */
function whyUnreadable(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "no such file";
  return reasonOf(cause);
}
