/**
 * From the field of a file's name to the name under which the file is kept.
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import { decodeTextField } from "./text_field.ts";

/**
 * The name under which a file is kept, from the field that a client sent: the last component of a path of either
 * kind, in Unicode's composed form (NFC), so that names that look alike are alike. It may have a `nameFault`.
 */
export function storedName(field: Bytes): string {
  return decodeTextField(field).replace(/^.*[/\\]/s, "").normalize("NFC");
}
