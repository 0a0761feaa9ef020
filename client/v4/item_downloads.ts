/**
 * Downloads the files and links of a run. Small ones come many at a time and share syncs; larger ones by themselves.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import { linkTarget } from "../../protocol/entry.ts";
import {
  endsAll,
  IntegrityError,
  ProtocolError,
  RefusedError,
  type XferError,
} from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { FileSync } from "../local/file_sync.ts";
import type { FileThread } from "../local/file_thread.ts";
import { createFile } from "../local/new_file.ts";
import { type FileToWrite, StagedFiles, type WaitingFile } from "../local/staged_files.ts";
import { type TargetAttributes, UNKNOWN_ATTRIBUTES } from "../local/target_attributes.ts";
import { createLink } from "../local/target_link.ts";
import type { TargetTree } from "../local/target_tree.ts";
import { ChunkDownload } from "./chunk_download.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { type Fetched, fetchEntries } from "./fetch_entries.ts";
import { downloadFile } from "./file_download.ts";
import type { GetItem } from "./get_item.ts";
import type { GetOptions } from "./get_options.ts";
import { failureOf, type ItemResult } from "./get_outcomes.ts";
import { checkKind, type RemoteFile, RESUMABLE_SIZE } from "./remote_file.ts";
import type { RequestMux } from "./request_mux.ts";
import { forEachConcurrently, WorkQueue } from "./work_queue.ts";

/** The parts that downloads share with the run. */
export interface ItemDownloadsContext {
  readonly attributes: TargetAttributes;
  readonly tree: TargetTree;
  readonly sync: FileSync;
  /** Writes small files; without: this thread does. */
  readonly thread: FileThread | undefined;
  /** Returns the item with a number. */
  readonly itemAt: (index: number) => GetItem;
  /** Called once with each item, and its result. */
  readonly onEnd: (item: GetItem, result: ItemResult) => void;
}

/** The items to download. */
export interface DownloadItems {
  /** The numbers of small files. */
  readonly small: Iterable<number>;
  readonly smallCount: number;
  /** Other files. */
  readonly files: readonly GetItem[];
  readonly links: readonly GetItem[];
}

/** A small file that was fetched. */
interface FetchedFile extends FileToWrite {
  readonly item: GetItem;
  readonly file: RemoteFile;
}

/** The same once it is written. Thousands wait for a sync, so it has only what cannot be looked up again. */
interface WrittenFile extends WaitingFile {
  /** The number of its item. */
  readonly index: number;
  /** `undefined`: as it was listed. */
  readonly changed: RemoteFile | undefined;
}

/** The most files of medium size that are requested at once on a connection. */
const MAX_REQUESTS = 64;
/** The bytes of requested files after which no other is requested on a connection. */
const WINDOW = 16 * 1024 * 1024;

export class ItemDownloads {
  readonly #pool: ConnectionPool;
  readonly #options: GetOptions;
  readonly #context: ItemDownloadsContext;
  readonly #staged: StagedFiles<FetchedFile, WrittenFile>;
  /** Files to download by themselves, because they were damaged, or (`true`) are larger than when they were listed. */
  readonly #again = new Map<GetItem, boolean>();

  constructor(pool: ConnectionPool, options: GetOptions, context: ItemDownloadsContext) {
    this.#pool = pool;
    this.#options = options;
    this.#context = context;
    const { attributes, tree, sync, thread, itemAt, onEnd } = context;
    this.#staged = new StagedFiles({
      ...{ sync, attributes, create: createFile, thread, force: options.force ?? false },
      guard: (folder) => tree.guard(folder),
      keep: ({ item, file, target }) => ({
        ...{ target, index: item.index, changed: file === item.file ? undefined : file },
      }),
      onEnd: ({ index, changed }, error) => {
        const item = itemAt(index);
        const { file } = item;
        onEnd(item, error === undefined ? { state: "got", file: changed ?? file } : { error });
      },
    });
  }

  /** Downloads all items. Throws the error that ends the run; items without a result are then not downloaded. */
  async run({ small, smallCount, files, links }: DownloadItems): Promise<void> {
    await this.#context.attributes.ready();
    // Whether two names are the same local file shows only when the first one exists.
    const isMedium = ({ file, collisions }: GetItem) =>
      file.size < RESUMABLE_SIZE && collisions === undefined && this.#options.range === undefined;
    try {
      await this.#fetchAll(new WorkQueue(small, smallCount), (file) => this.#takeFiles(file));
      await this.#getMedium(new WorkQueue(files.filter(isMedium)));
    } finally {
      // They are complete, also if the run ends here.
      await this.#staged.publish();
    }
    for (const item of files) if (!isMedium(item)) await this.#get(item, true);
    for (const [item, isLarge] of this.#again) await this.#get(item, isLarge);
    const { linked = [], twins = [] } = Object.groupBy(
      links,
      ({ collisions }) => collisions === undefined ? "linked" : "twins",
    );
    for (const some of [linked, ...twins.map((item) => [item])]) {
      await this.#fetchAll(
        new WorkQueue(some.map(({ index }) => index)),
        (fetched) => this.#takeLinks(fetched),
      );
    }
  }

  /** Fetches items, by their numbers, over all connections in parallel. */
  async #fetchAll(
    queue: WorkQueue<number>,
    take: (fetched: readonly Fetched<GetItem>[]) => Promise<void>,
  ): Promise<void> {
    const { version = 0 } = this.#options;
    const { itemAt } = this.#context;
    await this.#pool.share(
      queue,
      ({ session: { mux } }) => fetchEntries(mux, queue, { version, itemAt, take }),
    );
  }

  async #takeFiles(fetched: readonly Fetched<GetItem>[]): Promise<void> {
    const files: FetchedFile[] = [];
    for (const entry of fetched) {
      const { item, item: { target } } = entry;
      const error = entry.error ?? await this.#prepare(item, entry.file, "file");
      const hasGrown = error?.code === "over-limit";
      if (hasGrown || error instanceof IntegrityError) this.#again.set(item, hasGrown);
      else if (error !== undefined) this.#context.onEnd(item, { error });
      else if (entry.error === undefined) {
        const { file, content } = entry;
        files.push({ item, file, target, content });
        this.#reportReceived(file);
      }
    }
    this.#pool.advance();
    this.#staged.add(files);
    await this.#staged.publishIfDue();
  }

  async #takeLinks(fetched: readonly Fetched<GetItem>[]): Promise<void> {
    this.#pool.advance();
    for (const entry of fetched) {
      const { item } = entry;
      const error = entry.error ?? await this.#prepare(item, entry.file, "link") ??
        await failureOf(() => this.#createLink(item, entry.file, entry.content));
      if (error !== undefined) this.#context.onEnd(item, { error });
      else if (entry.error === undefined) {
        await item.collisions?.add(item.target);
        this.#context.onEnd(item, { state: "got", file: entry.file });
      }
    }
  }

  /** Creates the folder of an entry that has arrived. Returns the reason why the entry cannot be written, if any. */
  async #prepare(
    { target, collisions }: GetItem,
    file: RemoteFile,
    kind: RemoteFile["entry"],
  ): Promise<XferError | undefined> {
    const { tree } = this.#context;
    const folder = dirname(target);
    if (file.entry === kind && collisions === undefined && tree.isReady(folder)) return undefined;
    return await failureOf(async () => {
      checkKind(file, kind);
      if (this.#options.force === true) await collisions?.refuse(target);
      await tree.make(folder);
    });
  }

  async #createLink({ target: path }: GetItem, file: RemoteFile, content: Bytes): Promise<void> {
    const target = linkTarget(content);
    if (target === undefined) {
      throw new ProtocolError(
        "unexpected-answer",
        `the server sent an invalid target for the link ${printable(file.name)}`,
      );
    }
    const { force = false } = this.#options;
    this.#context.tree.guard(dirname(path));
    const prepare = (path: string) => this.#context.attributes.apply(path, "link", file);
    await createLink(path, target, { force, prepare });
  }

  #reportReceived({ name, size }: RemoteFile): void {
    const { onEvent } = this.#options.connect;
    if (onEvent === undefined) return;
    onEvent({ type: "getting", name, size, done: 0, attempt: 1 });
    if (size > 0) onEvent({ type: "received", name, size, done: size, attempt: 1 });
  }

  /** Downloads files of medium size over all connections in parallel. */
  async #getMedium(medium: WorkQueue<GetItem>): Promise<void> {
    await this.#pool.share(
      medium,
      ({ session: { mux } }) =>
        forEachConcurrently(medium, (item) => this.#getWhole(item, mux), {
          ...{ maxItems: MAX_REQUESTS, maxBytes: WINDOW, sizeOf: ({ file: { size } }) => size },
        }),
    );
  }

  /** Downloads a file into memory. Throws errors that end the connection or the run. */
  async #getWhole(item: GetItem, mux: RequestMux): Promise<void> {
    let content: Bytes = new Uint8Array();
    const begin = (file: RemoteFile) => {
      if (file.size >= RESUMABLE_SIZE) throw grown(file);
      content = new Uint8Array(file.size);
      return Promise.resolve();
    };
    const write = (chunk: Bytes, offset: number) => Promise.resolve(content.set(chunk, offset));
    const { file: { name } } = item;
    const { version } = this.#options;
    const wanted = { name, version, to: RESUMABLE_SIZE };
    let fetched: Fetched<GetItem>;
    try {
      const file = await new ChunkDownload(wanted, { begin, write }).run([mux]);
      fetched = { item, file, content };
    } catch (error) {
      if (endsAll(error)) throw error;
      fetched = { item, error: error as XferError };
    }
    await this.#takeFiles([fetched]);
  }

  /** Concludes a file by its download. Throws errors that end the run. */
  async #get(item: GetItem, isLarge: boolean): Promise<void> {
    try {
      const { target, collisions } = item;
      if (this.#options.force === true) await collisions?.refuse(target);
      const file = await this.#getFile(item, isLarge);
      await collisions?.add(target);
      this.#context.onEnd(item, { state: "got", file });
    } catch (error) {
      if (endsAll(error)) throw error;
      this.#context.onEnd(item, { error: error as XferError });
    }
  }

  #getFile(item: GetItem, isLarge: boolean): Promise<RemoteFile> {
    const { file: { name }, target, isResumable } = item;
    const { version, range, force = false, connect } = this.#options;
    const { onEvent = () => undefined, signal } = connect;
    const { attributes, tree } = this.#context;
    const folder = dirname(target);
    return downloadFile(this.#pool, {
      ...{ name, version, target, range, force, isResumable, onEvent, signal },
      onAdvance: () => this.#pool.advance(),
      makeFolder: () => tree.make(folder),
      guard: () => tree.guard(folder),
      prepare: (path, file) =>
        attributes.apply(path, "file", range === undefined ? file : UNKNOWN_ATTRIBUTES),
    }, isLarge);
  }
}

/** A file is larger than when it was listed. It is downloaded by itself. */
function grown({ name }: RemoteFile): RefusedError {
  return new RefusedError("over-limit", `${printable(name)} has become larger`);
}
