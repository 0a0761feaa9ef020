/**
 * Valid file names: a name that means the same file on every system and does nothing to a terminal.
 *
 * @module
 */

/** The longest name, in bytes of UTF-8: the limit of common file systems. */
const MAX_FILE_NAME = 255;

/**
 * Control characters (such as escape), line separators, lone surrogates, and characters that change the writing
 * direction.
 */
const DECEIVING = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
/** Device names of Windows, with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\.|$)/i;

/** Whether Windows takes a file of this name for a device, such as `con` or `nul.txt`. */
export function isDeviceName(name: string): boolean {
  return DEVICE.test(name);
}

/** The name of a folder, which may be written with slashes at its end, as shells complete it. `/` stays. */
export function withoutEndSlashes(name: string): string {
  return name.replace(/(?<=[^/])\/+$/, "");
}

/** Why a file must not have this name, to follow "its name"; `undefined` if it may. */
export function nameFault(name: string): string | undefined {
  if (name === "" || name === "." || name === "..") return "is empty, . or ..";
  if (/[/\\\0]/.test(name)) return "contains a slash, a backslash or a NUL";
  if (DECEIVING.test(name)) return "contains control or bidirectional formatting characters";
  if (isDeviceName(name)) return "is a device name on Windows";
  if (/[. ]$/.test(name)) return "ends with a dot or a space";
  if (new TextEncoder().encode(name).length > MAX_FILE_NAME) {
    return `is longer than ${MAX_FILE_NAME} bytes`;
  }
  return undefined;
}
