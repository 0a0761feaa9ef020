/**
 * The entries that a server lists, in order, beside local entries in the same order. Few are in memory: if the list is
 * ahead, the server waits.
 *
 * @module
 */
import { RefusedError } from "../../protocol/errors.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { compareForms } from "./name_order.ts";
import type { DamagedFile, RemoteFile } from "./remote_file.ts";

/** The most entries in memory, about 5 MiB. */
export const MAX_LISTED_AHEAD = 16_384;

/** A listed entry. */
export interface RemoteEntry {
  /** The name as servers compare names. */
  readonly form: string;
  readonly name: string;
  /** `undefined` if it is damaged on the server. */
  readonly file: RemoteFile | undefined;
}

export class RemoteCursor implements Disposable {
  #entries: RemoteEntry[] = [];
  #at = 0;
  #isListed = false;
  #error: unknown;
  /** Wakes those who wait for more entries, or for their end. */
  #arrived = Promise.withResolvers<void>();
  /** Wakes the list when there is room. */
  #room: PromiseWithResolvers<void> | undefined;

  /** Whether the list may have to wait. */
  #mayWait = false;

  /**
   * Lists everything whose name begins with `prefix`. A server that refuses has nothing. The list never waits before
   * `first` has settled.
   */
  constructor(pool: Pick<ConnectionPool, "list">, prefix: string, first?: Promise<unknown>) {
    const mayWait = () => this.#mayWait = true;
    Promise.resolve(first).then(mayWait, mayWait);
    const take = (file: RemoteFile) => this.#take(file.name, file);
    const takeDamaged = ({ name }: DamagedFile) => this.#take(name, undefined);
    pool.list(prefix, take, { takeDamaged }).catch((error) => {
      if (!(error instanceof RefusedError)) this.#error = error;
    }).finally(() => {
      this.#isListed = true;
      this.#notify();
    });
  }

  /** Whether the list waits until some of its entries were passed. */
  get isAhead(): boolean {
    return this.#room !== undefined;
  }

  /** Whether no entry is left. */
  get hasEnded(): boolean {
    return this.#isListed && this.current === undefined;
  }

  /** The current entry; `undefined` at the end, or if it has not arrived yet. */
  get current(): RemoteEntry | undefined {
    return this.#entries[this.#at];
  }

  /**
   * Passes the entries before a name. Returns `false` if more must arrive first: see {@link RemoteCursor.more}.
   * `onPassed` is called with each.
   */
  seek(form: string, onPassed?: (entry: RemoteEntry) => void): boolean {
    for (let entry = this.current; entry !== undefined; entry = this.current) {
      if (compareForms(entry.form, form) >= 0) return true;
      onPassed?.(entry);
      this.#pass();
    }
    return this.#isListed && this.#error === undefined;
  }

  /** The server's entry of a name that was just sought. */
  found(form: string): RemoteFile | undefined {
    const { current } = this;
    return current?.form === form ? current.file : undefined;
  }

  /** Passes the current entry. */
  skip(): void {
    if (this.current !== undefined) this.#pass();
  }

  /** Resolves when more entries have arrived, or all. Throws the error that ended the list. */
  async more(): Promise<void> {
    if (this.current === undefined && !this.#isListed) await this.#arrived.promise;
    if (this.current === undefined && this.#error !== undefined) throw this.#error;
  }

  /** Passes all entries that are left. Throws as `more` does. */
  async passAll(onPassed: (entry: RemoteEntry) => void): Promise<void> {
    for (;;) {
      for (let entry = this.current; entry !== undefined; entry = this.current) {
        onPassed(entry);
        this.#pass();
      }
      if (this.#isListed && this.#error === undefined) return;
      await this.more();
    }
  }

  /** Resolves when the list has ended, or waits. */
  async settled(): Promise<void> {
    while (!this.#isListed && !this.isAhead) await this.#arrived.promise;
  }

  /** Ignores what is left. */
  [Symbol.dispose](): void {
    this.#isListed = true;
    this.#entries = [];
    this.#at = 0;
    this.#makeRoom();
    this.#notify();
  }

  #take(name: string, file: RemoteFile | undefined): Promise<void> | undefined {
    if (this.#isListed) return undefined;
    this.#entries.push({ form: comparedForm(name), name, file });
    if (this.#entries.length - this.#at === 1) this.#notify();
    if (!this.#mayWait || this.#entries.length - this.#at < MAX_LISTED_AHEAD) return undefined;
    this.#room = Promise.withResolvers();
    this.#notify();
    return this.#room.promise;
  }

  #pass(): void {
    if (++this.#at < MAX_LISTED_AHEAD / 2 && this.#at < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#at);
    this.#at = 0;
    if (this.#entries.length <= MAX_LISTED_AHEAD / 2) this.#makeRoom();
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #notify(): void {
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}
