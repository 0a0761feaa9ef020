/**
 * Downloads small entries, many with one request. Several requests are outstanding, so that the link stays full at any
 * distance.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { release } from "../../protocol/memory.ts";
import { endsAll, type XferError } from "../../protocol/errors.ts";
import { MAX_UNANSWERED_FETCHES } from "../../protocol/v4/connection_state.ts";
import { ContentsReader } from "../../protocol/v4/contents.ts";
import { FetchWriter } from "../../protocol/v4/fetch.ts";
import type { Message } from "../../protocol/v4/messages.ts";
import { DamagedContentError } from "./recheck.ts";
import { refused, unexpected } from "./errors.ts";
import { checkAsked, type RemoteFile } from "./remote_file.ts";
import type { RequestMux } from "./request_mux.ts";
import type { WorkQueue } from "./work_queue.ts";

/** The most bytes of content that a connection has requested and not received. */
const WINDOW = 16 * 1024 * 1024;
/** The entries after whose request a connection waits for answers, so that others can take some, too. */
const MAX_REQUESTED = 4096;
/**
 * The most entries that are handled together. So few are garbage again before the collector takes them for lasting ones
 * and keeps them for long.
 */
const MAX_TAKEN = 128;
/** The bytes of content after which a request is sent: about one answer. */
const REQUEST = 1024 * 1024;

/** An entry to fetch. */
export interface Fetchable {
  /** As it was listed. */
  readonly file: RemoteFile;
}

/** An entry with its verified content, or why it was not fetched. The content is valid only while it is handled. */
export type Fetched<T extends Fetchable> =
  & { readonly item: T }
  & (
    | { readonly file: RemoteFile; readonly content: Bytes; readonly error?: undefined }
    | { readonly error: XferError }
  );

/**
 * The request, and the consumer of its answers. Until `take` resolves, nothing more is received. It must not fail for
 * one entry.
 */
export interface FetchOptions<T extends Fetchable> {
  /** The number of the version of the only entry; 0 for the current ones. */
  readonly version: number;
  /** Returns the item with a number of the queue. While it is requested, only its number is kept. */
  readonly itemAt: (index: number) => T;
  readonly take: (fetched: readonly Fetched<T>[]) => Promise<void>;
}

/**
 * Fetches the entries whose numbers are in a queue. After a failure, those that have not arrived are in the queue
 * again. Throws `NetworkError`, `ProtocolError`, `InterruptedError`, and what `take` throws.
 */
export async function fetchEntries<T extends Fetchable>(
  mux: RequestMux,
  queue: WorkQueue<number>,
  options: FetchOptions<T>,
): Promise<void> {
  const open = new Set<Promise<void>>();
  let outstanding = 0;
  let requested = 0;
  let failure: { readonly error: unknown } | undefined;
  for (;;) {
    while (
      failure === undefined && open.size < MAX_UNANSWERED_FETCHES && outstanding < WINDOW &&
      requested < MAX_REQUESTED
    ) {
      const request = new FetchRequest(queue, options);
      if (request.isEmpty) break;
      outstanding += request.size;
      requested += request.count;
      const running: Promise<void> = request.run(mux)
        .catch((error) => void (failure ??= { error }))
        .finally(() => {
          outstanding -= request.size;
          requested -= request.count;
          open.delete(running);
        });
      open.add(running);
    }
    if (open.size === 0) break;
    await Promise.race(open);
  }
  if (failure !== undefined) throw failure.error;
}

/** One request with its answers. */
class FetchRequest<T extends Fetchable> {
  readonly #queue: WorkQueue<number>;
  readonly #options: FetchOptions<T>;
  readonly #records = new FetchWriter();
  /** The numbers of the requested items. */
  readonly #items: number[] = [];
  /** The number of items that have arrived. */
  #arrived = 0;
  #size = 0;

  /** Takes items from the queue. */
  constructor(queue: WorkQueue<number>, options: FetchOptions<T>) {
    this.#queue = queue;
    this.#options = options;
    while (this.#size < REQUEST) {
      const index = queue.take();
      if (index === undefined) break;
      const { file: { name, size } } = options.itemAt(index);
      if (!this.#records.add(name, options.version)) {
        queue.requeue([index]);
        break;
      }
      this.#items.push(index);
      this.#size += size;
    }
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** The number of entries. */
  get count(): number {
    return this.#items.length;
  }

  /** Bytes of content that are expected. */
  get size(): number {
    return this.#size;
  }

  async run(mux: RequestMux): Promise<void> {
    const tag = mux.nextTag();
    /** The handling of the current message. It continues when the connection is closed here, and must end first. */
    let taking: Promise<unknown> = Promise.resolve();
    try {
      const answered = mux.answer(tag, (message) => {
        const taken = this.#take(message);
        taking = taken.catch(() => undefined);
        return taken;
      });
      answered.catch(() => undefined);
      await mux.sendRecords(this.#records, tag);
      await answered;
    } catch (error) {
      await taking;
      const missing = this.#items.slice(this.#arrived);
      if (endsAll(error)) {
        this.#queue.requeue(missing);
        throw error;
      }
      // The server refused the whole request.
      const failed = (index: number) => ({
        item: this.#options.itemAt(index),
        error: error as XferError,
      });
      await this.#options.take(missing.map(failed));
    }
  }

  /** Returns whether a message is the last one. */
  async #take(message: Message): Promise<boolean> {
    if (message.kind === "contents") await this.#receive(message.bytes);
    else if (message.kind !== "done" || this.#arrived < this.#items.length) {
      throw unexpected(message);
    }
    return message.kind === "done";
  }

  async #receive(payload: Bytes): Promise<void> {
    const { itemAt, take } = this.#options;
    const reader = new ContentsReader(payload);
    let fetched: Fetched<T>[] = [];
    const takeAll = async () => {
      const taken = fetched;
      fetched = [];
      this.#arrived += taken.length;
      await take(taken);
    };
    while (reader.next()) {
      const index = this.#items[this.#arrived + fetched.length];
      if (index === undefined) throw unexpected({ kind: "contents" });
      fetched.push(this.#read(itemAt(index), reader));
      if (fetched.length === MAX_TAKEN) await takeAll();
    }
    if (fetched.length > 0) await takeAll();
    release(payload);
  }

  /** Throws `ProtocolError` `unexpected-answer` for an entry that was not requested. */
  #read(item: T, reader: ContentsReader): Fetched<T> {
    if (reader.isRefused) return { item, error: refused(reader) };
    checkAsked(reader, { name: item.file.name, version: this.#options.version });
    // Most entries are as they were listed: one description of each takes less memory.
    const file = reader.isFile(item.file) ? item.file : reader.file;
    if (reader.findDifference() !== undefined) {
      return { item, error: new DamagedContentError(file, 0) };
    }
    return { item, file, content: reader.content };
  }
}
