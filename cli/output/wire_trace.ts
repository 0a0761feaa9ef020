/**
 * What is said on the network, as events. Data comes in thousands of messages: those that follow each other are told as
 * one.
 *
 * @module
 */
import type { TracedMessage, Tracer } from "../../client/mod.ts";
import type { Event, EventOf } from "../events/mod.ts";

/** What a file's content comes in, by either protocol. */
const COALESCED: ReadonlySet<string> = new Set(["data", "sendFile"]);

type MessageEvent = EventOf<"message">;

export class WireTraceReport {
  readonly #reporter: { report(event: Event): void };
  readonly #now: () => number;
  readonly #began: number;
  /** Of each connection, what may become more. */
  readonly #coalesced = new Map<number, MessageEvent>();
  #connections = 0;

  constructor(
    reporter: { report(event: Event): void },
    now: () => number = () => performance.now(),
  ) {
    this.#reporter = reporter;
    this.#now = now;
    this.#began = now();
  }

  readonly tracer: Tracer = () => {
    // What went over the connections before was said before.
    this.end();
    const connection = ++this.#connections;
    return (said) => this.#take(connection, said);
  };

  /** Tells what was held back. */
  end(): void {
    for (const connection of this.#coalesced.keys()) this.#flush(connection);
  }

  #take(connection: number, { from, kind: message, code, tag, size }: TracedMessage): void {
    const before = this.#coalesced.get(connection);
    if (before?.message === message && before.from === from && before.tag === tag) {
      const event = { ...before, count: before.count + 1, size: before.size + size };
      this.#coalesced.set(connection, event);
      return;
    }
    this.#flush(connection);
    const after = Math.round(this.#now() - this.#began) / 1000;
    const event: MessageEvent = {
      ...{ event: "message", connection, from, message, code, tag, count: 1, size, after },
    };
    if (COALESCED.has(message)) this.#coalesced.set(connection, event);
    else this.#reporter.report(event);
  }

  #flush(connection: number): void {
    const event = this.#coalesced.get(connection);
    if (event === undefined) return;
    this.#coalesced.delete(connection);
    this.#reporter.report(event);
  }
}
