/**
 * Delivers the events of the queue to their receiver. Servers that share a catalog share the work.
 *
 * @module
 */
import { reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { HookKind, HookOutcome, HookQueue, QueuedHook } from "../catalog/hook_queue.ts";
import type { Limits } from "../limits/limits.ts";
import type { Log } from "../limits/server_log.ts";
import type { EventStream } from "../monitor/event_stream.ts";
import type { HookReceiver } from "./hook_receiver.ts";
import type { HookCounts, HookReport } from "./hook_settings.ts";
import { LoggedHooks } from "./logged_hooks.ts";

/** The most deliveries of a server at a time. */
const MOST = 16;
/** The time after which another server repeats deliveries of one that was killed. Longer than one delivery takes. */
const LEASE_MS = 60_000;
/** How often a server looks for events of others and for those that are due again, in milliseconds. */
const LOOK_MS = 2000;
/** The pause after the first failed delivery of an event, and the longest one, in milliseconds. */
const EVENT_PAUSES = { first: 1000, most: 10 * 60_000 };
/** The same after a round in which every delivery has failed: the receiver is away. */
const ROUND_PAUSES = { first: 1000, most: 60_000 };
/** The pause between rounds, in milliseconds: several events share one, and many events leave time for clients. */
const GATHER_MS = 20;
/** The time between looks at the bounds of the queue, in milliseconds. */
const TRIM_MS = 2000;
/** The most dead events. */
const MAX_DEAD = 10_000;
/** The time that deliveries in progress get when the server stops, in milliseconds. */
const STOP_MS = 2000;

/** The kinds of events that the catalog queues, by the line of the log that follows. */
const QUEUED: ReadonlyMap<string, HookKind> = new Map(
  Object.entries(
    {
      ...{ "file.stored": "stored", "pack.stored": "stored", "file.removed": "removed" },
      ...{ "file.renamed": "renamed", "file.restored": "restored" },
      "client.registered": "registered",
    } as const,
  ),
);
/** The line of the log after which an operator may have changed the queue. */
const ACTED = "operator.acted";

export interface HookDeliveryOptions {
  readonly queue: HookQueue;
  readonly receiver: Pick<HookReceiver, "send">;
  readonly kinds: readonly HookKind[];
  readonly limits: Pick<Limits, "hookRetryMs" | "maxHooks" | "maxHookBytes">;
  readonly events: EventStream;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** From 0 to less than 1; `Math.random` by default. */
  readonly random?: () => number;
  /** Divides all pauses; 1 by default. */
  readonly haste?: number | undefined;
}

export class HookDelivery implements AsyncDisposable {
  readonly #options: HookDeliveryOptions;
  readonly #logged: LoggedHooks;
  readonly #counts: HookCounts = { delivered: 0, failed: 0, died: 0, dropped: 0 };
  readonly #subscription: Disposable;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #isStopping = false;
  #isNew = true;
  #wake: () => void = () => undefined;
  /** Rounds in which every delivery has failed, one after another. */
  #failedRounds = 0;
  /** The longest time for which the receiver has asked in this round, in milliseconds. */
  #askedMs = 0;
  #trimmedAt = -Infinity;
  #hasQueueFailed = false;

  private constructor(options: HookDeliveryOptions) {
    this.#options = options;
    this.#logged = new LoggedHooks(options.kinds, options.clock);
    this.#subscription = options.events.subscribe((event) => {
      const { event: name } = event.properties;
      const kind = QUEUED.get(name);
      const isQueued = kind !== undefined && options.kinds.includes(kind);
      if (!this.#logged.add(event) && !isQueued && name !== ACTED) return;
      this.#isNew = true;
      this.#wake();
    });
    this.#running = this.#run();
  }

  /** From when the promise resolves, changes queue their events. */
  static async start(options: HookDeliveryOptions): Promise<HookDelivery> {
    await options.queue.watch(options.kinds);
    return new HookDelivery(options);
  }

  async report(): Promise<HookReport> {
    return { ...await this.#options.queue.totals(), counts: this.#counts };
  }

  /** Ends deliveries in progress. Others stay in the queue. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]();
    this.#isStopping = true;
    this.#wake();
    const timer = setTimeout(() => this.#stopped.abort(), STOP_MS);
    await this.#running;
    clearTimeout(timer);
    await this.#queueLogged().catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { haste = 1 } = this.#options;
    while (!this.#isStopping) {
      try {
        const pauseMs = await this.#round();
        this.#hasQueueFailed = false;
        if (pauseMs === undefined) await this.#waitForNews();
        else await this.#pause(pauseMs);
      } catch (error) {
        this.#noteQueueFailure(error);
        await this.#pause(ROUND_PAUSES.first / haste);
      }
    }
  }

  /** Delivers some events. Returns the pause until the next round, in milliseconds; `undefined` if no event was ready. */
  async #round(): Promise<number | undefined> {
    const { queue, limits, haste = 1 } = this.#options;
    this.#isNew = false;
    await this.#queueLogged();
    await this.#trim();
    this.#askedMs = 0;
    const token = crypto.randomUUID();
    const hooks = await queue.claim({ token, most: MOST, leaseMs: LEASE_MS });
    if (hooks.length === 0) return undefined;
    const outcomes = await Promise.all(hooks.map((hook) => this.#deliver(hook)));
    const died = await queue.settle(token, outcomes, limits.hookRetryMs);
    this.#note(hooks, outcomes, died);
    if (this.#failedRounds === 0) return GATHER_MS / haste;
    return Math.max(
      this.#pauseAfter(this.#failedRounds - 1, ROUND_PAUSES),
      Math.min(this.#askedMs, ROUND_PAUSES.most) / haste,
    );
  }

  async #deliver(hook: QueuedHook): Promise<HookOutcome> {
    const { number, attempts } = hook;
    const { receiver, haste = 1 } = this.#options;
    const refusal = await receiver.send(hook, this.#stopped.signal);
    if (refusal === undefined) return { number };
    const { reason, retryAfterMs = 0 } = refusal;
    this.#askedMs = Math.max(this.#askedMs, retryAfterMs);
    const pauseMs = Math.max(this.#pauseAfter(attempts, EVENT_PAUSES), retryAfterMs / haste);
    const delayMs = this.#stopped.signal.aborted ? 0 : pauseMs;
    return { number, failure: { reason: printable(reason), delayMs } };
  }

  /** Doubled after each failure, with jitter: half of it is random. */
  #pauseAfter(failures: number, { first, most }: { first: number; most: number }): number {
    const { random = Math.random, haste = 1 } = this.#options;
    const longest = Math.min(most, first * 2 ** Math.min(failures, 30)) / haste;
    return longest * (0.5 + random() / 2);
  }

  #note(hooks: readonly QueuedHook[], outcomes: readonly HookOutcome[], died: number): void {
    const { log } = this.#options;
    const failures = outcomes.flatMap(({ failure }) => failure === undefined ? [] : [failure]);
    const delivered = outcomes.length - failures.length;
    const { delivered: before, failed } = this.#counts;
    const isUnknown = before + failed === 0;
    this.#counts.delivered += delivered;
    this.#counts.failed += failures.length;
    this.#counts.died += died;
    if (died > 0) {
      log.error("Gave up {events} events, see 'xfer server hooks list': {reason}", {
        ...{ event: "hook.died", events: died, reason: failures[0]?.reason },
      });
    }
    const wasAway = this.#failedRounds > 0;
    if (delivered > 0) this.#failedRounds = 0;
    // An event that alone fails again and again does not mean that the receiver is away.
    else if (isUnknown || hooks.some(({ attempts }) => attempts === 0)) this.#failedRounds++;
    if (delivered > 0 && wasAway) {
      log.info("The receiver accepts events again", { event: "hook.recovered" });
    } else if (this.#failedRounds > 0 && !wasAway) {
      log.warn("Could not deliver event {id} ({type}), will try again: {reason}", {
        ...{ event: "hook.failed", id: hooks[0]?.delivery, type: hooks[0]?.type },
        reason: failures[0]?.reason,
      });
    }
  }

  async #queueLogged(): Promise<void> {
    const { hooks, dropped } = this.#logged.take();
    this.#noteDropped(dropped, "too many at once");
    if (hooks.length === 0) return;
    try {
      await this.#options.queue.add(hooks);
    } catch (error) {
      this.#noteDropped(hooks.length, printable(reasonOf(error)));
      throw error;
    }
  }

  async #trim(): Promise<void> {
    const { queue, limits, haste = 1 } = this.#options;
    const now = performance.now();
    if (now - this.#trimmedAt < TRIM_MS / haste) return;
    this.#trimmedAt = now;
    const { maxHooks: rows, maxHookBytes: bytes } = limits;
    this.#noteDropped(await queue.trim({ rows, bytes, dead: MAX_DEAD }), "the queue was full");
  }

  #noteDropped(count: number, reason: string): void {
    if (count === 0) return;
    this.#counts.dropped += count;
    this.#options.log.error("Dropped {events} events: {reason}", {
      ...{ event: "hook.dropped", events: count, reason },
    });
  }

  /** Once until the queue works again. */
  #noteQueueFailure(error: unknown): void {
    if (this.#hasQueueFailed) return;
    this.#hasQueueFailed = true;
    this.#options.log.warn("Could not use the queue of events: {reason}", {
      ...{ event: "hook.no-queue", reason: printable(reasonOf(error)) },
    });
  }

  /** Waits for new events, or until events of others or those that are due again may be ready. */
  async #waitForNews(): Promise<void> {
    const { haste = 1 } = this.#options;
    if (!this.#isNew) await this.#sleep(LOOK_MS / haste, () => this.#isNew);
    if (this.#isNew) await this.#pause(GATHER_MS / haste);
  }

  /** Waits, also if there are new events. */
  async #pause(ms: number): Promise<void> {
    if (ms > 0) await this.#sleep(ms, () => false);
  }

  /** Waits until the server stops, or something happens after which `isOver`. */
  async #sleep(ms: number, isOver: () => boolean): Promise<void> {
    if (this.#isStopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (!this.#isStopping && !isOver()) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}
