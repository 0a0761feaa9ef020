/**
 * Reports messages on the network as events. Consecutive data messages are merged into one, because a file has thousands.
 *
 * @module
 */
import type { TracedMessage, Tracer } from "../../client/mod.ts";
import type { Event, EventOf } from "../events/mod.ts";

/** The messages with file content, of both protocols. */
const COALESCED: ReadonlySet<string> = new Set([
  ...["data", "chunk", "pack", "contents", "entries", "sendFile"],
]);

type MessageEvent = EventOf<"message">;

export class WireTraceReport {
  readonly #reporter: { report(event: Event): void };
  readonly #now: () => number;
  readonly #began: number;
  /** By connection, the data messages that are not reported yet. */
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
    // Messages of earlier connections are reported first.
    this.end();
    const connection = ++this.#connections;
    return (message) => this.#take(connection, message);
  };

  /** Reports the messages that were held back. */
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
