/**
 * One connection of protocol 4: frames in, frames out, and the client's proof of who it is before all else.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { ProtocolError, reasonOf } from "../../protocol/errors.ts";
import { NONCE_SIZE } from "../../protocol/v4/authentication.ts";
import { ConnectionState } from "../../protocol/v4/connection_state.ts";
import { FrameReader } from "../../protocol/v4/frame_reader.ts";
import {
  dataHeader,
  encodeMessage,
  type Message,
  type MessageKind,
  type MessageOf,
} from "../../protocol/v4/messages.ts";
import { FrameWriter } from "../../protocol/v4/frame_writer.ts";
import { fingerprintOfName, isOneOf } from "../../protocol/v4/server_name.ts";
import type { V4Context } from "./context.ts";
import { LimitError } from "../limits/limits.ts";
import type { RevocationReason } from "../catalog/accounts.ts";
import { PeerSocket, type TcpSocket } from "../listen/peer_socket.ts";
import { authenticate, dismissal, type NamedPrincipal, refused } from "./login.ts";
import type { TlsIdentity } from "../listen/tls/identity.ts";
import { RequestError } from "./request_error.ts";
import { Requests, WINDOW } from "./requests.ts";
import { SendError } from "./request_context.ts";

/** What makes up the server to a client, beside what all connections share. */
export type ServedIdentity = Pick<TlsIdentity, "fingerprint" | "names">;

const VERSION = 0x0400;
/** Ends the wait for the next request where the server stops. */
const FINISHING = new Error("the server stops");
const NOTHING: Bytes = new Uint8Array(0);
/** What the socket is read into; TLS gives no more than 16 KiB at once. */
const READ_SIZE = 64 * 1024;

/** They count as parts of the request before them. */
const PARTS: readonly MessageKind[] = ["data", "end", "cancel", "leave"];
/** Answers of which more may follow. */
const STREAMED: readonly MessageKind[] = ["file", "digests", "data"];

export class V4Connection {
  readonly #context: V4Context;
  readonly #identity: ServedIdentity;
  /** What the client signs as the server's fingerprint. */
  #fingerprint: Bytes;
  readonly #socket: PeerSocket;
  readonly #state = new ConnectionState(WINDOW);
  readonly #frames = new FrameReader("client", (header) => this.#state.expect(header));
  #requests: Requests | undefined;
  #finishing = false;
  /** Why the client may not stay, although it was let in. */
  #dismissal: RequestError | undefined;
  readonly #writer = new FrameWriter((bytes) => this.#write(bytes));
  /** Why the peer could not be told something. */
  #unsent: unknown;

  constructor(context: V4Context, socket: TcpSocket, identity: ServedIdentity) {
    this.#context = context;
    this.#identity = identity;
    this.#fingerprint = identity.fingerprint;
    this.#socket = new PeerSocket(socket, context.limits);
  }

  /** Serves the peer until it leaves, breaks the protocol or is closed. Never rejects. */
  async serve(): Promise<void> {
    try {
      try {
        await this.#converse();
      } catch (error) {
        if (error !== FINISHING) throw error;
      } finally {
        await this.#requests?.[Symbol.asyncDispose]();
      }
      // Who says no more may still listen.
      if (this.#finishing) await this.#sayLast();
      else await this.#writer.drain();
    } catch (cause) {
      const error = this.#dismissal ?? this.#unsent ?? cause;
      if (error instanceof ProtocolError || error instanceof LimitError) await this.#refuse(error);
      else if (error instanceof RequestError) await this.#sayLast(error);
      else this.#logLoss(error);
    } finally {
      this.close("it was served");
    }
  }

  close(reason: string): void {
    this.#socket.close(reason);
  }

  /** Answers that the server is busy, and ends the connection; at once when the signal aborts. Never rejects. */
  async rejectBusy(error: LimitError, signal: AbortSignal): Promise<void> {
    const close = () => this.close("there is no room for it");
    signal.addEventListener("abort", close);
    await this.#refuse(error);
    close();
  }

  /** Takes no further request, and ends the connection as soon as those under way are done and answered. */
  finish(): void {
    this.#finishing = true;
    const { isAtWork, isReceiving } = this.#state;
    if (isAtWork) {
      if (!isReceiving) this.#socket.interrupt(FINISHING);
      return;
    }
    const close = () => this.close("the server stops");
    this.#writer.drain().then(close, close);
  }

  async #converse(): Promise<void> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));
    await this.#send({ kind: "challenge", tag: 0, version: VERSION, nonce });
    let first = await this.#receive();
    if (first?.kind === "host") {
      await this.#answerToName(first);
      first = await this.#receive();
    }
    if (first === undefined) throw new Error("it left before it said who it is");
    const principal = await authenticate({
      ...{ context: this.#context, fingerprint: this.#fingerprint, nonce, peer: this.#socket },
      send: (message) => this.#send(message),
      receive: () => this.#receive(),
    }, first);
    if (principal === undefined) return;
    const { accountId, name } = principal;
    await this.#send({ kind: "welcome", tag: 0, clientId: accountId, name, window: WINDOW });
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

  /** Ends what a client does that may not stay, so that it can be told; at once where it did not end until the next time. */
  #dismiss({ accountId, name }: NamedPrincipal, refusal: RequestError): void {
    if (this.#dismissal !== undefined) return this.close(refusal.message);
    this.#dismissal = refusal;
    this.#context.log.info("Ending the connection of {name} ({client}), {address}: {reason}", {
      event: "client.dismissed",
      ...{ name: printable(name), client: toHex(accountId) },
      ...{ address: this.#socket.address, reason: refusal.message },
    });
    this.#socket.interrupt(refusal);
  }

  /** The client has verified the server by a name, and signs that. Throws `RequestError` where it is another's. */
  async #answerToName({ name }: MessageOf<"host">): Promise<void> {
    if (!isOneOf(name, this.#identity.names ?? [])) {
      const reason = "the server has no certificate for the name under which it was asked for";
      const connection = { context: this.#context, peer: this.#socket };
      throw refused(connection, "", "not-authenticated", reason);
    }
    this.#fingerprint = await fingerprintOfName(name);
  }

  #requestsOf({ accountId, key }: NamedPrincipal): Requests {
    return new Requests({
      ...{ context: this.#context, owner: { accountId, key, address: this.#socket.address } },
      answers: {
        send: (message) => this.#unlessDismissed(message.kind, () => this.#send(message)),
        sendChunk: (tag, offset, chunk) =>
          this.#unlessDismissed("data", () => this.#sendChunk(tag, offset, chunk)),
        close: (reason) => this.close(reason),
        onLeft: (leave) => this.#socket.onLeft((error) => leave(new SendError(error))),
      },
    });
  }

  /** Who may not stay gets no more of what was asked for; what was done is told. */
  #unlessDismissed(kind: MessageKind, send: () => Promise<void>): Promise<void> {
    const ends = this.#dismissal !== undefined && STREAMED.includes(kind);
    return ends ? Promise.reject(this.#dismissal) : send();
  }

  /** The next message; `undefined` when the peer has left between two. */
  async #receive(): Promise<Message | undefined> {
    for (;;) {
      if (this.#dismissal !== undefined) throw this.#dismissal;
      if (this.#finishing && !this.#state.isReceiving) throw FINISHING;
      const message = this.#frames.next();
      if (message !== undefined) {
        this.#state.receive(message);
        return message;
      }
      const { room } = this.#frames;
      if (room !== undefined && !this.#socket.isReadAhead) {
        const phase = this.#state.isReceiving ? "content" : "request";
        if (!(await unlessLeft(this.#socket.fill(room, phase)))) throw leftWithin();
        this.#frames.fill(room.length);
        continue;
      }
      const { isReceiving } = this.#state;
      const { betweenFrames } = this.#frames;
      const phase = isReceiving ? "content" : betweenFrames ? "idle" : "request";
      const bytes = await unlessLeft(this.#socket.receive(phase));
      if (bytes === undefined) {
        if (isReceiving || !betweenFrames) throw leftWithin();
        return undefined;
      }
      this.#frames.push(bytes);
    }
  }

  /** Resolves when there is room for more. */
  #send(message: Message): Promise<void> {
    this.#state.send(message);
    return this.#writer.send(encodeMessage(message));
  }

  /** The chunk may change when the promise resolves. */
  #sendChunk(tag: number, offset: number, chunk: Bytes): Promise<void> {
    this.#state.send({ kind: "data", tag });
    return this.#writer.send(dataHeader(tag, offset, chunk.length), chunk);
  }

  async #write(bytes: Bytes): Promise<void> {
    try {
      await this.#socket.send(bytes);
    } catch (error) {
      this.#unsent ??= error;
      // Nothing more is taken from a peer that takes nothing.
      this.close(`it could not be answered: ${reasonOf(error)}`);
      throw new SendError(error);
    }
  }

  async #refuse(error: ProtocolError | LimitError): Promise<void> {
    const { address } = this.#socket;
    if (error instanceof LimitError) {
      this.#context.limitLog.report(error, address);
      return await this.#sayLast(new RequestError("over-limit", error.message));
    }
    this.#context.log.warn("Closing {address}: {reason}", {
      event: "connection.refused",
      ...{ address, code: error.code, reason: error.message },
    });
    await this.#sayLast(new RequestError("bad-frame", error.message));
  }

  /** Sees to it that the peer hears all that was said, and why nothing more is. */
  async #sayLast(refusal?: RequestError): Promise<void> {
    try {
      await this.#writer.drain();
      await this.#socket.dismiss(refusal === undefined ? NOTHING : lastWord(refusal));
    } catch (loss) {
      this.#logLoss(loss);
    }
  }

  #logLoss(error: unknown): void {
    this.#context.log.info("Lost {address}: {reason}", {
      event: "connection.lost",
      address: this.#socket.address,
      reason: this.#socket.closedFor ??
        reasonOf(error),
    });
  }
}

function lastWord({ code, message }: RequestError): Bytes {
  return encodeMessage({ kind: "error", tag: 0, code, message });
}

function leftWithin(): Error {
  return new Error("it left within a message or a file");
}

/**
 * What comes; `undefined` where the peer has left without TLS's own goodbye, as most programs do, ours among them. It is
 * not needed here: a message has its length, a file its end, and so nothing can be cut off unseen.
 */
async function unlessLeft<T>(coming: Promise<T>): Promise<T | undefined> {
  try {
    return await coming;
  } catch (error) {
    if (error instanceof Deno.errors.UnexpectedEof) return undefined;
    throw error;
  }
}
