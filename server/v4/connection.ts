/**
 * A connection of protocol 4, from the challenge to the last word: signs the client in, passes its requests on, and ends it.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { ProtocolError, reasonOf, UnavailableError } from "../../protocol/errors.ts";
import { NONCE_SIZE } from "../../protocol/v4/authentication.ts";
import {
  encodeMessage,
  type Message,
  type MessageKind,
  type MessageOf,
} from "../../protocol/v4/messages.ts";
import { fingerprintOfName, isOneOf } from "../../protocol/v4/server_name.ts";
import type { V4Context } from "./context.ts";
import { LimitError } from "../limits/limits.ts";
import type { RevocationReason } from "../catalog/accounts.ts";
import type { LiveConnection } from "../monitor/live_connection.ts";
import { PeerSocket, type TcpSocket } from "../listen/peer_socket.ts";
import { authenticate, dismissal, type NamedPrincipal, refused } from "./login.ts";
import type { TlsIdentity } from "../listen/tls/identity.ts";
import { MessageSocket } from "./message_socket.ts";
import { RequestError, unavailable } from "./request_error.ts";
import { Requests, WINDOW } from "./requests.ts";
import { SendError } from "./request_context.ts";

/** The parts of the server's identity that a connection needs. */
export type ServedIdentity = Pick<TlsIdentity, "fingerprint" | "names">;

const VERSION = 0x0400;
/** Ends the wait for the next request when the server stops. */
const FINISHING = new Error("the server is stopping");
const NOTHING: Bytes = new Uint8Array(0);
/** The size of the read buffer, in bytes. TLS returns at most 16 KiB at once. */
const READ_SIZE = 64 * 1024;

/** Messages that count as parts of the request before them. */
const PARTS: readonly MessageKind[] = ["chunk", "end", "cancel", "leave"];
/** Answers that come in several messages. */
const STREAMED: readonly MessageKind[] = ["file", "digests", "data", "entries", "contents"];

export class V4Connection {
  readonly #context: V4Context;
  readonly #identity: ServedIdentity;
  /** The fingerprint of the server that the client signs. */
  #fingerprint: Bytes;
  readonly #socket: PeerSocket;
  readonly #live: LiveConnection;
  readonly #messages: MessageSocket;
  #requests: Requests | undefined;
  /** The signed-in account, for the log. */
  #user: { readonly user: string; readonly client: string } | undefined;
  #finishing = false;
  /** Whether the server has stopped while no request was open. */
  #isDone = false;
  /** The reason to disconnect a signed-in client. */
  #dismissal: RequestError | undefined;

  constructor(context: V4Context, socket: TcpSocket, identity: ServedIdentity) {
    this.#context = context;
    this.#identity = identity;
    this.#fingerprint = identity.fingerprint;
    this.#socket = new PeerSocket(socket, context.limits);
    this.#messages = new MessageSocket(this.#socket, WINDOW);
    this.#live = context.monitor.describe({
      ...{ protocol: 4, address: this.#socket.address },
      end: (reason) => this.close(reason),
    });
  }

  /** Serves the peer until it disconnects, violates the protocol or is closed. Never rejects. */
  async serve(): Promise<void> {
    using _ = this.#context.monitor.connect(this.#live);
    try {
      try {
        await this.#converse();
      } catch (error) {
        if (error !== FINISHING) throw error;
      } finally {
        await this.#requests?.[Symbol.asyncDispose]();
      }
      // A peer that sends nothing more may still read.
      if (this.#finishing) await this.#sayLast();
      else await this.#messages.drain();
    } catch (cause) {
      const error = this.#dismissal ?? this.#messages.unsent ?? cause;
      if (error instanceof ProtocolError || error instanceof LimitError) await this.#refuse(error);
      else if (error instanceof RequestError) await this.#sayLast(error);
      else if (error instanceof UnavailableError) await this.#sayUnavailable(error);
      else this.#logLoss(error);
    } finally {
      this.close("the connection has ended");
    }
  }

  close(reason: string): void {
    this.#socket.close(reason);
  }

  /** Answers that the server is full and ends the connection, at once if the signal aborts. Never rejects. */
  async rejectBusy(error: LimitError, signal: AbortSignal): Promise<void> {
    const close = () => this.close("the server is full");
    signal.addEventListener("abort", close);
    await this.#refuse(error);
    close();
  }

  /** Takes no further requests. Ends the connection as soon as the open ones are answered. */
  finish(): void {
    this.#finishing = true;
    const { isAtWork, isReceiving } = this.#messages;
    if (isAtWork) {
      if (!isReceiving) this.#socket.interrupt(FINISHING);
      return;
    }
    this.#isDone = true;
    const close = () => this.close("the server is stopping");
    this.#messages.drain().then(close, close);
  }

  async #converse(): Promise<void> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));
    await this.#messages.send({ kind: "challenge", tag: 0, version: VERSION, nonce });
    let first = await this.#receive();
    if (first?.kind === "host") {
      await this.#answerToName(first);
      first = await this.#receive();
    }
    if (first === undefined) throw new SilentDisconnect();
    const principal = await authenticate({
      ...{ context: this.#context, fingerprint: this.#fingerprint, nonce, peer: this.#socket },
      send: (message) => this.#messages.send(message),
      receive: () => this.#receive(),
    }, first);
    if (principal === undefined) return;
    const { accountId, name } = principal;
    this.#live.user = { client: toHex(accountId), name: printable(name) };
    this.#user = { user: printable(name), client: toHex(accountId) };
    await this.#socket.limitRates(this.#context.rates.of(this.#user.client));
    await this.#messages.send({
      kind: "welcome",
      tag: 0,
      clientId: accountId,
      name,
      window: WINDOW,
    });
    const dismiss = (fault: RevocationReason) => this.#dismiss(principal, dismissal(fault));
    const session = { ...principal, dismiss };
    this.#context.revocation.add(session);
    try {
      await this.#answerTo(principal);
    } finally {
      this.#context.revocation.remove(session);
    }
  }

  async #answerTo(principal: NamedPrincipal): Promise<void> {
    const requests = this.#requestsOf(principal);
    this.#requests = requests;
    this.#socket.expect(READ_SIZE);
    for (let requested = 0;;) {
      const message = await this.#receive();
      if (message === undefined) return;
      const { maxRequestsPerConnection: max } = this.#context.limits;
      if (!PARTS.includes(message.kind) && ++requested > max) {
        throw new LimitError("maxRequestsPerConnection", max);
      }
      await this.#context.revocation.refresh();
      if (this.#dismissal !== undefined) throw this.#dismissal;
      await requests.handle(message);
    }
  }

  /**
   * Interrupts the client's work and tells it why. If the client is still connected at the next call, closes the
   * connection at once.
   */
  #dismiss({ accountId, name }: NamedPrincipal, refusal: RequestError): void {
    if (this.#dismissal !== undefined) return this.close(refusal.message);
    this.#dismissal = refusal;
    this.#context.log.info("Disconnected {name} ({address}): {reason}", {
      event: "client.dismissed",
      ...{ name: printable(name), client: toHex(accountId) },
      ...{ address: this.#socket.address, reason: refusal.message },
    });
    this.#socket.interrupt(refusal);
  }

  /**
   * The client has verified the server by a host name, and signs that name. Throws `RequestError` if the server has no
   * certificate for it.
   */
  async #answerToName({ name }: MessageOf<"host">): Promise<void> {
    if (!isOneOf(name, this.#identity.names ?? [])) {
      const reason = "the server has no certificate for the requested name";
      const connection = { context: this.#context, peer: this.#socket };
      throw refused(connection, "", "not-authenticated", reason);
    }
    this.#fingerprint = await fingerprintOfName(name);
  }

  #requestsOf(principal: NamedPrincipal): Requests {
    return new Requests({
      ...{ context: this.#context, live: this.#live },
      owner: { ...principal, address: this.#socket.address },
      answers: {
        send: (message) => this.#unlessDismissed(message.kind, () => this.#messages.send(message)),
        sendChunk: (tag, offset, chunk) =>
          this.#unlessDismissed("data", () => this.#messages.sendChunk(tag, offset, chunk)),
        sendRecords: (kind, tag, records) =>
          this.#unlessDismissed(kind, () => this.#messages.sendRecords(kind, tag, records)),
        close: (reason) => this.close(reason),
        onDisconnect: (listener) =>
          this.#socket.onDisconnect((error) => listener(new SendError(error))),
      },
    });
  }

  /** A dismissed client gets no more parts of streamed answers. Completed requests are still answered. */
  #unlessDismissed(kind: MessageKind, send: () => Promise<void>): Promise<void> {
    const ends = this.#dismissal !== undefined && STREAMED.includes(kind);
    return ends ? Promise.reject(this.#dismissal) : send();
  }

  /** The next message; `undefined` if the peer has disconnected between two messages. */
  #receive(): Promise<Message | undefined> {
    return this.#messages.receive(() => {
      if (this.#dismissal !== undefined) throw this.#dismissal;
      if (this.#finishing && !this.#messages.isReceiving) throw FINISHING;
    });
  }

  async #refuse(error: ProtocolError | LimitError): Promise<void> {
    const { address } = this.#socket;
    if (error instanceof LimitError) {
      this.#context.limitLog.report(error, { address, ...this.#user });
      return await this.#sayLast(new RequestError("over-limit", error.message));
    }
    this.#context.log.warn("Closed the connection from {address}: {reason}", {
      event: "connection.refused",
      ...{ ...this.#user, address, code: error.code, reason: error.message },
    });
    await this.#sayLast(new RequestError("bad-frame", error.message));
  }

  /** Ends the connection, so that the client tries again, perhaps at another server. */
  async #sayUnavailable(error: UnavailableError): Promise<void> {
    this.#context.log.error("Closed the connection from {address}: {reason}", {
      event: "request.failed",
      ...{ ...this.#user, address: this.#socket.address, code: error.code, reason: error.message },
    });
    await this.#sayLast(unavailable());
  }

  /** Sends all pending answers, then the refusal, if any, and closes the connection. */
  async #sayLast(refusal?: RequestError): Promise<void> {
    try {
      await this.#messages.drain();
      await this.#socket.dismiss(refusal === undefined ? NOTHING : lastWord(refusal));
    } catch (loss) {
      this.#logLoss(loss);
    }
  }

  #logLoss(error: unknown): void {
    // Port scans and health checks only connect, and a client that has its answers loses nothing.
    const isSilent = error instanceof SilentDisconnect ||
      this.#socket.hasLeftSilently(this.#messages.unsent ?? error);
    const level = isSilent || this.#isDone ? "debug" : "info";
    this.#context.log[level]("Connection from {address} ended: {reason}", {
      event: "connection.lost",
      ...this.#user,
      address: this.#socket.address,
      reason: this.#socket.closedFor ??
        reasonOf(error),
    });
  }
}

function lastWord({ code, message }: RequestError): Bytes {
  return encodeMessage({ kind: "error", tag: 0, code, message });
}

/** The peer has disconnected without sending anything. */
class SilentDisconnect extends Error {
  constructor() {
    super("the client disconnected before signing in");
  }
}
