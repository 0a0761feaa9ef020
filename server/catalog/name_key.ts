/**
 * The form in which names are compared.
 *
 * @module
 */

/** The form of a name in which it is compared and ordered, by code points: Unicode normalization form C. */
export function nameKey(name: string): string {
  return name.normalize("NFC");
}
