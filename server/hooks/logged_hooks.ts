/**
 * Events that no change of the catalog causes: they are lines of the log. They are kept in memory until the next round, so
 * that they can get lost.
 *
 * @module
 */
import { fromHex } from "../../protocol/bytes.ts";
import { encodeHook } from "../catalog/hook_events.ts";
import type { HookKind, NewHook } from "../catalog/hook_queue.ts";
import type { MonitorEvent } from "../monitor/event_stream.ts";

/** The most events that wait for the next round. */
export const MAX_LOGGED_HOOKS = 1000;
/** The most characters of a body. Names are shorter. */
const MAX_BODY = 64 * 1024;

/** The kinds of events by the name of the log. */
const KINDS: ReadonlyMap<string, HookKind> = new Map(
  Object.entries(
    {
      damaged: ["file.damaged"],
      downloaded: ["file.downloaded", "pack.downloaded"],
      refused: [
        ...["client.refused", "client.denied", "key.refused", "file.refused", "request.refused"],
        "limit.reached",
      ],
    } as const satisfies Partial<Record<HookKind, readonly string[]>>,
  ).flatMap(([kind, events]) => events.map((event) => [event, kind as HookKind] as const)),
);

export class LoggedHooks {
  readonly #kinds: ReadonlySet<HookKind>;
  readonly #clock: () => number;
  #hooks: NewHook[] = [];
  #dropped = 0;

  /** `clock`: milliseconds since the epoch. */
  constructor(kinds: readonly HookKind[], clock: () => number) {
    this.#kinds = new Set(kinds);
    this.#clock = clock;
  }

  /** Keeps an event of the log, if its kind is wanted and it is not routine. Returns whether it is kept. */
  add({ level, properties: { event: type, ...data } }: MonitorEvent): boolean {
    const kind = KINDS.get(type);
    // Routine, such as a request for a file that does not exist.
    if (level === "debug" || kind === undefined || !this.#kinds.has(kind)) return false;
    const { client, file } = data as { client?: unknown; file?: unknown };
    const isId = typeof client === "string" && /^[0-9a-f]{32}$/.test(client);
    const hook = encodeHook({
      ...{ type, at: this.#clock(), data },
      accountId: isId ? fromHex(client) : undefined,
      // Without a file, it must not keep back others.
      file: typeof file === "string" ? file : "",
    });
    if (this.#hooks.length >= MAX_LOGGED_HOOKS || hook.body.length > MAX_BODY) this.#dropped++;
    else this.#hooks.push(hook);
    return true;
  }

  /** The events since the last call, and the number of those that were dropped. */
  take(): { readonly hooks: readonly NewHook[]; readonly dropped: number } {
    const taken = { hooks: this.#hooks, dropped: this.#dropped };
    this.#hooks = [];
    this.#dropped = 0;
    return taken;
  }
}
