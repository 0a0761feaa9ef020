/**
 * What a file may be called: a name that means one file on every system, and nothing to a terminal.
 *
 * @module
 */

/** Bytes of UTF-8 that a name has at most: what file systems take. */
export const MAX_FILE_NAME = 255;

/** Control characters (escapes among them), line separators, lone surrogates, and what turns the direction of writing. */
const DECEIVING = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
/** Devices of Windows, whatever follows behind a dot. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\.|$)/i;

/** Why a file may not have this name, in words that continue "its name …"; `undefined` if it may. */
export function nameFault(name: string): string | undefined {
  if (name === "" || name === "." || name === "..") return "is empty or names a folder";
  if (/[/\\\0]/.test(name)) return "contains a slash, a backslash or a NUL";
  if (DECEIVING.test(name)) return "contains control or bidirectional formatting characters";
  if (DEVICE.test(name)) return "is a device name on Windows";
  if (/[. ]$/.test(name)) return "ends with a dot or a space";
  if (new TextEncoder().encode(name).length > MAX_FILE_NAME) {
    return `is longer than ${MAX_FILE_NAME} bytes`;
  }
  return undefined;
}
