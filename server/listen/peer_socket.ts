/**
 * The socket of a connection: waits for the peer as long as the limits say, in buffers that fit what comes.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { formatAddress } from "../../protocol/address.ts";
import { addressKey } from "../limits/client_address.ts";
import { LimitError, type LimitName, type Limits } from "../limits/limits.ts";
import { ReadDeadline, type ReadPhase } from "./read_deadline.ts";

/** The part of a TCP connection that is used here. */
export type TcpSocket = Pick<
  Deno.TcpConn,
  "read" | "write" | "close" | "closeWrite" | "remoteAddr"
>;

/** Room for requests without content; most connections never need more. */
const SMALL_BUFFER = 4 * 1024;
/** Room for a file's content. */
const LARGE_BUFFER = 256 * 1024;
/**
 * After a last word the peer's bytes are still read for so long, and so many: a socket that is closed with bytes
 * unread is reset, and the peer might never see what it was told.
 */
const LINGER_MS = 1000;
const LINGER_BYTES = 1024 * 1024;

/** Takes why the peer is gone. */
export type Leave = (error: Error) => void;

interface Wait {
  limit: LimitName;
  /** By `performance.now()`; it may be put off. */
  until: number;
  reject: (error: Error) => void;
}

export class PeerSocket {
  /** For people, with the port. */
  readonly address: string;
  /** Where the peer is counted, see {@link addressKey}. */
  readonly origin: string;
  readonly #socket: TcpSocket;
  readonly #limits: Limits;
  readonly #deadline: ReadDeadline;
  #buffer: Bytes = new Uint8Array(SMALL_BUFFER);
  #reading: Promise<number | null> | undefined;
  /** What is waited for. */
  readonly #waits = new Set<Wait>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer ends. */
  #watchingAt = Infinity;
  #closedFor: string | undefined;
  /** Those who are told when the peer leaves; the read by which that is seen; and that it has left. */
  readonly #leavers = new Set<Leave>();
  #watched: Promise<number | null> | undefined;
  #left: Error | undefined;
  /** The last wait for the peer's bytes. */
  #hearing: Wait | undefined;

  constructor(socket: TcpSocket, limits: Limits) {
    this.#socket = socket;
    this.#limits = limits;
    this.#deadline = new ReadDeadline(limits);
    this.address = formatAddress(socket.remoteAddr);
    this.origin = addressKey(socket.remoteAddr.hostname);
  }

  /** Why it was closed here, if it was. */
  get closedFor(): string | undefined {
    return this.#closedFor;
  }

  /** Ends the connection at once; what it was doing fails for that reason. */
  close(reason: string): void {
    if (this.#closedFor !== undefined) return;
    this.#closedFor = reason;
    clearTimeout(this.#timer);
    this.#watchingAt = -Infinity;
    this.#socket.close();
    // Not every version of Deno ends what a closed TLS connection was doing.
    for (const { reject } of this.#waits) reject(new Error(reason));
    this.#waits.clear();
    this.#tellLeft(new Error(reason));
  }

  /**
   * The next bytes, valid until the next call; `undefined` when the peer has left. Throws `LimitError` when it keeps
   * the server waiting.
   */
  async receive(phase: ReadPhase): Promise<Bytes | undefined> {
    this.#deadline.enter(phase);
    const { limit, ms } = this.#deadline.left();
    const begin = performance.now();
    this.#hearing = this.#newWait(limit, ms);
    const size = await this.#within(this.#hearing, this.#read());
    this.#reading = undefined;
    if (size === null) return undefined;
    this.#deadline.spend(performance.now() - begin, size);
    return this.#buffer.subarray(0, size);
  }

  /**
   * Fills all of a buffer; `false` where the peer has left before. Throws `LimitError` as `receive` does.
   * One wait is kept for all of it: to set one up for each read takes as long as to read.
   */
  async fill(buffer: Bytes, phase: ReadPhase): Promise<boolean> {
    this.#deadline.enter(phase);
    const { limit, ms } = this.#deadline.left();
    const wait = this.#newWait(limit, ms);
    this.#hearing = wait;
    return await this.#within(wait, this.#fillFrom(buffer, wait));
  }

  /**
   * Calls `leave` when the peer leaves or the connection is closed, until it is disposed of: for whoever does work for the
   * peer meanwhile. What it sends instead is kept for `receive`: whether it stays can't be seen then.
   */
  onLeft(leave: Leave): Disposable {
    this.#leavers.add(leave);
    if (this.#left === undefined) this.#watchRead();
    else leave(this.#left);
    return { [Symbol.dispose]: () => void this.#leavers.delete(leave) };
  }

  #watchRead(): void {
    // What was received before may still be in use.
    if (this.#reading === undefined) this.#buffer = new Uint8Array(this.#buffer.length);
    const reading = this.#read();
    if (reading === this.#watched) return;
    this.#watched = reading;
    const hear = (size: number | null) => {
      if (size === null) this.#tellLeft(new Error("it left before it was answered"));
    };
    reading.then(hear, (error) => this.#tellLeft(error));
  }

  #tellLeft(error: Error): void {
    this.#left ??= error;
    for (const leave of this.#leavers) leave(error);
  }

  /** Whether bytes are read that are to be received next. */
  get isReadAhead(): boolean {
    return this.#reading !== undefined;
  }

  /** Has `receive` or `fill` fail if one is under way; the peer can be told why, by `dismiss`. */
  interrupt(error: Error): void {
    const wait = this.#hearing;
    if (wait !== undefined && this.#waits.delete(wait)) wait.reject(error);
  }

  async #fillFrom(buffer: Bytes, wait: Wait): Promise<boolean> {
    let now = performance.now();
    for (let filled = 0; filled < buffer.length;) {
      this.#reading = this.#socket.read(buffer.subarray(filled));
      const size = await this.#reading;
      this.#reading = undefined;
      // What still comes when the wait is over is `dismiss`'s to read.
      if (size === null || !this.#waits.has(wait)) return false;
      filled += size;
      const begin = now;
      now = performance.now();
      this.#deadline.spend(now - begin, size);
      const { limit, ms } = this.#deadline.left();
      wait.limit = limit;
      wait.until = now + ms;
    }
    return true;
  }

  /** Throws `LimitError` when the peer does not take them in time. */
  async send(bytes: Bytes): Promise<void> {
    const wait = this.#newWait("stallTimeoutMs", this.#limits.stallTimeoutMs);
    await this.#within(wait, this.#write(bytes));
    this.#deadline.restart();
  }

  /** What comes within so many milliseconds, still to be received; `undefined` where nothing does. */
  async awaitMore(ms: number): Promise<Bytes | undefined> {
    const timer = Promise.withResolvers<null>();
    const id = setTimeout(() => timer.resolve(null), ms);
    try {
      const size = await Promise.race([this.#read(), timer.promise]);
      return size === null ? undefined : this.#buffer.subarray(0, size);
    } finally {
      clearTimeout(id);
    }
  }

  /** A buffer for so many bytes of content, or for requests: idle connections are many and hold a small one. */
  expect(content: number): void {
    const size = Math.min(Math.max(content, SMALL_BUFFER), LARGE_BUFFER);
    if (this.#buffer.length !== size && this.#reading === undefined) {
      this.#buffer = new Uint8Array(size);
    }
  }

  /**
   * Sends a last word, and sees to it that the peer can hear it and all before it. Rejects where it has left already.
   */
  async dismiss(lastWord: Bytes): Promise<void> {
    const id = setTimeout(() => this.close("it goes on after the last word"), LINGER_MS);
    try {
      await this.#write(lastWord);
      await this.#socket.closeWrite();
      for (let read = 0; read < LINGER_BYTES;) {
        const size = await this.#read();
        this.#reading = undefined;
        if (size === null) break;
        read += size;
      }
    } finally {
      clearTimeout(id);
    }
  }

  /** The read that is under way, or a new one. */
  #read(): Promise<number | null> {
    this.#reading ??= this.#socket.read(this.#buffer);
    return this.#reading;
  }

  async #write(bytes: Bytes): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.#socket.write(bytes.subarray(done));
  }

  /** Waits for the socket, but not for ever. Throws `LimitError`. */
  #within<T>(wait: Wait, operation: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      wait.reject = reject;
      this.#waits.add(wait);
      const end = <V>(settle: (value: V) => void) => (value: V) => {
        this.#waits.delete(wait);
        settle(value);
      };
      // What is still under way when the connection ends fails with nobody to hear it.
      operation.then(end(resolve), end(reject));
    });
  }

  /** Throws where the connection was closed here: nothing is waited for any more. */
  #newWait(limit: LimitName, ms: number): Wait {
    if (this.#closedFor !== undefined) throw new Error(this.#closedFor);
    this.#watch(ms);
    return { limit, until: performance.now() + ms, reject: () => undefined };
  }

  /**
   * Sees to it that the waits are looked at in so many milliseconds. A timer is left to run when its wait has ended: the
   * next one is likely to be no longer, and to set a timer for each read takes as long as to read.
   */
  #watch(ms: number): void {
    const at = performance.now() + ms;
    if (at >= this.#watchingAt) return;
    clearTimeout(this.#timer);
    this.#watchingAt = at;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    this.#watchingAt = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const wait of this.#waits) {
      if (wait.until <= now) {
        this.#waits.delete(wait);
        wait.reject(new LimitError(wait.limit, this.#limits[wait.limit]));
      } else next = Math.min(next, wait.until - now);
    }
    if (next < Infinity) this.#watch(next);
  }
}
