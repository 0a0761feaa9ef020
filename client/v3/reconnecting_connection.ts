/**
 * A connection to the server that is opened for the first message, and again when the server has closed it.
 *
 * @module
 */
import type { Abortable } from "../../protocol/abort.ts";
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import type { RequestKind } from "../../protocol/v3/editions/edition.ts";
import type { StepResult } from "../../protocol/v3/session_steps.ts";
import type { XferError } from "../../protocol/errors.ts";
import { ServerConnection } from "./server_connection.ts";
import type { Timeouts } from "../net/dial.ts";
import type { Trace, Traceable } from "../net/wire_trace.ts";

export interface ReconnectingConnectionOptions extends Traceable, Abortable {
  readonly server: Address;
  readonly profile: Profile;
  readonly timeouts: Timeouts;
  readonly onConnected: () => void;
}

/**
 * How long to wait, in milliseconds, whether a server that pads its answers closes the connection. Many do after each
 * answer, some don't. The close comes with the answer or right after it.
 */
const CLOSING_MS = 100;

export class ReconnectingConnection implements Disposable {
  readonly #options: ReconnectingConnectionOptions;
  #connection: ServerConnection | undefined;
  #trace: Trace | undefined;
  /** The server's answer to a file before it had received all of it. */
  #early: StepResult | undefined;
  #end: XferError | undefined;

  constructor(options: ReconnectingConnectionOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#connection !== undefined;
  }

  /**
   * Prepares for a message. Connects if no connection is open or the open one cannot be used again. Throws as `connect`
   * does.
   */
  async begin(): Promise<void> {
    if (this.#end !== undefined) throw this.#end;
    const { server, profile, timeouts, onConnected, tracer, signal } = this.#options;
    // Servers with frames accept one message per connection.
    if (profile.quirks.has("frames")) this.close();
    else if (this.#connection?.isFramed) await this.#awaitClosing();
    if (this.#connection !== undefined) return;
    const connection = await ServerConnection.open(server, profile, timeouts, signal);
    if (this.#end !== undefined) {
      connection[Symbol.dispose]();
      throw this.#end;
    }
    this.#connection = connection;
    this.#trace = tracer?.();
    onConnected();
  }

  async #awaitClosing(): Promise<void> {
    const received = await this.receive(CLOSING_MS);
    if (received.type === "response") this.#early = received;
  }

  /** Traces a request, or a packet of one, that is being sent. */
  traceSent(kind: RequestKind, size: number): void {
    const { edition } = this.#options.profile;
    this.#trace?.({ from: "client", kind, code: edition.requests[kind]?.code, size });
  }

  /**
   * Writes bytes of a message. Returns `false` if the connection no longer accepts bytes; the server may have answered
   * before.
   */
  async write(bytes: Bytes): Promise<boolean> {
    const taken = await this.#connection?.send(bytes) ?? false;
    if (this.#end !== undefined) throw this.#end;
    return taken;
  }

  /**
   * Prepares for the next packet. Some servers answer each one and expect the next on a new connection. Returns `false`
   * if the server accepts no more.
   */
  async nextPart(): Promise<boolean> {
    if (this.#options.profile.quirks.has("acknowledged-parts")) {
      const answer = await this.receive();
      const continues = answer.type === "response" && answer.response.kind === "messageReceived";
      if (!continues) {
        this.#early = answer;
        return false;
      }
    }
    await this.begin();
    return true;
  }

  async receive(withinMs?: number): Promise<StepResult> {
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) return early;
    const received = await this.#connection?.receive(withinMs) ?? { type: "closed" };
    if (this.#end !== undefined) throw this.#end;
    if (received.type === "closed") this.close();
    if (received.type === "response") {
      const { response: { kind }, size } = received;
      const { edition } = this.#options.profile;
      this.#trace?.({ from: "server", kind, code: edition.responses[kind]?.code, size });
    }
    return received;
  }

  /** Closes the connection for good. Pending and later calls fail with `error`. */
  end(error: XferError): void {
    this.#end ??= error;
    this.close();
  }

  close(): void {
    this.#connection?.[Symbol.dispose]();
    this.#connection = undefined;
    this.#early = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
