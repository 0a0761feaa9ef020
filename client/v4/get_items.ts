/**
 * The entries of a run, with their local paths and how far the run is with each. An entry takes little more memory than
 * its name.
 *
 * @module
 */
import { CaseCollisions } from "../local/case_collisions.ts";
import { FoldedPaths, keyOf } from "../local/folded_paths.ts";
import { isPart, partPath } from "../local/partial_file.ts";
import { EntryTable, type TableRow } from "./entry_table.ts";
import { type GetItem, type Placement, sameTarget } from "./get_item.ts";
import { type RemoteFile, RESUMABLE_SIZE } from "./remote_file.ts";

/** The next step of the run for an item. */
export const STATES = {
  /** It is not compared with what is here yet. */
  listed: 0,
  /** Here is the same content. */
  same: 1,
  /** It is small, and downloaded together with others. */
  small: 2,
  /** It is a folder or a link, or downloaded by itself. */
  single: 3,
  /** It has a result. */
  concluded: 4,
  /** It is not downloaded, and a mirror keeps what is here. */
  skipped: 5,
} as const;

export type ItemState = (typeof STATES)[keyof typeof STATES];

export class GetItems {
  readonly #table = new EntryTable<Placement, ItemState>(STATES.listed);
  readonly #paths = new FoldedPaths();
  /** By the key of their path. */
  readonly #collisions = new Map<number, CaseCollisions>();
  /** Targets that may be the partial download of another item. */
  readonly #parts = new Set<string>();
  /** Names by target, if several sources can have the same targets. */
  readonly #byTarget: Map<string, string> | undefined;
  #bytes = 0;
  /** The number of items that are skipped, or were dropped. */
  #omitted = 0;

  /** `areOverlapping`: whether entries of several sources can have the same local path. */
  constructor(areOverlapping: boolean) {
    this.#byTarget = areOverlapping ? new Map() : undefined;
  }

  get count(): number {
    return this.#table.count - this.#omitted;
  }

  /** Bytes in all files. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds an entry whose name is valid, unless it was added before. Throws `UsageError` `same-name`. */
  add(file: RemoteFile, placement: Placement): void {
    const { name, entry, size } = file;
    const target = placement.targetOf(name);
    const other = this.#byTarget?.get(target);
    if (other === name) return;
    const clash = sameTarget(other, name, target);
    if (clash !== undefined) throw clash;
    this.#byTarget?.set(target, name);
    if (isPart(target)) this.#parts.add(target);
    if (this.#paths.add(target)) this.#collisions.set(keyOf(target), new CaseCollisions());
    if (entry === "file") this.#bytes += size;
    this.#table.add(file, placement);
  }

  /** Adds an entry that is not downloaded. */
  addSkipped(file: RemoteFile, placement: Placement): void {
    this.#table.add(file, placement, STATES.skipped);
    this.#omitted++;
  }

  /** Remembers how many items were added. Returns a function that drops all others that were added since. */
  mark(): () => void {
    const from = this.#table.count;
    return () => {
      for (const { index, file: { name, entry, size }, group } of this.#table.rows()) {
        if (index < from || this.#table.stateOf(index) === STATES.skipped) continue;
        this.#table.setState(index, STATES.concluded);
        this.#byTarget?.delete(group.targetOf(name));
        if (entry === "file") this.#bytes -= size;
        this.#omitted++;
      }
    };
  }

  setState({ index }: GetItem, state: ItemState): void {
    this.#table.setState(index, state);
  }

  /** The items, or only those in a state. Adding items meanwhile is not allowed. */
  *inState(state?: ItemState): Generator<GetItem, void, void> {
    for (const row of this.#table.rows(state)) yield this.#itemOf(row);
  }

  /** The numbers of the items that are in a state when they are reached. */
  *numbersInState(state: ItemState): Generator<number, void, void> {
    for (let index = 0; index < this.#table.count; index++) {
      if (this.#table.stateOf(index) === state) yield index;
    }
  }

  /** The item with a number of this run. */
  at(index: number): GetItem {
    return this.#itemOf(this.#table.row(index));
  }

  /** The items without a result. */
  *unfinished(): Generator<GetItem, void, void> {
    const { concluded, skipped } = STATES;
    for (const item of this.inState()) {
      const state = this.#table.stateOf(item.index);
      if (state !== concluded && state !== skipped) yield item;
    }
  }

  #itemOf({ index, file, group }: TableRow<Placement>): GetItem {
    const target = group.targetOf(file.name);
    return {
      ...{ index, file, target },
      collisions: this.#collisions.size === 0 ? undefined : this.#collisions.get(keyOf(target)),
      isResumable: file.size >= RESUMABLE_SIZE && !this.#parts.has(partPath(target)),
    };
  }
}
