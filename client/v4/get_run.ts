/**
 * Carries out a download: files first, then links, which nothing in the run follows. The attributes of folders come
 * last, because they can make folders read-only.
 *
 * @module
 */
import { dirname } from "node:path";
import { throwIfAborted } from "../../protocol/abort.ts";
import { endsAll, XferError } from "../../protocol/errors.ts";
import { ReservedFiles } from "../identity/reserved_files.ts";
import { FileSync } from "../local/file_sync.ts";
import { FileThread } from "../local/file_thread.ts";
import { TargetAttributes } from "../local/target_attributes.ts";
import { TargetTree } from "../local/target_tree.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { folderOf, type GetItem } from "./get_item.ts";
import { STATES } from "./get_items.ts";
import type { GetListing } from "./get_listing.ts";
import type { GetOptions } from "./get_options.ts";
import { failureOf, type GetOutcomes, type ItemResult } from "./get_outcomes.ts";
import { type GetPlan, planItems } from "./get_plan.ts";
import { ItemDownloads } from "./item_downloads.ts";
import { deleteExtra, type ExtraEntries, type ExtraEntry, findExtra, kindsOf } from "./mirror.ts";

/** Entries that a mirror deletes in a local folder. */
interface FoundExtra extends ExtraEntries {
  readonly folder: string;
}

export class GetRun {
  readonly #pool: ConnectionPool;
  readonly #options: GetOptions;
  readonly #outcomes: GetOutcomes;
  readonly #listing: GetListing;
  readonly #attributes: TargetAttributes;
  readonly #tree: TargetTree;
  readonly #sync = new FileSync();

  constructor(
    pool: ConnectionPool,
    options: GetOptions,
    outcomes: GetOutcomes,
    listing: GetListing,
  ) {
    this.#pool = pool;
    this.#options = options;
    this.#outcomes = outcomes;
    this.#listing = listing;
    this.#attributes = new TargetAttributes(options.attributes);
    this.#tree = new TargetTree(listing.root, this.#attributes, this.#sync);
  }

  /** Downloads everything, and reports each result. Throws what `confirmMirror` throws. */
  async run(): Promise<void> {
    using _sync = this.#sync;
    if (this.#options.dryRun !== true) this.#tree.unlock(this.#foldersThere());
    try {
      await this.#run();
    } finally {
      this.#tree.close();
    }
  }

  /** The paths of the folders that the server describes. */
  *#foldersThere(): Generator<string, void, void> {
    for (const { file: { entry }, target } of this.#listing.items.inState(STATES.listed)) {
      if (entry === "folder") yield target;
    }
  }

  async #run(): Promise<void> {
    const found = await this.#findExtra();
    const replaced = this.#options.force === true ? found.flatMap(({ replaced }) => replaced) : [];
    this.#tree.replace(new Set(replaced));
    const plan = await this.#plan();
    if (plan === undefined) return;
    if (this.#listing.items.count > 0) this.#reportPlanned(plan);
    const extra = found.flatMap(({ extra }) => extra);
    if (this.#options.dryRun === true) return await this.#preview(plan, extra);
    await this.#confirm(found);
    await this.#carryOut(plan, { extra, replaced });
    const { unset } = this.#attributes;
    if (unset !== undefined) this.#options.onUnset?.(unset);
  }

  /** Compares everything with what is here. Returns `undefined` if the run has ended, with a result for each item. */
  async #plan(): Promise<GetPlan | undefined> {
    const { end } = this.#outcomes;
    if (end === undefined) {
      try {
        return await planItems(
          this.#listing.items,
          this.#tree,
          this.#options,
          (item, error) => this.#conclude(item, { error }),
        );
      } catch (error) {
        if (!(error instanceof XferError)) throw error;
        this.#failRest(error);
        return undefined;
      }
    }
    this.#failRest(end);
    return undefined;
  }

  #reportPlanned({ small, files: { length }, links, bytes }: GetPlan): void {
    const files = small + length + links.length;
    this.#options.connect.onEvent?.({ type: "planned", files, bytes });
  }

  /** Finds the entries to delete in each mirrored folder. */
  async #findExtra(): Promise<readonly FoundExtra[]> {
    const { confirmMirror, connect: { identityFolder } } = this.#options;
    if (confirmMirror === undefined) return [];
    const { root, items, folders } = this.#listing;
    const own = await ReservedFiles.of(identityFolder);
    const kinds = kindsOf(items, root.path);
    const found: FoundExtra[] = [];
    for (const folder of folders) {
      await this.#outcomes.attempt(folder.name, folder.root, async () => {
        const { extra, replaced, total } = await findExtra(folder, own, kinds);
        found.push({ extra, replaced, total, folder: folder.root });
      });
    }
    return found;
  }

  /** Asks whether to delete what was found. Throws what `confirmMirror` throws. */
  async #confirm(found: readonly FoundExtra[]): Promise<void> {
    for (const { extra: { length: entries }, total, folder } of found) {
      if (entries === 0 || this.#outcomes.hasFailures) continue;
      await this.#options.confirmMirror?.({ entries, total, folder });
    }
  }

  /** Reports what would happen. */
  async #preview(plan: GetPlan, extra: readonly ExtraEntry[]): Promise<void> {
    const { folders, files, links } = plan;
    const planned = [folders, this.#listing.items.inState(STATES.small), files, links];
    for (const items of planned) {
      for (const item of items) this.#conclude(item, { state: "planned", file: item.file });
    }
    await this.#refresh(plan, true);
    if (this.#outcomes.hasFailures) return;
    for (const { name, path } of extra) {
      this.#outcomes.report({ state: "deleted", name, target: path });
    }
  }

  async #carryOut(
    plan: GetPlan,
    { extra, replaced }: Pick<ExtraEntries, "extra" | "replaced">,
  ): Promise<void> {
    // Entries in replaced folders are deleted first, all others last.
    const isBlocking = ({ path }: ExtraEntry) => isInReplaced(path, this.#tree);
    const failure = await failureOf(async () => {
      if (!this.#outcomes.hasFailures) await this.#replace(extra.filter(isBlocking), replaced);
      await this.#refresh(plan, false);
      for (const item of plan.folders) {
        const { target, collisions } = item;
        const error = await failureOf(async () => {
          if (this.#options.force === true) await collisions?.refuse(target);
          await this.#tree.make(target);
          this.#tree.describe(target, item.file);
          await collisions?.add(target);
        });
        this.#conclude(item, error === undefined ? { state: "got", file: item.file } : { error });
      }
      await this.#download(plan);
    });
    if (failure !== undefined) this.#failRest(failure);
    const rest = extra.filter((entry) => !isBlocking(entry));
    if (!this.#outcomes.hasFailures) await this.#delete(rest);
    const { root, items } = this.#listing;
    const [first] = items.inState();
    await this.#outcomes.attempt(
      first?.file.name ?? root.path,
      root.path,
      () => this.#tree.finish(!this.#outcomes.hasFailures),
    );
  }

  async #download(plan: GetPlan): Promise<void> {
    using thread = FileThread.start(this.#listing.root.path, plan.small);
    const downloads = new ItemDownloads(this.#pool, this.#options, {
      ...{ attributes: this.#attributes, tree: this.#tree, sync: this.#sync, thread },
      itemAt: (index) => this.#listing.items.at(index),
      onEnd: (item, result) => this.#conclude(item, result),
    });
    await downloads.run({
      ...{ files: plan.files, links: plan.links, smallCount: plan.small },
      small: this.#listing.items.numbersInState(STATES.small),
    });
  }

  /** Brings the attributes of unchanged entries up to date, or only reports whether any are not. */
  async #refresh({ same }: GetPlan, isDryRun: boolean): Promise<void> {
    if (same === 0) return;
    await this.#attributes.ready();
    for (const item of this.#listing.items.inState(STATES.same)) {
      const { file, file: { entry }, target } = item;
      throwIfAborted(this.#options.connect.signal);
      const error = await failureOf(async () => {
        this.#tree.guard(folderOf(item));
        // The attributes of folders are set at the end.
        if (entry === "folder") this.#tree.describe(target, file);
        const isUpdated = entry !== "folder" &&
          await this.#attributes.refresh(target, entry, file, isDryRun);
        this.#conclude(item, { state: "there", isUpdated });
        await item.collisions?.add(target);
      });
      if (error !== undefined) this.#conclude(item, { error });
    }
  }

  /** Removes what is in the place of entries of another kind, and what is in it. */
  async #replace(extra: readonly ExtraEntry[], replaced: readonly string[]): Promise<void> {
    await this.#delete(extra, replaced);
    const all = new Set(replaced);
    for (const path of replaced) {
      throwIfAborted(this.#options.connect.signal);
      // If it stays, the error of the entry that cannot be written says why.
      await failureOf(() => deleteExtra(path, all, this.#tree));
    }
  }

  /** `replaced`: paths of folders that are removed afterwards. */
  async #delete(extra: readonly ExtraEntry[], replaced: readonly string[] = []): Promise<void> {
    const all = new Set([...extra.map(({ path }) => path), ...replaced]);
    for (const entry of extra) {
      const { name, path: target } = entry;
      const failure = await failureOf(async () => {
        throwIfAborted(this.#options.connect.signal);
        await deleteExtra(target, all, this.#tree);
      });
      this.#outcomes.report(
        failure === undefined
          ? { state: "deleted", name, target }
          : { state: "not-deleted", name, target, error: failure },
      );
      if (failure !== undefined && endsAll(failure)) return;
    }
  }

  /** Reports the result of an item. */
  #conclude(item: GetItem, result: ItemResult): void {
    this.#listing.items.setState(item, STATES.concluded);
    this.#outcomes.conclude(item, result);
  }

  /** Reports the same error for every item that has no result. */
  #failRest(error: XferError): void {
    for (const item of this.#listing.items.unfinished()) this.#conclude(item, { error });
  }
}

function isInReplaced(path: string, tree: TargetTree): boolean {
  for (let at = dirname(path), above = dirname(at); at !== above; at = above, above = dirname(at)) {
    if (tree.isReplaced(at)) return true;
  }
  return false;
}
