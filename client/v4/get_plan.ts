/**
 * Compares the entries of the server with what is at their local paths, and decides what to download.
 *
 * @module
 */
import { throwIfAborted } from "../../protocol/abort.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import type { XferError } from "../../protocol/errors.ts";
import { digestChunk, MerkleTree } from "../../protocol/v4/merkle_tree.ts";
import { MAX_PACKED_SIZE } from "../../protocol/v4/pack.ts";
import { overwritable } from "../local/atomic_file.ts";
import { ContentComparison } from "../local/content_comparison.ts";
import { findSame } from "../local/find_unchanged.ts";
import { exists } from "../local/partial_file.ts";
import { SourceFile } from "../local/source_file.ts";
import { readLink } from "../local/target_link.ts";
import type { TargetTree } from "../local/target_tree.ts";
import { wantedBytes } from "./file_download.ts";
import { folderOf, type GetItem } from "./get_item.ts";
import { type GetItems, STATES } from "./get_items.ts";
import type { GetOptions } from "./get_options.ts";
import { failureOf } from "./get_outcomes.ts";
import { checkSize, type RemoteFile } from "./remote_file.ts";

/** What to do with the entries of a run. Small files, and what is the same here, only have a state in the items. */
export interface GetPlan {
  /** Folders to create, each after the one above it. */
  readonly folders: readonly GetItem[];
  /** Files that are downloaded by themselves. */
  readonly files: readonly GetItem[];
  readonly links: readonly GetItem[];
  /** The number of small files. */
  readonly small: number;
  /** The number of items that are the same here. */
  readonly same: number;
  /** The bytes to download. */
  readonly bytes: number;
}

/** How an entry compares with what is at its path. A file of the same size is `alike` until its content is read. */
type Verdict = "missing" | "same" | "alike" | "other";

/** The time, in milliseconds, after which signals and other work get their turn. */
const SLICE_MS = 20;

/**
 * Decides what to do with each item, and reads existing files to compare them. `onBlocked` is called with each item
 * that cannot be written. Throws `InterruptedError` after an abort.
 */
export async function planItems(
  items: GetItems,
  tree: TargetTree,
  options: GetOptions,
  onBlocked: (item: GetItem, error: XferError) => void,
): Promise<GetPlan> {
  const planner = new Planner(items, tree, options, onBlocked);
  await planner.run();
  return planner;
}

class Planner implements GetPlan {
  readonly folders: GetItem[] = [];
  readonly files: GetItem[] = [];
  readonly links: GetItem[] = [];
  small = 0;
  same = 0;
  bytes = 0;
  readonly #items: GetItems;
  readonly #tree: TargetTree;
  readonly #options: GetOptions;
  readonly #onBlocked: (item: GetItem, error: XferError) => void;
  readonly #comparison = new ContentComparison(MAX_PACKED_SIZE);
  /** Files of the same size that are too large to be compared at once. */
  readonly #alike: { item: GetItem; file: SourceFile; known: RemoteFile }[] = [];
  /** Bytes that were compared. */
  #compared = 0;

  constructor(
    items: GetItems,
    tree: TargetTree,
    options: GetOptions,
    onBlocked: (item: GetItem, error: XferError) => void,
  ) {
    this.#items = items;
    this.#tree = tree;
    this.#options = options;
    this.#onBlocked = onBlocked;
  }

  async run(): Promise<void> {
    const { connect: { signal } } = this.#options;
    let sliceEnd = performance.now() + SLICE_MS;
    for (const item of this.#items.inState(STATES.listed)) {
      const error = await failureOf(() => this.#plan(item));
      if (error !== undefined) this.#onBlocked(item, error);
      if (performance.now() < sliceEnd) continue;
      if (this.#compared > 0) this.#report(0);
      await new Promise((resolve) => setTimeout(resolve));
      throwIfAborted(signal);
      sliceEnd = performance.now() + SLICE_MS;
    }
    const unchanged = await findSame(this.#alike, {
      onCompared: (done) => this.#report(done),
      signal,
    });
    for (const candidate of this.#alike) {
      if (unchanged.has(candidate)) this.#keep(candidate.item);
      else this.#overwrite(candidate.item);
    }
    // Servers list a folder before what is in it; named ones can come in any order.
    this.folders.sort((a, b) => a.target.length - b.target.length);
  }

  #report(more: number): void {
    const [done, total] = [this.#compared + more, this.#items.bytes];
    this.#options.connect.onEvent?.({ type: "comparing", done, total });
  }

  async #plan(item: GetItem): Promise<void> {
    const { file, target } = item;
    checkSize(file);
    const folder = folderOf(item);
    const hasFolder = this.#tree.known(folder) ?? await this.#tree.check(folder);
    if (!hasFolder || this.#tree.isReplaced(target)) return this.#write(item);
    if (file.entry === "folder") return this.#keep(item);
    const { verdict, info } = await compare(item, this.#options.range !== undefined);
    switch (verdict) {
      case "missing":
        return this.#write(item);
      case "same":
        return this.#keep(item);
      case "other":
        return this.#overwrite(item);
      case "alike":
        if (file.size > MAX_PACKED_SIZE) {
          this.#alike.push({ item, file: SourceFile.found(target, info), known: file });
          return;
        }
        this.#compared += file.size;
        if (this.#comparison.isSame(target, file)) this.#keep(item);
        else this.#overwrite(item);
    }
  }

  #keep(item: GetItem): void {
    this.same++;
    this.#items.setState(item, STATES.same);
  }

  #overwrite(item: GetItem): void {
    if (this.#options.force === true) this.#write(item);
    else this.#onBlocked(item, exists(item.target));
  }

  #write(item: GetItem): void {
    const { file, file: { entry }, collisions } = item;
    const { range } = this.#options;
    if (entry === "file") this.bytes += wantedBytes(file, range);
    // Whether two names are the same local file shows only when the first one exists.
    const isSmall = entry === "file" && file.size <= MAX_PACKED_SIZE && range === undefined &&
      collisions === undefined;
    this.#items.setState(item, isSmall ? STATES.small : STATES.single);
    if (isSmall) this.small++;
    else if (entry === "file") this.files.push(item);
    else (entry === "link" ? this.links : this.folders).push(item);
  }
}

type Comparison =
  | { readonly verdict: Exclude<Verdict, "alike">; readonly info?: undefined }
  | { readonly verdict: "alike"; readonly info: Deno.FileInfo };

/** Compares a file or link. Throws `UsageError` `target-exists` if something is there that is never overwritten. */
async function compare({ file, target }: GetItem, isRange: boolean): Promise<Comparison> {
  const info = overwritable(target);
  if (info === undefined) return { verdict: "missing" };
  if (file.entry === "link") {
    const there = info.isSymlink ? await readLink(target) : undefined;
    return { verdict: there !== undefined && hasContent(file, there) ? "same" : "other" };
  }
  const isAlike = !isRange && info.isFile && info.size === file.size;
  return isAlike ? { verdict: "alike", info } : { verdict: "other" };
}

/** Whether the content of a small entry is this text. */
function hasContent({ size, digest }: RemoteFile, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length !== size) return false;
  const tree = new MerkleTree();
  tree.add(digestChunk(bytes));
  return equalBytes(tree.digest, digest);
}
