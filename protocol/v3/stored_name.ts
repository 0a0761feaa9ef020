/**
 * Converts the field of a file's name to the name under which the file is stored.
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import { decodeTextField } from "./text_field.ts";

/**
 * The name under which a server stores a file, from the client's field: the last component of a path with `/` or `\\`,
 * in Unicode normalization form C (NFC). Check it with `nameFault`.
 */
export function storedName(field: Bytes): string {
  return decodeTextField(field).replace(/^.*[/\\]/s, "").normalize("NFC");
}
