/**
 * The order of names in a server's list: that of the UTF-8 of their NFC.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** UTF-16 and UTF-8 order these units otherwise: surrogates, and what follows them. */
const HIGH = /[\ud800-\uffff]/;

/** Compares names that are already in the form in which servers compare them. */
export function compareForms(a: string, b: string): number {
  if (a === b) return 0;
  if (HIGH.test(a) && HIGH.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}
