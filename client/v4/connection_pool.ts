/**
 * The connections of one run: opened when they are needed, and again after network errors.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { throwIfAborted } from "../../protocol/abort.ts";
import { type RetryOptions, withRetries } from "../net/retry.ts";
import { Bound, type DamagedFile, DamagedFiles, type ListingHandlers } from "./remote_file.ts";
import { MAX_LISTED, MAX_VERSIONS, type TakeDamaged, type TakeFile, V4Client } from "./client.ts";
import type { DiscoveredServer } from "./discover.ts";
import type { WorkQueue } from "./work_queue.ts";
import type { ConnectOptions } from "./connect_options.ts";

/** The most connections of one run. More are not faster, and look like an attack. */
export const MAX_PARALLEL = 16;

/** How files are transferred, in either direction. */
export interface TransferOptions extends RetryOptions {
  /** The most connections to open, 1 to {@link MAX_PARALLEL}; default 1. */
  readonly parallel?: number | undefined;
  /**
   * What the server has just answered to a hello: the first connection is made without another hello.
   *
   * @internal
   */
  readonly found?: DiscoveredServer | undefined;
}

export class ConnectionPool implements Disposable {
  readonly #connect: ConnectOptions;
  readonly #retry: RetryOptions;
  readonly #clients: (V4Client | undefined)[];
  /** For the first attempt alone: after a network error the server may be another. */
  #found: DiscoveredServer | undefined;
  #isAuthenticated = false;
  #progress = 0;

  constructor(connect: ConnectOptions, transfer: TransferOptions = {}) {
    this.#connect = connect;
    this.#retry = transfer;
    this.#found = transfer.found;
    const count = Math.max(1, Math.min(transfer.parallel ?? 1, MAX_PARALLEL));
    this.#clients = Array.from({ length: count }, () => undefined);
  }

  get count(): number {
    return this.#clients.length;
  }

  /** Whether the server has accepted the login on any connection. */
  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  /** Reports progress that no failure undoes: earlier failures no longer count. */
  advance(): void {
    this.#progress++;
  }

  /**
   * Does work over one connection, with as many retries after network errors as `retries` says without an `advance` in
   * between. Throws as `work` does, and what keeps the client from connecting and logging in.
   */
  use<T>(index: number, work: (client: V4Client) => Promise<T>): Promise<T> {
    return this.#retrying(async () => await work(await this.#open(index)));
  }

  /** The same over as many connections as there may be and the server takes: one at least. */
  useAll<T>(work: (clients: readonly V4Client[]) => Promise<T>): Promise<T> {
    return this.#retrying(async () => {
      const first = await this.#open(0);
      const others = this.#clients.slice(1).map((_, i) => this.#open(i + 1));
      const opened = await Promise.allSettled(others);
      return await work([
        first,
        ...opened.flatMap((result) => result.status === "fulfilled" ? [result.value] : []),
      ]);
    });
  }

  /**
   * Does work on each connection in parallel, as far as there are connections: `work` is to take what it does from a queue
   * that all share, and give back what it could not do. What one connection has lost others do in another round, as long as
   * each round leaves less to do. Throws what has failed on the first connection, where no other is left, or on any.
   */
  async share<T>(queue: WorkQueue<T>, work: (client: V4Client) => Promise<void>) {
    for (let left = queue.size; left > 0; left = queue.size) {
      // The first registers, where there is no account yet, before the others log in.
      if (!this.#isAuthenticated) await this.use(0, () => Promise.resolve());
      const results = await Promise.allSettled(
        this.#clients.map((_, index) =>
          this.use(index, async (client) => {
            if (!queue.isEmpty) await work(client);
          })
        ),
      );
      const failures = results.filter(({ status }) => status === "rejected");
      const isOver = failures.length === results.length || queue.size >= left;
      const [first] = failures as PromiseRejectedResult[];
      if (isOver && first !== undefined) throw first.reason;
    }
  }

  /** Lists files by name as `V4Client.list` does. Where the network fails it begins again, and hands each over once. */
  list(
    prefix: string,
    take: TakeFile,
    max = MAX_LISTED,
    takeDamaged?: TakeDamaged,
  ): Promise<void> {
    const list: List = (client, { take, takeDamaged }) =>
      client.list(prefix, take, max, takeDamaged);
    return this.#handOverOnce(list, isBehind, new Bound(max, "files"), { take, takeDamaged });
  }

  /** The versions of a file, newest first, as `V4Client.versions` gives them; otherwise like `list`. */
  versions(name: string, take: TakeFile, takeDamaged?: TakeDamaged): Promise<void> {
    const list: List = (client, { take, takeDamaged }) =>
      client.versions(name, take, MAX_VERSIONS, takeDamaged);
    const isOlder: IsBehind = (file, last) => file.version < last.version;
    const count = new Bound(MAX_VERSIONS, "versions");
    return this.#handOverOnce(list, isOlder, count, { take, takeDamaged });
  }

  async #handOverOnce(
    list: List,
    isBehind: IsBehind,
    count: Bound,
    { take, takeDamaged }: ListingHandlers,
  ): Promise<void> {
    const damaged = new DamagedFiles();
    let last: DamagedFile | undefined;
    await this.use(0, (client) => {
      const before = last;
      const once = <F extends DamagedFile>(take: (file: F) => void) => (file: F) => {
        if (before !== undefined && !isBehind(file, before)) return;
        count.add();
        last = file;
        this.advance();
        take(file);
      };
      return list(client, {
        take: once(take),
        takeDamaged: once(takeDamaged ?? ((file) => damaged.add(file))),
      });
    });
    damaged.throwIfAny();
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client?.[Symbol.dispose]();
  }

  #retrying<T>(task: () => Promise<T>): Promise<T> {
    const { signal } = this.#connect;
    return withRetries(task, this.#retry, { signal, progress: () => this.#progress });
  }

  async #open(index: number): Promise<V4Client> {
    throwIfAborted(this.#connect.signal);
    const open = this.#clients[index];
    if (open?.hasEnded === false) return open;
    open?.[Symbol.dispose]();
    const found = this.#found;
    this.#found = undefined;
    const client = await V4Client.connect(index === 0 ? this.#connect : this.#quiet(), found);
    this.#clients[index] = client;
    this.#isAuthenticated = true;
    return client;
  }

  /** For all connections but the first: that the server was reached is reported once. */
  #quiet(): ConnectOptions {
    const { onEvent } = this.#connect;
    return {
      ...this.#connect,
      onEvent: (event) => {
        if (event.type !== "connected") onEvent?.(event);
      },
    };
  }
}

type List = (client: V4Client, listing: ListingHandlers) => Promise<void>;
/** Whether a file comes behind another in a list. */
type IsBehind = (file: DamagedFile, last: DamagedFile) => boolean;

/** By name, in the order of a server: that of their UTF-8. */
const isBehind: IsBehind = (file, last) =>
  Buffer.compare(Buffer.from(file.name), Buffer.from(last.name)) > 0;
