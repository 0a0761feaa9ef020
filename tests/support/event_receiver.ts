/** A receiver of events: what --hook-url names. */
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import assert from "node:assert/strict";
import { type Cut, type HttpAnswer, HttpServer } from "./store/http_server.ts";

/** 32 bytes. */
export const HOOK_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

type Answer = (event: ReceivedEvent) => HttpAnswer | Cut | Promise<HttpAnswer | Cut>;

export class EventReceiver implements AsyncDisposable {
  /** The events, in the order in which they came, also those that it has not accepted. */
  readonly received: ReceivedEvent[] = [];
  /** The answer to each event; by default, it accepts all. */
  answer: Answer = () => ({ status: 204 });
  readonly #server: HttpServer;
  readonly #awaited = new Set<() => void>();

  constructor() {
    this.#server = new HttpServer(async ({ method, headers, body }) => {
      const text = new TextDecoder().decode(body);
      const [id, time] = ["webhook-id", "webhook-timestamp"].map((name) => headers.get(name) ?? "");
      const secret = Buffer.from(HOOK_SECRET.slice("whsec_".length), "base64");
      const signature = createHmac("sha256", secret).update(`${id}.${time}.${text}`)
        .digest("base64");
      assert.equal(method, "POST");
      assert.equal(headers.get("webhook-signature"), `v1,${signature}`);
      const { type, data } = JSON.parse(text);
      const event = { id: id ?? "", type, data };
      this.received.push(event);
      const answer = await this.answer(event);
      for (const look of this.#awaited) look();
      return answer;
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/events`;
  }

  /** Events in short: `TYPE FILE`. */
  get lines(): string[] {
    return this.received.map(({ type, data }) => `${type} ${data["file"] ?? data["user"]}`);
  }

  /** Resolves when `count` events came. */
  async awaits(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => void (this.received.length >= count && resolve());
    this.#awaited.add(look);
    look();
    await promise;
    this.#awaited.delete(look);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}
