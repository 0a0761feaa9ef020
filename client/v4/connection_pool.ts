/**
 * The connections of one run. They are opened on demand, and again after network errors.
 *
 * @module
 */
import { throwIfAborted } from "../../protocol/abort.ts";
import { type RetryOptions, withRetries } from "../net/retry.ts";
import { Bound, type DamagedFile, DamagedFiles } from "./remote_file.ts";
import { V4Client } from "./client.ts";
import {
  type IsAfter,
  isAfter,
  isOlder,
  type ListOptions,
  MAX_LISTED,
  MAX_VERSIONS,
  type TakeDamaged,
  type TakeFile,
} from "./listing.ts";
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
   * The server's answer to a hello, so that the first connection needs no other.
   *
   * @internal
   */
  readonly found?: DiscoveredServer | undefined;
}

export class ConnectionPool implements Disposable {
  readonly #connect: ConnectOptions;
  readonly #retry: RetryOptions;
  readonly #clients: (V4Client | undefined)[];
  /** Connections that are being opened, so that requests at the same time share one. */
  readonly #opening = new Map<number, Promise<V4Client>>();
  /** For the first attempt only: after a network error, another server may answer. */
  #found: DiscoveredServer | undefined;
  #isAuthenticated = false;
  #isDisposed = false;
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

  /** Whether the server has accepted a sign-in on any connection. */
  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  /** Records progress that no failure undoes. Retries count from 1 again. */
  advance(): void {
    this.#progress++;
  }

  /**
   * Runs work over one connection. Retries after network errors, at most `retries` times without an `advance` in
   * between. Throws as `work` does, and why the client cannot connect or sign in.
   */
  use<T>(index: number, work: (client: V4Client) => Promise<T>): Promise<T> {
    return this.#retrying(async () => await work(await this.#open(index)));
  }

  /** Runs work over one connection, without retries. Throws as `use` does. */
  async once<T>(work: (client: V4Client) => Promise<T>): Promise<T> {
    return await work(await this.#open(0));
  }

  /** Runs work as `use` does, over as many connections as are allowed and the server accepts, at least one. */
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
   * Runs work over all connections in parallel. `work` takes its items from the shared queue and requeues those that it
   * could not finish; another round does these. Throws the first error if all connections fail, or if a round does not
   * leave fewer items.
   */
  async share<T>(queue: WorkQueue<T>, work: (client: V4Client) => Promise<void>) {
    for (let left = queue.size; left > 0; left = queue.size) {
      // The first connection may register. The others can sign in only after that.
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

  /**
   * Returns a signed-in connection, for requests that must not be repeated. Retries connecting. Throws why the client
   * cannot connect or sign in.
   */
  connected(): Promise<V4Client> {
    return this.use(0, (client) => Promise.resolve(client));
  }

  /** Lists entries by name, as `V4Client.list` does. After a network error it lists again, and reports each once. */
  list(
    prefix: string,
    take: TakeFile,
    { scope, max = MAX_LISTED, takeDamaged }: ListOptions = {},
  ): Promise<void> {
    const list: List = (client, take, takeDamaged) =>
      client.list(prefix, take, { scope, max, takeDamaged });
    return this.#handOverOnce(list, isAfter, new Bound(max, "files"), take, takeDamaged);
  }

  /** Lists the versions of a file, newest first, as `V4Client.versions` does, with retries like `list`. */
  versions(name: string, take: TakeFile, takeDamaged?: TakeDamaged): Promise<void> {
    const list: List = (client, take, takeDamaged) => client.versions(name, take, { takeDamaged });
    return this.#handOverOnce(
      list,
      isOlder,
      new Bound(MAX_VERSIONS, "versions"),
      take,
      takeDamaged,
    );
  }

  async #handOverOnce(
    list: List,
    isAfter: IsAfter,
    count: Bound,
    take: TakeFile,
    takeDamaged: TakeDamaged,
  ): Promise<void> {
    const damaged = new DamagedFiles();
    let last: DamagedFile | undefined;
    await this.use(0, (client) => {
      const before = last;
      const once = <F extends DamagedFile>(take: (file: F) => unknown) => (file: F) => {
        if (before !== undefined && !isAfter(file, before)) return;
        count.add();
        last = file;
        this.advance();
        return take(file);
      };
      return list(
        client,
        once(take),
        once(takeDamaged ?? ((file) => damaged.add(file))),
      );
    });
    damaged.throwIfAny();
  }

  /** Closes all connections. Work that still runs over them fails, and is not retried. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const client of this.#clients) client?.[Symbol.dispose]();
  }

  #retrying<T>(task: () => Promise<T>): Promise<T> {
    const { signal } = this.#connect;
    return withRetries(task, this.#retry, {
      ...{ signal, progress: () => this.#progress, isFinal: () => this.#isDisposed },
    });
  }

  async #open(index: number): Promise<V4Client> {
    throwIfAborted(this.#connect.signal);
    const open = this.#clients[index];
    if (open?.hasEnded === false) return open;
    const opening = this.#opening.get(index) ??
      this.#reopen(index).finally(() => this.#opening.delete(index));
    this.#opening.set(index, opening);
    return await opening;
  }

  async #reopen(index: number): Promise<V4Client> {
    this.#clients[index]?.[Symbol.dispose]();
    const found = this.#found;
    this.#found = undefined;
    const client = await V4Client.connect(index === 0 ? this.#connect : this.#quiet(), found);
    this.#clients[index] = client;
    this.#isAuthenticated = true;
    return client;
  }

  /** Options for all connections but the first: the connection to the server is reported once. */
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

type List = (
  client: V4Client,
  take: TakeFile,
  takeDamaged: (file: DamagedFile) => unknown,
) => Promise<void>;
