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
 * Returns the text of a small file, or `undefined` if it does not exist. Throws `StorageError` `cannot-read`, and
 * `ConfigurationError` `oversized-file`.
 */
export async function readTextFileIfThere(path: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path, { read: true });
    return await readSmall(file, path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cannotRead(path, cause);
  }
}

/**
 * Returns the text of an open small file. Does not rely on its reported size. Throws `ConfigurationError`
 * `oversized-file`.
 */
export async function readSmall(
  file: { read(buffer: Uint8Array): Promise<number | null> },
  path: string,
): Promise<string> {
  const buffer = new Uint8Array(MAX_SMALL_FILE + 1);
  let filled = 0;
  while (filled < buffer.length) {
    const size = await file.read(buffer.subarray(filled));
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
