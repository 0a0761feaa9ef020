/**
 * The queue of events for a receiver outside the server. Changes queue their events in their own transaction.
 *
 * @module
 */

import type { Bytes } from "../../protocol/bytes.ts";

/** The kinds of events. The catalog queues the first five by itself, with the change. */
export const HOOK_KINDS = [
  ...["stored", "removed", "renamed", "restored", "registered"] as const,
  ...["damaged", "downloaded", "refused"] as const,
] as const;

/** A kind of events. */
export type HookKind = (typeof HOOK_KINDS)[number];

/** The most characters of the reason why a delivery has failed. */
export const MAX_HOOK_FAILURE = 200;

/**
 * No event is due later than this, in milliseconds, and no lease lasts longer. One that seems to is due now: the clock was
 * ahead when it was written, and has gone back.
 */
export const MAX_HOOK_DELAY_MS = 2 * 60 * 60_000;

/** An event to queue. */
export interface NewHook {
  /** A text that no other event has. The receiver recognizes repeated deliveries by it. */
  readonly delivery: string;
  /** The name of the event: `file.stored`. */
  readonly type: string;
  /** The account in whose order the event is delivered, 16 bytes; without one, in any order. */
  readonly accountId: Bytes | undefined;
  /**
   * A number of the file. Events of an account with the same number are delivered one after another. An event without
   * one waits for all earlier ones of the account, and later ones wait for it.
   */
  readonly lane: number | undefined;
  /** The body, JSON. */
  readonly body: string;
}

/** An event in the queue. */
export interface QueuedHook {
  /** Its place in the queue: it increases. */
  readonly number: number;
  /** Its id for the receiver. */
  readonly delivery: string;
  /** The name of the event. */
  readonly type: string;
  /** The body, JSON. */
  readonly body: string;
  /** When it was queued, in milliseconds since the epoch by the catalog's clock. */
  readonly queuedAt: number;
  /** The number of failed deliveries. */
  readonly attempts: number;
  /** Why the last delivery has failed. */
  readonly failure: string | undefined;
  /** Whether the server has given up. */
  readonly isDead: boolean;
}

/** A server that takes events to deliver. */
export interface HookClaim {
  /** A text that no other claim has. */
  readonly token: string;
  /** The most events. */
  readonly most: number;
  /** The time after which another server can take those that were not settled, in milliseconds. */
  readonly leaseMs: number;
}

/** The result of a delivery. Without `failure`, the receiver has the event. */
export interface HookOutcome {
  /** The event. */
  readonly number: number;
  /** Why the delivery has failed, and the time until the next one, in milliseconds. */
  readonly failure?: { readonly reason: string; readonly delayMs: number };
}

/** The bounds of the queue. */
export interface HookBounds {
  /** The most events that wait. */
  readonly rows: number;
  /** The most bytes of their bodies. */
  readonly bytes: number;
  /** The most dead events. */
  readonly dead: number;
}

/** The length of the queue. */
export interface HookTotals {
  /** Events that wait, or are being delivered. */
  readonly waiting: number;
  /** The bytes of their bodies. */
  readonly bytes: number;
  /** When the first of them was queued, in milliseconds since the epoch; `undefined` if none waits. */
  readonly oldest: number | undefined;
  /** Dead events. */
  readonly dead: number;
}

/** Which events to retry or to drop: one, all dead ones, or all. */
export type HookSelection = { readonly delivery: string } | "dead" | "all";

/**
 * The queue of events. An event is delivered at least once: it leaves the queue when the receiver has it. Each method
 * is one transaction.
 */
export interface HookQueue {
  /** From now on, changes by this catalog object queue events of these kinds. None by default. */
  watch(kinds: readonly HookKind[]): Promise<void>;
  /** Queues events that no change of the catalog causes. */
  add(hooks: readonly NewHook[]): Promise<void>;
  /** Takes events that are due and whose turn it is, oldest first. No one else gets them before the lease ends. */
  claim(claim: HookClaim): Promise<QueuedHook[]>;
  /**
   * Removes delivered events, and puts the others back. Those that have waited for `deadAfterMs` are dead. Ignores
   * events that another claim has taken. Returns the number of events that have died.
   */
  settle(token: string, outcomes: readonly HookOutcome[], deadAfterMs: number): Promise<number>;
  /** Drops the oldest events that are over the bounds. Returns the number of those that waited. */
  trim(bounds: HookBounds): Promise<number>;
  /** The length of the queue. */
  totals(): Promise<HookTotals>;
  /** A page of events by number, `after` that of the last page. */
  list(after: number, limit: number): Promise<QueuedHook[]>;
  /** Makes events due now. Dead ones wait again. Returns their number. */
  retry(which: HookSelection): Promise<number>;
  /** Removes events. Returns their number. */
  drop(which: HookSelection): Promise<number>;
}
