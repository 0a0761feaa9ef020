/**
 * The last events of a server, for its operator.
 *
 * @module
 */
import { printable } from "../../../protocol/printable.ts";
import type { EventLevel, EventStream, MonitorEvent } from "../../monitor/event_stream.ts";

/** The most events that are kept. About 500 bytes each. */
const MAX_EVENTS = 2000;
/** The most characters of a sentence. */
const MAX_SENTENCE = 600;

/** Kinds of events, by which the page filters. */
const EVENT_KINDS = {
  stored: ["file.stored", "pack.stored", "file.resumed", "file.held"],
  downloaded: ["file.downloaded", "pack.downloaded", "file.not-downloaded"],
  changed: ["file.removed", "file.renamed", "file.restored", "file.updated"],
  refused: [
    ...["client.refused", "client.denied", "client.dismissed", "key.refused", "file.refused"],
    ...["request.refused", "connection.refused", "limit.reached", "operator.refused"],
  ],
  damaged: [
    ...["file.damaged", "store.missing", "store.changed", "store.stray", "store.differs"],
    ...["file.not-confirmed", "file.not-checked", "file.mended", "store.mended"],
    ...["check.completed", "check.waiting", "check.continued"],
  ],
  "signed in": [
    ...["client.registered", "client.linked", "client.claimed", "client.logged-in"],
    "client.reconnected",
  ],
  operator: ["operator.acted"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type RecentEventKind = keyof typeof EVENT_KINDS | "server";

export const KIND_NAMES = [...Object.keys(EVENT_KINDS), "server"] as readonly RecentEventKind[];

const KINDS: ReadonlyMap<string, RecentEventKind> = new Map(
  Object.entries(EVENT_KINDS).flatMap(([kind, events]) =>
    events.map((event) => [event, kind as RecentEventKind] as const)
  ),
);

export interface RecentEvent {
  /** Increases by 1 with each event. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly kind: RecentEventKind;
  readonly level: EventLevel;
  readonly event: string;
  readonly sentence: string;
}

export class RecentEvents implements Disposable {
  readonly #clock: () => number;
  readonly #subscription: Disposable;
  /** Oldest first. */
  #events: RecentEvent[] = [];
  #count = 0;

  constructor(events: EventStream, clock: () => number) {
    this.#clock = clock;
    this.#subscription = events.subscribe((event) => this.#add(event));
  }

  /** The newest first: at most `limit` of a kind, whose sentence contains `text`. */
  find({ kind, text = "", limit }: {
    readonly kind?: RecentEventKind | undefined;
    readonly text?: string;
    readonly limit: number;
  }): RecentEvent[] {
    const wanted = text.toLowerCase();
    const found: RecentEvent[] = [];
    for (let i = this.#events.length - 1; i >= 0 && found.length < limit; i--) {
      const event = this.#events[i] as RecentEvent;
      if (kind !== undefined && event.kind !== kind) continue;
      if (event.sentence.toLowerCase().includes(wanted)) found.push(event);
    }
    return found;
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #add(event: MonitorEvent): void {
    const { level, properties } = event;
    // Routine, such as a request for a file that does not exist.
    if (level === "debug") return;
    const kind = KINDS.get(properties.event);
    this.#events.push({
      ...{ number: ++this.#count, at: this.#clock(), kind: kind ?? "server", level },
      ...{ event: properties.event, sentence: sentenceOf(event) },
    });
    // Twice as many at times, since moving all of them for each event would cost more.
    if (this.#events.length >= 2 * MAX_EVENTS) this.#events = this.#events.slice(-MAX_EVENTS);
  }
}

/** The line as the log for people has it. */
function sentenceOf({ words, properties }: MonitorEvent): string {
  const text = words.replace(
    /\{(\w+)\}/g,
    (_, name: string) => printable(String(properties[name] ?? "")),
  );
  return text.length <= MAX_SENTENCE ? text : `${text.slice(0, MAX_SENTENCE)}…`;
}
