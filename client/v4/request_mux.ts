/**
 * Matches requests and answers over one TLS connection by their tags.
 *
 * @module
 */
import type { Abortable } from "../../protocol/abort.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { NetworkError } from "../../protocol/errors.ts";
import { release } from "../../protocol/memory.ts";
import type { ContentSums } from "../../protocol/v4/content_sums.ts";
import { FrameReader } from "../../protocol/v4/frame_reader.ts";
import {
  chunkHeader,
  encodeMessage,
  FRAME_HEADER_SIZE,
  type FrameHeader,
  type Message,
  type MessageKind,
  type MessageOf,
  MESSAGES,
} from "../../protocol/v4/messages.ts";
import { FrameWriter } from "../../protocol/v4/frame_writer.ts";
import type { RecordWriter } from "../../protocol/v4/record_writer.ts";
import type { Timeouts } from "../net/dial.ts";
import { MIN_RATE, ResponseDeadline } from "../net/response_deadline.ts";
import { GracefulAbort } from "../net/graceful_abort.ts";
import type { Trace } from "../net/wire_trace.ts";
import type { RateLimit } from "../net/rate_limit.ts";
import { ended, lost, refused, unavailable, unexpected } from "./errors.ts";

/** In bytes. A TLS read returns at most 16 KiB. */
const READ_SIZE = 64 * 1024;
/** The interval between checks of the deadline, in milliseconds. */
const WATCH_MS = 500;
/** The largest tag, of 32 bits. */
const MAX_TAG = 0xffffffff;

/** The methods of a connection that are used here. */
export type TlsSocket = Pick<Deno.TlsConn, "read" | "write" | "close">;

/** Called with each message of one request. Returns `true` for the last. Until it resolves, nothing more is read. */
type OnMessage = (message: Message) => boolean | Promise<boolean>;

export interface RequestMuxOptions extends Abortable {
  readonly rate?: RateLimit | undefined;
  /** Traces each message. */
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
  /** Ends the connection when aborted. Pending requests then reject with `InterruptedError`. */
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

  /** Whether nothing can be sent any longer. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Returns an unused tag; never 0. */
  nextTag(): number {
    do this.#tag = this.#tag % MAX_TAG + 1; while (this.#waiting.has(this.#tag));
    return this.#tag;
  }

  /**
   * Resolves when `take` has handled the last message with a tag. Rejects with an error of `take`; with `RefusedError`
   * if the server refuses the request; with `NetworkError` if the connection ends first.
   */
  answer(tag: number, take: OnMessage): Promise<void> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    if (!this.#isOwed) this.#deadline.renew();
    return new Promise((resolve, reject) => this.#waiting.set(tag, { take, resolve, reject }));
  }

  /** Sends a message and handles its answers, as `answer` does. */
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

  /** Restarts the time that the server may be silent, because the server waits for the client. */
  resetDeadline(): void {
    this.#deadline.renew();
  }

  /** Runs work of the client, whose time does not count against the server. */
  async ownWork<T>(work: () => Promise<T>): Promise<T> {
    this.#deadline.pause();
    try {
      return await work();
    } finally {
      this.#deadline.resume();
    }
  }

  /**
   * Resolves when the message is being sent and there is room for more. Throws `NetworkError` `connection-lost`,
   * `no-answer`.
   */
  async send(message: Message): Promise<void> {
    if (this.#end !== undefined) throw this.#end;
    const frame = encodeMessage(message);
    this.#traceMessage("client", message.kind, message.tag, frame.length);
    await this.#writer.send(frame);
  }

  /**
   * Returns the only answer with a tag. Until then, the server may send `data` without bytes, to say that it still works.
   * Throws `ProtocolError` `unexpected-answer` for an answer of another kind.
   */
  async answerOf<K extends MessageKind>(tag: number, kind: K): Promise<MessageOf<K>> {
    let found: MessageOf<K> | undefined;
    await this.answer(tag, (message) => {
      if (message.kind === "data" && message.bytes.length === 0) return false;
      if (message.kind !== kind) throw unexpected(message);
      found = message as MessageOf<K>;
      return true;
    });
    return found as MessageOf<K>;
  }

  /** Sends a message that has one answer, of this kind, and returns the answer. */
  async askFor<K extends MessageKind>(message: Message, kind: K): Promise<MessageOf<K>> {
    const answered = this.answerOf(message.tag, kind);
    answered.catch(() => undefined);
    await this.send(message);
    return await answered;
  }

  /** Sends a chunk with its sums. Its bytes may change once the promise resolves. */
  async sendChunk(tag: number, offset: number, chunk: Bytes, sums: ContentSums): Promise<void> {
    if (this.#end !== undefined) throw this.#end;
    const header = chunkHeader({ tag, offset, ...sums }, chunk.length);
    this.#traceMessage("client", "chunk", tag, header.length + chunk.length);
    await this.#writer.send(header, chunk);
  }

  /** Sends records. They may change once the promise resolves. */
  async sendRecords(records: RecordWriter, tag: number): Promise<void> {
    if (this.#end !== undefined) throw this.#end;
    const frame = records.frame(tag);
    this.#traceMessage("client", records.messageKind, tag, frame.length);
    await this.#writer.send(frame);
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
      // The server's last message says more than the failed write.
      if (!this.#closed) await this.#reading;
      this.#fail(lost(cause));
      throw this.#end;
    }
  }

  /** Rejects when the connection is closed, because a close does not end a write in some versions of Deno. */
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
        await this.ownWork(() => this.#deliver(message));
      }
      // The rest of a chunk is read directly into its buffer.
      const room = this.#frames.room;
      const size = await this.#socket.read(room ?? buffer);
      if (size === null) return this.#fail(lost("the server closed the connection"));
      await this.#limit(size);
      // Bytes that are not read directly count by whole frames.
      if (this.#isAwaited) this.#deadline.credit(room === undefined ? 0 : size);
      if (room === undefined) this.#frames.push(buffer.subarray(0, size));
      else this.#frames.fill(size);
    }
  }

  /** Messages that no request waits for don't count as progress of the server. */
  #expect({ kind, tag, length }: FrameHeader): void {
    this.#traceMessage("server", kind, tag, FRAME_HEADER_SIZE + length);
    this.#isAwaited = this.#waiting.has(tag);
    // The rest of a longer frame counts as it arrives.
    if (this.#isAwaited) this.#deadline.credit(FRAME_HEADER_SIZE + Math.min(length, READ_SIZE));
  }

  async #limit(bytes: number): Promise<void> {
    const rate = this.#rate;
    if (rate !== undefined) await this.ownWork(() => rate.take(bytes));
  }

  async #deliver(message: Message): Promise<void> {
    // The next connection may lead to another server, which can work.
    const away = message.kind === "error" ? unavailable(message) : undefined;
    if (away !== undefined) return this.#fail(away);
    if (message.kind === "error" && message.tag === 0) {
      // After the sign-in, the server may close a connection that has used its share, in favor of others. The client
      // may connect again.
      const mayReconnect = message.code === "over-limit" && !this.#waiting.has(0);
      return this.#fail(mayReconnect ? ended(message) : refused(message));
    }
    const waiting = this.#waiting.get(message.tag);
    // An answer to a cancelled request.
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

  /** Closes the connection if the server is silent for too long, or too slow. */
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
