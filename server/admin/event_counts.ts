/**
 * The number of events of each kind, and of log lines of each level.
 *
 * @module
 */
import type { EventLevel, EventStream } from "../monitor/event_stream.ts";

/** The most kinds of events. The server has about a hundred, and a peer can add none. */
const MAX_KINDS = 1000;

export class EventCounts implements Disposable {
  readonly levels: Readonly<Record<EventLevel, number>>;
  readonly #levels: Record<EventLevel, number> = { debug: 0, info: 0, warn: 0, error: 0 };
  readonly #byEvent = new Map<string, number>();
  readonly #byCode = new Map<string, Map<string, number>>();
  readonly #subscription: Disposable;

  constructor(events: EventStream) {
    this.levels = this.#levels;
    this.#subscription = events.subscribe(({ level, properties: { event, code } }) => {
      this.#levels[level]++;
      increment(this.#byEvent, event);
      if (typeof code !== "string") return;
      const codes = this.#byCode.get(event) ?? new Map<string, number>();
      if (this.#byCode.size < MAX_KINDS) this.#byCode.set(event, codes);
      increment(codes, code);
    });
  }

  of(event: string): number {
    return this.#byEvent.get(event) ?? 0;
  }

  /** By the error code, for events that have one. */
  byCode(event: string): ReadonlyMap<string, number> {
    return this.#byCode.get(event) ?? new Map();
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}

function increment(counts: Map<string, number>, key: string): void {
  const count = counts.get(key);
  if (count !== undefined || counts.size < MAX_KINDS) counts.set(key, (count ?? 0) + 1);
}
