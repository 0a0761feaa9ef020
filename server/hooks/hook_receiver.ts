/**
 * The receiver of events, over HTTP.
 *
 * @module
 */
import denoJson from "../../deno.json" with { type: "json" };
import { reasonOf } from "../../protocol/errors.ts";
import { retryAfterMs } from "../retry_after.ts";
import type { HookSigner, SignedHook } from "./hook_signature.ts";

/** The time to connect, send an event and get the answer, in milliseconds. */
const DELIVERY_MS = 10_000;
/** The most bytes of an answer that are read, and the time for them in milliseconds, so that the connection can be used again. */
const [MAX_ANSWER, SKIM_MS] = [4096, 1000];
/** The longest time that a receiver can ask for, in milliseconds. */
export const MAX_RETRY_AFTER_MS = 60 * 60_000;
/** Answers whose `Retry-After` counts: too many requests, and not available. */
const ASKING_TO_WAIT: readonly number[] = [429, 503];

export interface HookReceiverOptions {
  readonly url: URL;
  readonly signer: HookSigner;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** {@link DELIVERY_MS} by default. */
  readonly deliveryMs?: number | undefined;
}

/** Why a receiver does not have an event. */
export interface HookRefusal {
  readonly reason: string;
  /** The time for which the receiver asks, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

export class HookReceiver {
  readonly #options: HookReceiverOptions;
  /** Can be replaced at any time. */
  signer: HookSigner;

  constructor(options: HookReceiverOptions) {
    this.#options = options;
    this.signer = options.signer;
  }

  /** Sends an event. Returns `undefined` if the receiver has it. Never rejects. */
  async send(hook: SignedHook, stopped: AbortSignal): Promise<HookRefusal | undefined> {
    const { url, clock, deliveryMs = DELIVERY_MS } = this.#options;
    const late = AbortSignal.timeout(deliveryMs);
    try {
      const signed = this.signer.headers(hook, Math.floor(clock() / 1000));
      const answer = await fetch(url, {
        method: "POST",
        headers: {
          ...signed,
          "content-type": "application/json",
          "user-agent": `xfer/${denoJson.version}`,
        },
        body: hook.body,
        // An event goes only where the operator has said.
        redirect: "manual",
        signal: AbortSignal.any([late, stopped]),
      });
      await skim(answer);
      if (answer.ok) return undefined;
      return { reason: `HTTP ${answer.status}`, retryAfterMs: askedPauseMs(answer, clock()) };
    } catch (error) {
      if (late.aborted) return { reason: `no answer within ${deliveryMs / 1000} seconds` };
      return { reason: stopped.aborted ? "the server was stopped" : reasonOfFetch(error) };
    }
  }
}

/** Reads a short answer, and breaks the connection of a long or slow one. Its status has arrived, and counts. */
async function skim({ body }: Response): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  const cancel = () => reader.cancel().catch(() => undefined);
  const timer = setTimeout(() => void cancel(), SKIM_MS);
  try {
    for (let size = 0; size <= MAX_ANSWER;) {
      const { value, done } = await reader.read();
      if (done) return;
      size += value.length;
    }
  } catch {
    // The connection was cut.
  } finally {
    clearTimeout(timer);
    await cancel();
  }
}

function askedPauseMs({ status, headers }: Response, now: number): number | undefined {
  if (!ASKING_TO_WAIT.includes(status)) return undefined;
  const ms = retryAfterMs(headers, now);
  return ms === undefined ? undefined : Math.min(ms, MAX_RETRY_AFTER_MS);
}

/**
 * Why a request has failed. Deno 2.9 says it in the cause. The words before it name the URL, whose path and query can be a
 * secret.
 */
function reasonOfFetch(error: unknown): string {
  const cause = error instanceof Error ? error.cause ?? error : error;
  return reasonOf(cause)
    .replace(/^error sending request .*?: (?=client error)/s, "")
    .replace(/^client error \(\w+\): /, "")
    .replace(/\b(https?:\/\/[^\s/?#)]+)[^\s)]*/g, "$1");
}
