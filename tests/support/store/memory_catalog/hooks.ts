import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import type { Account } from "../../../../server/catalog/accounts.ts";
import { encodeHook, type HookEvent } from "../../../../server/catalog/hook_events.ts";
import {
  type HookKind,
  type HookQueue,
  type HookSelection,
  MAX_HOOK_DELAY_MS,
  MAX_HOOK_FAILURE,
  type NewHook,
  type QueuedHook,
} from "../../../../server/catalog/hook_queue.ts";
import { type HookRow, type State, sum } from "./state.ts";

const isLater = (time: number) => time > Date.now() && time <= Date.now() + MAX_HOOK_DELAY_MS;

export function hooksOf(state: State): HookQueue {
  const isReady = (hook: HookRow) => {
    const { isDead, dueAt, claim, accountId, lane, number } = hook;
    if (isDead || isLater(dueAt) || isLater(claim?.until ?? 0)) return false;
    return !state.hooks.some((other) =>
      !other.isDead && other.number < number && isSame(other.accountId, accountId) &&
      (other.lane === lane || other.lane === undefined || lane === undefined)
    );
  };
  const change = (hook: HookRow, changes: Partial<HookRow>) => {
    state.hooks = state.hooks.map((one) => one === hook ? { ...hook, ...changes } : one);
  };
  const drop = (dropped: readonly HookRow[]) => {
    state.hooks = state.hooks.filter((hook) => !dropped.includes(hook));
    return dropped.length;
  };
  const selected = (which: HookSelection) =>
    state.hooks.filter(({ isDead, delivery }) =>
      which === "all" || (which === "dead" ? isDead : delivery === which.delivery)
    );

  return {
    watch: (kinds) => state.atomically(() => void (state.watched = new Set(kinds))),
    add: (hooks) => state.atomically(() => queue(state, hooks)),
    claim: ({ token, most, leaseMs }) =>
      state.atomically(() => {
        const ready = state.hooks.filter(isReady).slice(0, most);
        for (const hook of ready) change(hook, { claim: { token, until: Date.now() + leaseMs } });
        return ready.map(shown);
      }),
    settle: (token, outcomes, deadAfterMs) =>
      state.atomically(() => {
        let died = 0;
        for (const { number, failure } of outcomes) {
          const hook = state.hooks.find((one) => one.number === number);
          if (hook === undefined) continue;
          if (failure === undefined) drop([hook]);
          else if (hook.claim?.token === token) {
            const isDead = hook.queuedAt + deadAfterMs <= Date.now();
            if (isDead) died++;
            change(hook, {
              ...{ isDead, claim: undefined, attempts: hook.attempts + 1 },
              failure: failure.reason.slice(0, MAX_HOOK_FAILURE),
              dueAt: Date.now() + failure.delayMs,
            });
          }
        }
        return died;
      }),
    trim: ({ rows, bytes, dead }) =>
      state.atomically(() => {
        const over = (areDead: boolean, rows: number) => {
          const all = state.hooks.filter(({ isDead }) => isDead === areDead);
          let most = Math.min(rows, all.length);
          while (most > 0 && sum(all.slice(-most).map(sizeOf)) > bytes) most--;
          return drop(all.slice(0, all.length - most));
        };
        over(true, dead);
        return over(false, rows);
      }),
    totals: () =>
      state.atomically(() => {
        const waiting = state.hooks.filter(({ isDead }) => !isDead);
        return {
          waiting: waiting.length,
          bytes: sum(waiting.map(sizeOf)),
          oldest: waiting.map(({ queuedAt }) => queuedAt).toSorted((a, b) => a - b)[0],
          dead: state.hooks.length - waiting.length,
        };
      }),
    list: (after, limit) =>
      state.atomically(() =>
        state.hooks.filter(({ number }) => number > after).slice(0, limit).map(shown)
      ),
    retry: (which) =>
      state.atomically(() => {
        const hooks = selected(which);
        for (const hook of hooks) {
          const queuedAt = hook.isDead ? Date.now() : hook.queuedAt;
          change(hook, { isDead: false, dueAt: Date.now(), queuedAt });
        }
        return hooks.length;
      }),
    drop: (which) => state.atomically(() => drop(selected(which))),
  };
}

/** Queues an event of a change, if the server watches its kind. */
export function queueHook(
  state: State,
  owner: Bytes,
  kind: HookKind,
  event: (owner: Account) => HookEvent,
): void {
  const account = state.account(owner);
  if (account !== undefined && state.watched.has(kind)) queue(state, [encodeHook(event(account))]);
}

function queue(state: State, hooks: readonly NewHook[]): void {
  const now = Date.now();
  state.hooks = [
    ...state.hooks,
    ...hooks.map((hook): HookRow => ({
      ...hook,
      ...{ number: ++state.hookNumber, queuedAt: now, dueAt: now, attempts: 0 },
      ...{ failure: undefined, isDead: false },
    })),
  ];
}

function shown(hook: HookRow): QueuedHook {
  const { number, delivery, type, body, queuedAt, attempts, failure, isDead } = hook;
  return { number, delivery, type, body, queuedAt, attempts, failure, isDead };
}

function sizeOf({ body }: NewHook): number {
  return new TextEncoder().encode(body).length;
}

function isSame(a: Bytes | undefined, b: Bytes | undefined): boolean {
  return a !== undefined && b !== undefined && equalBytes(a, b);
}
