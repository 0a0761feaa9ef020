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
  /** The index of the first entry of each segment; the last one is still written to. */
  readonly #firsts: number[] = [0];
  /** Where each entry begins in its segment. */
  #begins = new Uint32Array(64);
  /** A copy of the last segment, until it changes. */
  #last: Bytes | undefined;
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
    let begin = this.#writer.size;
    if (begin >= SEGMENT || !this.#writer.add(file)) {
      this.#full.push(this.#writer.payload.slice());
      this.#firsts.push(this.#count);
      this.#writer.reset();
      this.#writer.add(file);
      begin = 0;
    }
    this.#last = undefined;
    if (this.#groups.at(-1)?.group !== group) this.#groups.push({ from: this.#count, group });
    if (this.#count === this.#states.length) {
      this.#states = doubled(this.#states, new Uint8Array(2 * this.#count));
      this.#begins = doubled(this.#begins, new Uint32Array(2 * this.#count));
    }
    this.#begins[this.#count] = begin;
    this.#states[this.#count++] = state;
  }

  stateOf(index: number): S {
    return this.#states[index] as S;
  }

  setState(index: number, state: S): void {
    this.#states[index] = state;
  }

  /** The entry with an index. */
  row(index: number): TableRow<G> {
    const segment = lastUpTo(this.#firsts, index);
    const bytes = this.#full[segment] ?? this.#tail();
    const reader = new EntriesReader(bytes.subarray(this.#begins[index]));
    reader.next();
    const { group } = this.#groups.findLast(({ from }) => from <= index) as { readonly group: G };
    return { index, file: reader.fileInPlace, group };
  }

  /** The entries in the order in which they were added, or only those in one state when they are reached. */
  *rows(state?: S): Generator<TableRow<G>, void, void> {
    let [index, next] = [0, 0];
    const last = this.#writer.count === 0 ? [] : [this.#tail()];
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

  #tail(): Bytes {
    return this.#last ??= this.#writer.payload.slice();
  }
}

/** Copies an array into a longer one, and returns that. */
function doubled<A extends Uint8Array | Uint32Array>(array: A, longer: A): A {
  longer.set(array);
  return longer;
}

/** The position of the last number that is at most `index`. The numbers ascend, and the first is 0. */
function lastUpTo(numbers: readonly number[], index: number): number {
  let [low, high] = [0, numbers.length];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) <= index) low = middle;
    else high = middle;
  }
  return low;
}
