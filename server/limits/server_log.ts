/**
 * The server's log, which peers cannot flood: texts are shortened, and lines that a peer can cause at will are limited
 * per kind and address.
 *
 * @module
 */
import type { EventStream, Properties } from "../monitor/event_stream.ts";
import { originOf } from "./client_address.ts";

type Write = (words: string, properties: Properties) => void;

/** The methods of a logger that the server uses. */
export type Log = Readonly<Record<"debug" | "info" | "warn" | "error", Write>>;

/**
 * The most characters of a text in the log. A longer text keeps its beginning and its end, by which a file can be
 * found.
 */
export const MAX_LOGGED_TEXT = 240;
const ELLIPSIS = "…";
/**
 * The most lines of one kind that an address can cause at once. A whole lab can sign in through one address. Filling
 * the disk takes far more.
 */
export const LOGGED_AT_ONCE = 200;
/** The time until one more line of the kind is logged, in milliseconds. */
export const LOGGED_EVERY_MS = 100;
/** The most pairs of kind and address that are counted; a new one replaces the oldest. About 200 bytes each. */
const MAX_COUNTED = 16_384;

/** Events after which the disk was synced, so peers cannot cause them fast. They are always logged. */
const LASTING: readonly string[] = [
  ...["file.stored", "pack.stored", "file.removed", "file.renamed", "file.restored"],
  ...["client.registered", "client.linked", "client.claimed", "operator.acted"],
];

interface SimilarLines {
  readonly event: string;
  readonly origin: string;
  /** Lines that still count. */
  lines: number;
  at: number;
  omitted: number;
}

export class ServerLog implements Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  readonly #log: Log;
  readonly #ticks: () => number;
  readonly #events: EventStream | undefined;
  /** By kind and address, oldest first. */
  readonly #counted = new Map<string, SimilarLines>();

  /** `events` get every line, including suppressed ones. */
  constructor(log: Log, ticks: () => number, events?: EventStream) {
    this.#log = log;
    this.#ticks = ticks;
    this.#events = events;
    const at = (level: keyof Log): Write => (words, properties) =>
      this.#write(level, words, properties);
    this.debug = at("debug");
    this.info = at("info");
    this.warn = at("warn");
    this.error = at("error");
  }

  /** Logs the counts of suppressed lines, and forgets peers that are below the limit again. */
  flush(): void {
    for (const [key, counted] of this.#counted) {
      this.#tell(counted);
      if (this.#linesNow(counted) === 0) this.#counted.delete(key);
    }
  }

  #write(level: keyof Log, words: string, properties: Properties): void {
    const { event, address } = properties;
    this.#events?.publish(level, words, properties);
    // The server's own lines are not caused by a peer.
    if (event.startsWith("server.")) return this.#log[level](words, properties);
    const isPeers = typeof address === "string" && !LASTING.includes(event);
    const omitted = isPeers ? this.#admit(event, originOf(address)) : 0;
    if (omitted === undefined) return;
    const shortened = shortenAll(properties);
    if (omitted === 0) this.#log[level](words, shortened);
    else {
      this.#log[level](`${words} ({omitted} similar messages suppressed)`, {
        ...shortened,
        omitted,
      });
    }
  }

  /** The number of lines suppressed before this one; `undefined` if this one is suppressed too. */
  #admit(event: string, origin: string): number | undefined {
    const key = `${event} ${origin}`;
    const counted = this.#counted.get(key) ?? { event, origin, lines: 0, at: 0, omitted: 0 };
    const lines = this.#linesNow(counted);
    if (lines + 1 > LOGGED_AT_ONCE) {
      counted.omitted++;
      return undefined;
    }
    const { omitted } = counted;
    this.#counted.delete(key);
    this.#counted.set(key, { event, origin, lines: lines + 1, at: this.#ticks(), omitted: 0 });
    if (this.#counted.size > MAX_COUNTED) this.#forgetOldest();
    return omitted;
  }

  #linesNow({ lines, at }: SimilarLines): number {
    return Math.max(0, lines - (this.#ticks() - at) / LOGGED_EVERY_MS);
  }

  #forgetOldest(): void {
    for (const [key, counted] of this.#counted) {
      this.#tell(counted);
      this.#counted.delete(key);
      return;
    }
  }

  #tell(counted: SimilarLines): void {
    const { event: like, origin, omitted } = counted;
    if (omitted === 0) return;
    counted.omitted = 0;
    this.#log.warn("Suppressed {omitted} messages like {like} from {origin}", {
      ...{ event: "log.suppressed", like, origin, omitted },
    });
  }
}

function shortenAll(properties: Properties): Properties {
  const entries = Object.entries(properties).map(([name, value]) => [
    name,
    typeof value === "string" ? shortened(value) : value,
  ]);
  return Object.fromEntries(entries);
}

/** The beginning and the end of a long {@link printable} text. Characters and escapes stay whole. */
export function shortened(text: string): string {
  if (text.length <= MAX_LOGGED_TEXT) return text;
  const half = Math.floor((MAX_LOGGED_TEXT - ELLIPSIS.length) / 2);
  const begin = text.slice(0, half).replace(
    /(?:\\(?:u(?:\{[0-9a-f]{0,6})?)?|[\ud800-\udbff])$/,
    "",
  );
  const end = text.slice(-half).replace(/^(?:u?\{?[0-9a-f]{0,6}\}|[\udc00-\udfff])/, "");
  return `${begin}${ELLIPSIS}${end}`;
}
