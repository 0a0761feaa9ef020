/**
 * The server's log, which peers can't flood: what they name is shortened, and a line that one can cause at will is left
 * out where the peer has caused too many of its kind.
 *
 * @module
 */
import { addressKey } from "./client_address.ts";

export type Properties = Readonly<Record<string, unknown>> & { readonly event: string };
type Write = (words: string, properties: Properties) => void;

/** What of a logger is used here. */
export type Log = Readonly<Record<"debug" | "info" | "warn" | "error", Write>>;

/** Characters of a text in the log: of a longer one beginning and end are left, so that a file can still be found. */
export const MAX_LOGGED_TEXT = 240;
const ELLIPSIS = "…";
/**
 * Lines of one kind that one address may cause at once, … A lab may log in through one address; whoever wants to fill the
 * disk needs far more.
 */
export const LOGGED_AT_ONCE = 200;
/** … and how long it takes until one more of them is logged, in milliseconds. */
export const LOGGED_EVERY_MS = 100;
/** Addresses and kinds that are counted; the one counted longest ago makes room. About 200 bytes each. */
const MAX_COUNTED = 16_384;

/** They tell of something that lasts, for which the disk was synced: all of them are logged. */
const LASTING: readonly string[] = [
  ...["file.stored", "file.removed", "file.renamed"],
  ...["client.registered", "client.linked", "client.claimed"],
];

interface SimilarLines {
  readonly event: string;
  readonly origin: string;
  /** Lines that count at a time. */
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
  /** By kind and address, the one counted longest ago first. */
  readonly #counted = new Map<string, SimilarLines>();

  constructor(log: Log, ticks: () => number) {
    this.#log = log;
    this.#ticks = ticks;
    const at = (level: keyof Log): Write => (words, properties) =>
      this.#write(level, words, properties);
    this.debug = at("debug");
    this.info = at("info");
    this.warn = at("warn");
    this.error = at("error");
  }

  /** Says what was left out and not told since, and forgets those that may log again as they like. */
  flush(): void {
    for (const [key, counted] of this.#counted) {
      this.#tell(counted);
      if (this.#linesNow(counted) === 0) this.#counted.delete(key);
    }
  }

  #write(level: keyof Log, words: string, properties: Properties): void {
    const { event, address } = properties;
    // What the server says of itself is not a peer's.
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

  /** How many lines were left out before this one; `undefined` where it is left out too. */
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

/** Beginning and end of a long text that is {@link printable}; no character and no escape in it is cut. */
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

/** Where a peer is counted, of its address with its port. */
function originOf(address: string): string {
  return addressKey(address.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""));
}
