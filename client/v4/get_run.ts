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
import { TargetAttributes, UNKNOWN_ATTRIBUTES } from "../local/target_attributes.ts";
import { createLink } from "../local/target_link.ts";
import { TargetTree } from "../local/target_tree.ts";
import type { V4Client } from "./client.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { downloadFile, wantedBytes } from "./file_download.ts";
import { folderOf, type GetItem } from "./get_item.ts";
import type { GetListing } from "./get_listing.ts";
import type { GetOptions } from "./get_options.ts";
import { failureOf, type GetOutcomes } from "./get_outcomes.ts";
import { type GetPlan, planItems } from "./get_plan.ts";
import { downloadLink } from "./link_download.ts";
import { deleteExtra, type ExtraEntries, type ExtraEntry, findExtra, kindsOf } from "./mirror.ts";
import { type RemoteFile, RESUMABLE_SIZE } from "./remote_file.ts";
import { forEachConcurrently, WorkQueue } from "./work_queue.ts";

/** Work that finishes one item over a connection, or over the pool if it is undefined. */
type GetOne = (item: GetItem, client: V4Client | undefined) => Promise<RemoteFile>;

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
    this.#tree = new TargetTree(listing.root, this.#attributes);
  }

  /** Downloads everything, and reports each result. Throws what `confirmMirror` throws. */
  async run(): Promise<void> {
    if (this.#options.dryRun !== true) this.#tree.unlock(foldersOf(this.#listing));
    try {
      await this.#run();
    } finally {
      this.#tree.close();
    }
  }

  async #run(): Promise<void> {
    const found = await this.#findExtra();
    const replaced = this.#options.force === true ? found.flatMap(({ replaced }) => replaced) : [];
    this.#tree.replace(new Set(replaced));
    const plan = await this.#plan();
    if (plan === undefined) return;
    for (const [item, error] of plan.blocked) await this.#outcomes.conclude(item, { error });
    if (this.#listing.items.length > 0) this.#reportPlanned(plan);
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
        return await planItems(this.#listing.items, this.#tree, this.#options);
      } catch (error) {
        if (!(error instanceof XferError)) throw error;
        await this.#failRest(error);
        return undefined;
      }
    }
    await this.#failRest(end);
    return undefined;
  }

  #reportPlanned({ files, links }: GetPlan): void {
    const { range, connect: { onEvent } } = this.#options;
    const bytes = files.reduce((sum, { file }) => sum + wantedBytes(file, range), 0);
    onEvent?.({ type: "planned", files: files.length + links.length, bytes });
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
    const { folders, files, links, same } = plan;
    for (const item of [...folders, ...files, ...links]) {
      await this.#outcomes.conclude(item, { state: "planned", file: item.file });
    }
    await this.#refresh(same, true);
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
      await this.#refresh(plan.same, false);
      for (const item of plan.folders) {
        await this.#try(item, async () => {
          await this.#tree.make(item.target);
          this.#tree.describe(item.target, item.file);
          return item.file;
        });
      }
      await this.#getAll(plan.files, (item, client) => this.#getFile(item, client));
      await this.#getAll(plan.links, (item, client) => this.#getLink(item, client));
    });
    if (failure !== undefined) await this.#failRest(failure);
    const rest = extra.filter((entry) => !isBlocking(entry));
    if (!this.#outcomes.hasFailures) await this.#delete(rest);
    const { root, items: [first] } = this.#listing;
    const name = first?.file.name ?? root.path;
    await this.#outcomes.attempt(
      name,
      root.path,
      () => this.#tree.finish(!this.#outcomes.hasFailures),
    );
  }

  /** Brings the attributes of unchanged entries up to date, or only reports whether any are not. */
  async #refresh(same: readonly GetItem[], isDryRun: boolean): Promise<void> {
    for (const item of same) {
      const { file, file: { entry }, target } = item;
      throwIfAborted(this.#options.connect.signal);
      const error = await failureOf(async () => {
        this.#tree.guard(folderOf(item));
        // The attributes of folders are set at the end.
        if (entry === "folder") this.#tree.describe(target, file);
        const isUpdated = entry !== "folder" &&
          await this.#attributes.refresh(target, entry, file, isDryRun);
        await this.#outcomes.conclude(item, { state: "there", isUpdated });
      });
      if (error !== undefined) await this.#outcomes.conclude(item, { error });
    }
  }

  /** Downloads small items over all connections in parallel, and the others one by one. */
  async #getAll(items: readonly GetItem[], getOne: GetOne): Promise<void> {
    // Whether two names are the same local file shows only when the first one exists.
    const isSmall = ({ file, collisions }: GetItem) =>
      file.size < RESUMABLE_SIZE && collisions === undefined;
    const small = new WorkQueue(items.filter(isSmall));
    await this.#pool.share(
      small,
      (client) => forEachConcurrently(small, (item) => this.#try(item, () => getOne(item, client))),
    );
    for (const item of items) {
      if (!isSmall(item)) await this.#try(item, () => getOne(item, undefined));
    }
  }

  /** Concludes an item by the work for it. Throws errors that end the connection or the run. */
  async #try(item: GetItem, work: () => Promise<RemoteFile>): Promise<void> {
    try {
      const { target, collisions } = item;
      if (this.#options.force === true) await collisions?.refuse(target);
      const file = await work();
      await this.#outcomes.conclude(item, { state: "got", file });
    } catch (error) {
      if (endsAll(error)) throw error;
      await this.#outcomes.conclude(item, { error: error as XferError });
    }
  }

  #getFile(item: GetItem, client: V4Client | undefined): Promise<RemoteFile> {
    const { file: { name }, target, isResumable } = item;
    const { version, range, force = false, connect } = this.#options;
    const { onEvent = () => undefined, signal } = connect;
    const folder = dirname(target);
    return downloadFile(client ?? this.#pool, {
      ...{ name, version, target, range, force, isResumable, onEvent, signal },
      onAdvance: () => this.#pool.advance(),
      makeFolder: () => this.#tree.make(folder),
      guard: () => this.#tree.guard(folder),
      prepare: (path, file) =>
        this.#attributes.apply(path, "file", range === undefined ? file : UNKNOWN_ATTRIBUTES),
    }, client === undefined);
  }

  async #getLink(item: GetItem, client: V4Client | undefined): Promise<RemoteFile> {
    const { file: { name }, target: path } = item;
    const { version, force = false } = this.#options;
    const wanted = { name, version };
    const { file, target } = client === undefined
      ? await this.#pool.use(0, (client) => downloadLink(client, wanted))
      : await downloadLink(client, wanted);
    const folder = dirname(path);
    await this.#tree.make(folder);
    this.#tree.guard(folder);
    const prepare = (path: string) => this.#attributes.apply(path, "link", file);
    await createLink(path, target, { force, prepare });
    return file;
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

  /** Reports the same error for every item that has no result. */
  async #failRest(error: XferError): Promise<void> {
    for (const item of this.#listing.items) {
      if (!this.#outcomes.has(item)) await this.#outcomes.conclude(item, { error });
    }
  }
}

/** The paths of the folders that the server describes. */
function foldersOf({ items }: GetListing): string[] {
  return items.flatMap(({ file: { entry }, target, fault }) =>
    entry === "folder" && fault === undefined ? [target] : []
  );
}

function isInReplaced(path: string, tree: TargetTree): boolean {
  for (let at = dirname(path), above = dirname(at); at !== above; at = above, above = dirname(at)) {
    if (tree.isReplaced(at)) return true;
  }
  return false;
}
