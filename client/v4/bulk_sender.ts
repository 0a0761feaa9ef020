/**
 * Sends packs and updates over the connections of a run. The next leaves before the server has answered the previous one.
 * After a network error, those without an answer leave again.
 *
 * @module
 */
import { endsAll, type XferError } from "../../protocol/errors.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { PackedReader } from "../../protocol/v4/packed.ts";
import { checkRecords } from "../../protocol/v4/record_reader.ts";
import type { RecordWriter } from "../../protocol/v4/record_writer.ts";
import type { V4Client } from "./client.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { refused, unexpected } from "./errors.ts";
import type { StoredVersion } from "./put_request.ts";
import type { RequestMux } from "./request_mux.ts";

/** The most packs and updates without an answer: see docs/protocol-4.md. All connections of a run share them. */
export const MAX_UNANSWERED = 16;
/** The number of records without an answer from which no further message is sent, because their entries take memory. */
const MAX_RECORDS_AHEAD = 4096;

/** Records for one message, and what each stands for. */
export interface Bulk<T> {
  readonly writer: RecordWriter;
  /** In the order of the records. */
  readonly items: readonly T[];
  /** Whether it was sent, and the server may have carried it out. */
  isSent: boolean;
}

/** The server's answer for one record: what it stored; `mismatch`; or why it refused. */
export type RecordResult =
  | Pick<StoredVersion, "version" | "replacedOther">
  | "mismatch"
  | XferError;

export interface BulkHandlers<T> {
  readonly onResult: (item: T, result: RecordResult) => void;
  /** Called when the buffer of a message can be used again. */
  readonly onDone: (bulk: Bulk<T>) => void;
}

export class BulkSender<T> {
  readonly #pool: ConnectionPool;
  readonly #handlers: BulkHandlers<T>;
  /** Messages that no connection has taken. */
  readonly #waiting: Bulk<T>[] = [];
  /** Messages that the server has not answered. */
  readonly #unanswered = new Set<Bulk<T>>();
  /** Messages that were not written to a socket yet. */
  readonly #unsent = new Set<Bulk<T>>();
  readonly #workers: Promise<void>[] = [];
  #records = 0;
  #working = 0;
  #hasEnded = false;
  #failure: unknown;
  #changed = Promise.withResolvers<void>();

  constructor(pool: ConnectionPool, handlers: BulkHandlers<T>) {
    this.#pool = pool;
    this.#handlers = handlers;
  }

  /** Messages that were given to {@link send} and not answered; after an error, those that may be carried out too. */
  get unanswered(): Iterable<Bulk<T>> {
    return this.#unanswered;
  }

  /**
   * Resolves when there is room for another message. Throws the error that ends the run. A caller that fills messages
   * without a pause leaves the sockets no time, so they come first: the server works while the next is filled.
   */
  async send(bulk: Bulk<T>): Promise<void> {
    this.#unanswered.add(bulk);
    this.#records += bulk.items.length;
    this.#unsent.add(bulk);
    this.#waiting.push(bulk);
    if (this.#workers.length < this.#pool.count) this.#start(this.#workers.length);
    this.#notify();
    await this.#until(() =>
      this.#unsent.size < this.#pool.count && this.#unanswered.size < MAX_UNANSWERED &&
      this.#records < MAX_RECORDS_AHEAD
    );
  }

  /** Resolves when everything is answered. Throws the error that ends the run. */
  async drain(): Promise<void> {
    await this.#until(() => this.#unanswered.size === 0);
  }

  /** Takes nothing more. Resolves when no answer can come any longer. Never throws. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    this.#notify();
    await Promise.all(this.#workers);
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (this.#failure === undefined && !isReached()) await this.#changed.promise;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #start(index: number): void {
    this.#working++;
    const work = this.#pool.use(index, (client) => this.#work(client)).catch((error) => {
      // The others carry on with what this connection could not finish.
      if (--this.#working === 0) this.#failure ??= error;
      this.#notify();
    });
    this.#workers.push(work);
  }

  /** Sends over one connection until the end. Throws the error that ends the connection. */
  async #work({ session: { mux } }: V4Client): Promise<void> {
    const sent = new Set<Bulk<T>>();
    let end: unknown;
    try {
      while (end === undefined && !(this.#hasEnded && sent.size === 0)) {
        const bulk = this.#hasEnded ? undefined : this.#waiting.shift();
        if (bulk === undefined) {
          await this.#changed.promise;
          continue;
        }
        sent.add(bulk);
        const { isSent, result } = this.#exchange(mux, bulk);
        result.catch((error) => {
          end ??= error;
          this.#waiting.unshift(bulk);
        }).finally(() => {
          sent.delete(bulk);
          this.#notify();
        });
        await isSent;
        this.#unsent.delete(bulk);
        this.#notify();
      }
    } finally {
      // After a protocol error, the answers to other requests don't matter.
      if (end !== undefined && !mux.gracefulAbort.isAborted) mux[Symbol.dispose]();
      while (sent.size > 0) await this.#changed.promise;
    }
    if (end !== undefined) throw end;
  }

  /** Sends a message. `isSent` resolves when the next can be sent, `result` when it is answered. */
  #exchange(mux: RequestMux, bulk: Bulk<T>): { isSent: Promise<void>; result: Promise<void> } {
    const sent = Promise.withResolvers<void>();
    const result = mux.gracefulAbort.critical(async () => {
      const tag = mux.nextTag();
      const answered = mux.answerOf(tag, "packed");
      answered.catch(() => undefined);
      bulk.isSent = true;
      await mux.sendRecords(bulk.writer, tag);
      sent.resolve();
      try {
        this.#settle(bulk, await answered);
      } catch (error) {
        if (endsAll(error)) throw error;
        for (const item of bulk.items) this.#handlers.onResult(item, error as XferError);
      }
      this.#unanswered.delete(bulk);
      this.#records -= bulk.items.length;
      this.#pool.advance();
      this.#handlers.onDone(bulk);
    });
    result.then(sent.resolve, sent.resolve);
    return { isSent: sent.promise, result };
  }

  /** Throws `ProtocolError` if the answer has another number of results than the message has records. */
  #settle({ items }: Bulk<T>, answer: MessageOf<"packed">): void {
    if (checkRecords(new PackedReader(answer.bytes)) !== items.length) throw unexpected(answer);
    const reader = new PackedReader(answer.bytes);
    for (const item of items) {
      reader.next();
      this.#handlers.onResult(item, toResult(reader));
    }
  }
}

function toResult(reader: PackedReader): RecordResult {
  if (reader.status === "mismatch") return "mismatch";
  if (reader.status === "refused") return refused(reader);
  const { version, replaced, byOther } = reader;
  return { version, replacedOther: byOther ? replaced : undefined };
}
