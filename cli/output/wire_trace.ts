/**
 * What is said on the network, as events. Data comes in thousands of messages: those that follow each other are told as
 * one.
 *
 * @module
 */
import type { TracedMessage, Tracer } from "../../client/mod.ts";
import type { Event, EventOf } from "../events/mod.ts";

/** What a file's content comes in, by either protocol. */
const BULK: ReadonlySet<string> = new Set(["data", "sendFile"]);

type MessageEvent = EventOf<"message">;

export class WireTraceReport {
  readonly #reporter: { report(event: Event): void };
  readonly #now: () => number;
  readonly #began: number;
  /** Of each connection, what may become more. */
  readonly #bulk = new Map<number, MessageEvent>();
  #connections = 0;

  constructor(
    reporter: { report(event: Event): void },
    now: () => number = () => performance.now(),
  ) {
    this.#reporter = reporter;
    this.#now = now;
    this.#began = now();
  }

  readonly watch: Tracer = () => {
    // What went over the connections before was said before.
    this.end();
    const connection = ++this.#connections;
    return (said) => this.#take(connection, said);
  };

  /** Tells what was held back. */
  end(): void {
    for (const connection of this.#bulk.keys()) this.#flush(connection);
  }

  #take(connection: number, { from, kind: message, code, tag, size }: TracedMessage): void {
    const before = this.#bulk.get(connection);
    if (before?.message === message && before.from === from && before.tag === tag) {
      const told = { ...before, count: before.count + 1, size: before.size + size };
      this.#bulk.set(connection, told);
      return;
    }
    this.#flush(connection);
    const after = Math.round(this.#now() - this.#began) / 1000;
    const told: MessageEvent = {
      ...{ event: "message", connection, from, message, code, tag, count: 1, size, after },
    };
    if (BULK.has(message)) this.#bulk.set(connection, told);
    else this.#reporter.report(told);
  }

  #flush(connection: number): void {
    const told = this.#bulk.get(connection);
    if (told === undefined) return;
    this.#bulk.delete(connection);
    this.#reporter.report(told);
  }
}
