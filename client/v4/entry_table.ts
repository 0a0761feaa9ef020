/**
 * The entries of a run in order, encoded as in a list, so that each takes little more memory than its name.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { EntriesReader, EntriesWriter } from "../../protocol/v4/entries.ts";
import type { RemoteFile } from "./remote_file.ts";

/** The size of the encoded entries that are kept together, in bytes. */
const SEGMENT = 256 * 1024;

/** What is known of an entry: its index, from 0, the entry, and its group. */
export interface TableRow<G> {
  readonly index: number;
  readonly file: RemoteFile;
  readonly group: G;
}

/** `G`: what entries that were added one after another have in common. `S`: the state of an entry, a number of 8 bits. */
export class EntryTable<G, S extends number> {
  readonly #initial: S;
  readonly #full: Bytes[] = [];
  readonly #writer = new EntriesWriter(SEGMENT);
  /** The index of the first entry of each group. */
  readonly #groups: { readonly from: number; readonly group: G }[] = [];
  #states = new Uint8Array(64);
  #count = 0;

  constructor(initial: S) {
    this.#initial = initial;
  }

  /** The number of entries. */
  get count(): number {
    return this.#count;
  }

  add(file: RemoteFile, group: G, state: S = this.#initial): void {
    if (this.#writer.size >= SEGMENT || !this.#writer.add(file)) {
      this.#full.push(this.#writer.payload.slice());
      this.#writer.reset();
      this.#writer.add(file);
    }
    if (this.#groups.at(-1)?.group !== group) this.#groups.push({ from: this.#count, group });
    if (this.#count === this.#states.length) {
      const states = new Uint8Array(2 * this.#count);
      states.set(this.#states);
      this.#states = states;
    }
    this.#states[this.#count++] = state;
  }

  stateOf(index: number): S {
    return this.#states[index] as S;
  }

  setState(index: number, state: S): void {
    this.#states[index] = state;
  }

  /** The entries in the order in which they were added, or only those in one state when they are reached. */
  *rows(state?: S): Generator<TableRow<G>, void, void> {
    let [index, next] = [0, 0];
    const last = this.#writer.count === 0 ? [] : [this.#writer.payload.slice()];
    for (const segment of [...this.#full, ...last]) {
      const reader = new EntriesReader(segment);
      for (; reader.next(); index++) {
        if (this.#groups[next]?.from === index) next++;
        if (state !== undefined && this.#states[index] !== state) continue;
        const { group } = this.#groups[next - 1] as { readonly group: G };
        yield { index, file: reader.fileInPlace, group };
      }
    }
  }
}
