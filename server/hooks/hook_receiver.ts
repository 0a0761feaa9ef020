/**
 * The receiver of events, over HTTP.
 *
 * @module
 */
import denoJson from "../../deno.json" with { type: "json" };
import { reasonOf } from "../../protocol/errors.ts";
import type { HookSigner, SignedHook } from "./hook_signature.ts";

/** The time to connect, send an event and get the answer, in milliseconds. */
export const DELIVERY_MS = 10_000;
/** The most bytes of an answer that are read, so that the connection can be used again. */
const MAX_ANSWER = 4096;

export interface HookReceiverOptions {
  readonly url: URL;
  readonly signer: HookSigner;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** {@link DELIVERY_MS} by default. */
  readonly deliveryMs?: number | undefined;
}

export class HookReceiver {
  readonly #options: HookReceiverOptions;

  constructor(options: HookReceiverOptions) {
    this.#options = options;
  }

  /** Sends an event. Returns why the receiver does not have it; `undefined` if it does. Never rejects. */
  async send(hook: SignedHook, stopped: AbortSignal): Promise<string | undefined> {
    const { url, signer, clock, deliveryMs = DELIVERY_MS } = this.#options;
    const late = AbortSignal.timeout(deliveryMs);
    try {
      const signed = signer.headers(hook, Math.floor(clock() / 1000));
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
      return answer.ok ? undefined : `HTTP ${answer.status}`;
    } catch (error) {
      if (late.aborted) return `no answer within ${deliveryMs / 1000} seconds`;
      return stopped.aborted ? "the server was stopped" : reasonOf(error);
    }
  }
}

/** Reads a short answer, and breaks the connection of a long one. */
async function skim({ body }: Response): Promise<void> {
  if (body === null) return;
  let size = 0;
  // Leaving the loop early cancels the rest.
  for await (const piece of body) {
    size += piece.length;
    if (size > MAX_ANSWER) return;
  }
}
