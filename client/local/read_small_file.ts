/**
 * Reading small files, whatever is in their place.
 *
 * @module
 */
import { ConfigurationError, reasonOf, StorageError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";

/** A small file holds at most so many bytes: an identity with its key takes about 900. */
export const MAX_SMALL_FILE = 16 * 1024;

/**
 * The text of a small file, or `undefined` where there is none. Throws `StorageError` `cannot-read`, and
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

/** The text of an open small file, whatever its size is said to be. Throws `ConfigurationError` `oversized-file`. */
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
    `${printable(path)} has more than ${MAX_SMALL_FILE} bytes; it can't be a file of xfer's`,
    { hint: "Move it away." },
  );
}

/** How a hint begins for what is there and can't be read. */
export const READABLE = "See that it is a file, and that you may read it";

/** A `StorageError` `cannot-read`, or what xfer itself has said of it. */
export function cannotRead(path: string, cause: unknown, hint = `${READABLE}.`): XferError {
  if (cause instanceof XferError) return cause;
  const reason = whyUnreadable(cause);
  return new StorageError("cannot-read", `Cannot read ${printable(path)}: ${reason}`, {
    hint,
    cause,
  });
}

/** Why something can't be read, as it is said behind its path. */
function whyUnreadable(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "there is none";
  return reasonOf(cause);
}
