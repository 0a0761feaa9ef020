/**
 * A gap between the stored names of an account. New names that ascend within it need no look-up.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { Database } from "../database.ts";
import { below } from "../../name_ranges.ts";

/** SQLite orders these units of UTF-16 otherwise: surrogates, and what follows them. */
const HIGH = /[\ud800-\uffff]/;
const NEXT = "SELECT name FROM files WHERE client_id = ? AND name > ? ORDER BY name LIMIT 1";

export class NameGap {
  readonly #database: Database;
  readonly #accountId: Bytes;
  /** The names before and after the gap. */
  #before: string | undefined;
  #after: string | undefined;

  constructor(database: Database, accountId: Bytes) {
    this.#database = database;
    this.#accountId = accountId;
  }

  /** Whether no version of a name is stored, and nothing below it. `false` if that is not known. */
  isFree(name: string): boolean {
    if (this.#before === undefined || name <= this.#before || HIGH.test(name)) return false;
    return this.#after === undefined || below(name).end <= this.#after;
  }

  /** Begins the gap after a name that is being stored. */
  beginAfter(name: string): void {
    if (!this.isFree(name)) {
      const next = this.#database.get(NEXT, this.#accountId, name);
      this.#after = next?.["name"] as string | undefined;
    }
    this.#before = name;
  }
}
