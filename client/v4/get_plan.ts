/**
 * Compares the entries of the server with what is at their local paths, and decides what to download.
 *
 * @module
 */
import type { XferError } from "../../protocol/errors.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { digestChunk, MerkleTree } from "../../protocol/v4/merkle_tree.ts";
import { overwritable } from "../local/atomic_file.ts";
import { findSame } from "../local/find_unchanged.ts";
import { exists } from "../local/partial_file.ts";
import { SourceFile } from "../local/source_file.ts";
import { readLink } from "../local/target_link.ts";
import type { TargetTree } from "../local/target_tree.ts";
import { folderOf, type GetItem } from "./get_item.ts";
import type { GetOptions } from "./get_options.ts";
import { failureOf } from "./get_outcomes.ts";
import { checkSize, type RemoteFile } from "./remote_file.ts";

/** What to do with each entry of a run. */
export interface GetPlan {
  /** Folders to create, each after the one above it. */
  readonly folders: readonly GetItem[];
  readonly files: readonly GetItem[];
  readonly links: readonly GetItem[];
  /** Entries whose target has the same content. */
  readonly same: readonly GetItem[];
  /** Entries that cannot be written, and the reasons. */
  readonly blocked: ReadonlyMap<GetItem, XferError>;
}

/** How an entry compares with what is at its path. A file of the same size is `alike` until its content is read. */
type Verdict = "missing" | "same" | "alike" | "other";

/**
 * Decides what to do with each entry, and reads existing files to compare them. Throws `InterruptedError` after an
 * abort.
 */
export async function planItems(
  items: readonly GetItem[],
  tree: TargetTree,
  { connect: { signal, onEvent }, range, force = false }: GetOptions,
): Promise<GetPlan> {
  const wanted = { folder: [] as GetItem[], file: [] as GetItem[], link: [] as GetItem[] };
  const same: GetItem[] = [];
  const blocked = new Map<GetItem, XferError>();
  const alike: { item: GetItem; file: SourceFile; known: RemoteFile }[] = [];
  const write = (item: GetItem) => void wanted[item.file.entry].push(item);
  const overwrite = (item: GetItem) => force ? write(item) : blocked.set(item, exists(item.target));
  for (const item of items) {
    const error = item.fault ?? await failureOf(async () => {
      checkSize(item.file);
      const { verdict, info } = await compare(item, tree, range !== undefined);
      if (verdict === "missing") write(item);
      else if (verdict === "same") same.push(item);
      else if (verdict === "other") overwrite(item);
      else if (info) {
        alike.push({ item, file: SourceFile.found(item.target, info), known: item.file });
      }
    });
    if (error !== undefined) blocked.set(item, error);
  }
  const onCompared = (done: number, total: number) => onEvent?.({ type: "comparing", done, total });
  const unchanged = await findSame(alike, { onCompared, signal });
  for (const candidate of alike) {
    if (unchanged.has(candidate)) same.push(candidate.item);
    else overwrite(candidate.item);
  }
  // Servers list a folder before what is in it; named ones can come in any order.
  wanted.folder.sort((a, b) => a.target.length - b.target.length);
  return { folders: wanted.folder, files: wanted.file, links: wanted.link, same, blocked };
}

/** Throws as `TargetTree.check` does; `UsageError` `target-exists` if something is there that is never overwritten. */
async function compare(
  item: GetItem,
  tree: TargetTree,
  isRange: boolean,
): Promise<{ readonly verdict: Verdict; readonly info?: Deno.FileInfo }> {
  const { file, target } = item;
  const hasFolder = await tree.check(folderOf(item));
  if (!hasFolder || tree.isReplaced(target)) return { verdict: "missing" };
  if (file.entry === "folder") return { verdict: "same" };
  const info = await overwritable(target);
  if (info === undefined) return { verdict: "missing" };
  if (file.entry === "link") {
    const there = info.isSymlink ? await readLink(target) : undefined;
    return { verdict: there !== undefined && hasContent(file, there) ? "same" : "other" };
  }
  const isAlike = !isRange && info.isFile && info.size === file.size;
  return { verdict: isAlike ? "alike" : "other", info };
}

/** Whether the content of a small entry is this text. */
function hasContent({ size, digest }: RemoteFile, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length !== size) return false;
  const tree = new MerkleTree();
  tree.add(digestChunk(bytes));
  return equalBytes(tree.digest, digest);
}
