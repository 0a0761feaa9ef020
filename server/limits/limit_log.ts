/**
 * Logs limits that peers reach, at most once per second for each limit and account or address.
 *
 * @module
 */
import { originOf } from "./client_address.ts";
import { type LimitError, type LimitName, LIMITS } from "./limits.ts";
import type { Log } from "./server_log.ts";

/** The minimum time between two lines, in milliseconds. The next line counts the suppressed ones. */
const PAUSE_MS = 1000;
/** The most limits of accounts and addresses that are remembered; a new one replaces the oldest. About 200 bytes each. */
const MAX_REMEMBERED = 4096;

/** The peer that has reached a limit, and its file. Texts are printable. */
export interface LimitedPeer {
  /** `HOST:PORT`. */
  readonly address: string;
  /** The user name, if the client has signed in. */
  readonly user?: string | undefined;
  /** The account's id. */
  readonly client?: string | undefined;
  readonly file?: string | undefined;
}

interface LastLine {
  readonly at: number;
  omitted: number;
}

export class LimitLog {
  /** How often each limit was reached. */
  readonly counts: ReadonlyMap<LimitName, number>;
  readonly #counts = new Map<LimitName, number>();
  readonly #log: Log;
  readonly #ticks: () => number;
  /** By limit and account or address, oldest first. */
  readonly #last = new Map<string, LastLine>();

  constructor(log: Log, ticks: () => number) {
    this.#log = log;
    this.#ticks = ticks;
    this.counts = this.#counts;
  }

  report(error: LimitError, peer: LimitedPeer): void {
    this.#counts.set(error.limit, (this.#counts.get(error.limit) ?? 0) + 1);
    const omitted = this.#admit(error.limit, peer.client ?? originOf(peer.address));
    if (omitted === undefined) return;
    const { address, user, client, file } = peer;
    const who = user === undefined ? "{address}" : "{user} from {address}";
    const what = file === undefined ? "" : " with {file}";
    const suppressed = omitted === 0 ? "" : " ({omitted} similar messages suppressed)";
    this.#log.warn(`Limit {option} reached by ${who}${what}: {reason}${suppressed}`, {
      event: "limit.reached",
      name: error.limit,
      option: `--${LIMITS[error.limit].option}`,
      ...(user === undefined ? {} : { user, client }),
      ...(file === undefined ? {} : { file }),
      address,
      reason: error.message,
      omitted,
    });
  }

  /** The number of lines suppressed before this one; `undefined` if this one is suppressed too. */
  #admit(limit: LimitName, origin: string): number | undefined {
    const key = `${limit} ${origin}`;
    const now = this.#ticks();
    const last = this.#last.get(key);
    if (last !== undefined && now - last.at < PAUSE_MS) {
      last.omitted++;
      return undefined;
    }
    this.#last.delete(key);
    const [oldest] = this.#last.keys();
    if (oldest !== undefined && this.#last.size >= MAX_REMEMBERED) this.#last.delete(oldest);
    this.#last.set(key, { at: now, omitted: 0 });
    return last?.omitted ?? 0;
  }
}
