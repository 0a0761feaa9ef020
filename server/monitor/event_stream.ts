/**
 * What happens in a server, as events: every line of the log, before any is shortened or suppressed.
 *
 * @module
 */

/** The fields of an event. Texts of peers are {@link printable}. */
export type Properties = Readonly<Record<string, unknown>> & { readonly event: string };

export type EventLevel = "debug" | "info" | "warn" | "error";

export interface MonitorEvent {
  readonly level: EventLevel;
  /** The sentence of the log; `{name}` stands for a property. */
  readonly words: string;
  readonly properties: Properties;
}

/** Gets each event at once. It must not throw or take long. */
export type EventListener = (event: MonitorEvent) => void;

export class EventStream {
  readonly #listeners = new Set<EventListener>();

  /** Calls `listener` for each event until the result is disposed of. */
  subscribe(listener: EventListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Costs nothing without listeners. */
  publish(level: EventLevel, words: string, properties: Properties): void {
    if (this.#listeners.size === 0) return;
    const event = { level, words, properties };
    for (const listener of this.#listeners) listener(event);
  }
}
