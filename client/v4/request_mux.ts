/**
 * Requests and answers over one TLS connection: each answer goes to its request, by its tag.
 *
 * @module
 */
import type { Abortable } from "../../protocol/abort.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { NetworkError } from "../../protocol/errors.ts";
import { release } from "../../protocol/memory.ts";
import { FrameReader } from "../../protocol/v4/frame_reader.ts";
import {
  dataHeader,
  encodeMessage,
  FRAME_HEADER_SIZE,
  type FrameHeader,
  type Message,
  type MessageKind,
  type MessageOf,
  MESSAGES,
} from "../../protocol/v4/messages.ts";
import { FrameWriter } from "../../protocol/v4/frame_writer.ts";
import type { Timeouts } from "../net/dial.ts";
import { MIN_RATE, ResponseDeadline } from "../net/response_deadline.ts";
import { GracefulAbort } from "../net/graceful_abort.ts";
import type { Trace } from "../net/wire_trace.ts";
import type { RateLimit } from "../net/rate_limit.ts";
import { ended, lost, refused, unexpected } from "./errors.ts";

/** TLS gives no more than 16 KiB at once. */
const READ_SIZE = 64 * 1024;
/** How often the deadline is checked, in milliseconds. */
const WATCH_MS = 500;
/** Of 32 bits. */
const MAX_TAG = 0xffffffff;

/** The part of a connection that is used here. */
export type TlsSocket = Pick<Deno.TlsConn, "read" | "write" | "close">;

/** Takes a message of one request; `true` for the last. While it works nothing more is read. */
type OnMessage = (message: Message) => boolean | Promise<boolean>;

export interface RequestMuxOptions extends Abortable {
  readonly rate?: RateLimit | undefined;
  /** Takes every message that is sent or received. */
  readonly trace?: Trace | undefined;
}

interface WaitingRequest {
  readonly take: OnMessage;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class RequestMux implements Disposable {
  readonly #socket: TlsSocket;
  readonly #timeouts: Timeouts;
  readonly #rate: RateLimit | undefined;
  readonly #writer = new FrameWriter((bytes) => this.#write(bytes));
  readonly #trace: Trace | undefined;
  readonly #frames = new FrameReader("server", (header) => this.#expect(header));
  readonly #waiting = new Map<number, WaitingRequest>();
  readonly #reading: Promise<void>;
  readonly #watchdog: ReturnType<typeof setInterval>;
  readonly #deadline: ResponseDeadline;
  /** Whether a request waits for the frame that is arriving. */
  #isAwaited = false;
  /** Requests that wait when it ends the connection reject with `InterruptedError`. */
  readonly gracefulAbort: GracefulAbort;
  #tag = 0;
  #end: Error | undefined;
  #closed = false;
  /** Ends the current write. */
  #giveUp: (error: Error) => void = () => undefined;

  constructor(
    socket: TlsSocket,
    timeouts: Timeouts,
    { rate, trace, signal }: RequestMuxOptions = {},
  ) {
    this.#socket = socket;
    this.#timeouts = timeouts;
    this.#deadline = new ResponseDeadline(timeouts.responseMs);
    this.#rate = rate;
    this.#trace = trace;
    this.#reading = this.#readAll().catch((error) => this.#fail(lost(error)));
    this.#watchdog = setInterval(() => this.#watch(), WATCH_MS);
    this.gracefulAbort = new GracefulAbort(signal, (reason) => this.#close(reason));
  }

  /** Whether nothing can be sent any more. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** A tag that no request has, and that is not 0. */
  nextTag(): number {
    do this.#tag = this.#tag % MAX_TAG + 1; while (this.#waiting.has(this.#tag));
    return this.#tag;
  }

  /**
   * Resolves when `take` has had the last message with a tag. Rejects with what it throws, with `RefusedError` where the
   * server refuses the request, with `NetworkError` where the connection ends before.
   */
  answer(tag: number, take: OnMessage): Promise<void> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    if (!this.#isOwed) this.#deadline.renew();
    return new Promise((resolve, reject) => this.#waiting.set(tag, { take, resolve, reject }));
  }

  /** Sends a message and takes its answers, as `answer` does. */
  async ask(message: Message, take: OnMessage): Promise<void> {
    const answered = this.answer(message.tag, take);
    answered.catch(() => undefined);
    await this.send(message);
    await answered;
  }

  /** Ignores further answers to a request. */
  forget(tag: number): void {
    this.#waiting.delete(tag);
  }

  /** The server has a reason to be silent: the time that it may be so starts again. */
  resetDeadline(): void {
    this.#deadline.renew();
  }

  /** Resolves when the message is on its way, and there is room for more. Throws `NetworkError` `connection-lost`, `no-answer`. */
  async send(message: Message): Promise<void> {
    if (this.#end !== undefined) throw this.#end;
    const frame = encodeMessage(message);
    this.#traceMessage("client", message.kind, message.tag, frame.length);
    await this.#writer.send(frame);
  }

  /** The only answer with a tag. Throws `ProtocolError` `unexpected-answer` for one of another kind. */
  async answerOf<K extends MessageKind>(tag: number, kind: K): Promise<MessageOf<K>> {
    let found: MessageOf<K> | undefined;
    await this.answer(tag, (message) => {
      if (message.kind !== kind) throw unexpected(message);
      found = message as MessageOf<K>;
      return true;
    });
    return found as MessageOf<K>;
  }

  /** Sends a message that has one answer, of this kind, and returns that. */
  async askFor<K extends MessageKind>(message: Message, kind: K): Promise<MessageOf<K>> {
    const answered = this.answerOf(message.tag, kind);
    answered.catch(() => undefined);
    await this.send(message);
    return await answered;
  }

  /** Sends a chunk; its bytes may change when the promise resolves. */
  async sendChunk(tag: number, offset: number, chunk: Bytes): Promise<void> {
    if (this.#end !== undefined) throw this.#end;
    const header = dataHeader(tag, offset, chunk.length);
    this.#traceMessage("client", "data", tag, header.length + chunk.length);
    await this.#writer.send(header, chunk);
  }

  [Symbol.dispose](): void {
    this.#close(lost("the client closed the connection"));
    this.gracefulAbort[Symbol.dispose]();
  }

  #close(why: Error): void {
    this.#fail(why);
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watchdog);
    this.#socket.close();
    this.#giveUp(why);
  }

  #traceMessage(from: "client" | "server", kind: MessageKind, tag: number, size: number): void {
    this.#trace?.({ from, kind, code: MESSAGES[kind].type, tag, size });
  }

  async #write(bytes: Bytes): Promise<void> {
    const max = this.#rate?.piece ?? bytes.length;
    try {
      for (let done = 0; done < bytes.length;) {
        const piece = bytes.subarray(done, done + max);
        await this.#orClosed(this.#limit(piece.length));
        for (let sent = 0; sent < piece.length;) {
          const size = await this.#orClosed(this.#socket.write(piece.subarray(sent)));
          this.#deadline.credit(size);
          sent += size;
        }
        done += piece.length;
      }
    } catch (cause) {
      // The server's last message explains more than the failed write.
      if (!this.#closed) await this.#reading;
      this.#fail(lost(cause));
      throw this.#end;
    }
  }

  /** With some versions of Deno a close does not end a write. */
  #orClosed<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      work.then(resolve, reject);
    });
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(READ_SIZE);
    for (;;) {
      for (
        let message = this.#frames.next();
        message !== undefined;
        message = this.#frames.next()
      ) {
        await this.#ownWork(() => this.#deliver(message));
      }
      // The rest of a chunk is read into its place.
      const room = this.#frames.room;
      const size = await this.#socket.read(room ?? buffer);
      if (size === null) return this.#fail(lost("the server closed the connection"));
      await this.#limit(size);
      // Of what is not read into its place, whole frames count.
      if (this.#isAwaited) this.#deadline.credit(room === undefined ? 0 : size);
      if (room === undefined) this.#frames.push(buffer.subarray(0, size));
      else this.#frames.fill(size);
    }
  }

  /** Messages that nobody waits for do not count as progress of the server. */
  #expect({ kind, tag, length }: FrameHeader): void {
    this.#traceMessage("server", kind, tag, FRAME_HEADER_SIZE + length);
    this.#isAwaited = this.#waiting.has(tag);
    // What is longer is counted as it comes.
    if (this.#isAwaited) this.#deadline.credit(FRAME_HEADER_SIZE + Math.min(length, READ_SIZE));
  }

  async #limit(bytes: number): Promise<void> {
    const rate = this.#rate;
    if (rate !== undefined) await this.#ownWork(() => rate.take(bytes));
  }

  /** Time that the client's own work takes does not count against the server. */
  async #ownWork(work: () => Promise<void>): Promise<void> {
    this.#deadline.pause();
    try {
      await work();
    } finally {
      this.#deadline.resume();
    }
  }

  async #deliver(message: Message): Promise<void> {
    if (message.kind === "error" && message.tag === 0) {
      // A connection that has had all that it may have, when the client is in, makes way for another.
      const goesOn = message.code === "over-limit" && !this.#waiting.has(0);
      return this.#fail(goesOn ? ended(message) : refused(message));
    }
    const waiting = this.#waiting.get(message.tag);
    // An answer to a request that was given up.
    if (waiting === undefined) {
      if (message.kind === "data") release(message.bytes);
      return;
    }
    try {
      if (message.kind === "error") throw refused(message);
      if (!(await waiting.take(message))) return this.#deadline.renewFromReserve();
      this.#deadline.renew();
      waiting.resolve();
    } catch (error) {
      waiting.reject(error);
    }
    this.#waiting.delete(message.tag);
  }

  /** Whether the server has something to read or to answer. */
  get #isOwed(): boolean {
    return this.#writer.isBusy || this.#waiting.size > 0;
  }

  /** Ends the connection where the server is silent for too long, or too slow. */
  #watch(): void {
    if (!this.#isOwed) this.#deadline.renew();
    if (this.#deadline.left > 0) return;
    const [code, message] = this.#deadline.isSilent
      ? ["no-answer", `the server did not answer within ${this.#timeouts.responseMs / 1000} s`]
      : ["too-slow", `the server transfers less than ${MIN_RATE} bytes per second`];
    const hint = "Try again later: the server may be overloaded.";
    this.#close(new NetworkError(code, message, { hint }));
  }

  #fail(error: Error): void {
    this.#end ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }
}
