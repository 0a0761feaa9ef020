/**
 * The socket of a connection. Waits for the peer up to the limits, with buffers that fit the data.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { formatAddress } from "../../protocol/address.ts";
import { addressKey } from "../limits/client_address.ts";
import { LimitError, type LimitName, type Limits } from "../limits/limits.ts";
import type { ByteDirection, ConnectionRates } from "../limits/rate_limits.ts";
import { ReadDeadline, type ReadPhase } from "./read_deadline.ts";

/** The methods of a TCP connection that the server uses. */
export type TcpSocket = Pick<
  Deno.TcpConn,
  "read" | "write" | "close" | "closeWrite" | "remoteAddr"
>;

/** The buffer for requests without content, in bytes. Most connections never need more. */
const SMALL_BUFFER = 4 * 1024;
/** The buffer for a file's content, in bytes. */
const LARGE_BUFFER = 256 * 1024;
/**
 * The time and the bytes that the server reads after its last message. A socket closed with unread bytes is reset,
 * and the peer might never see the message.
 */
const LINGER_MS = 1000;
const LINGER_BYTES = 1024 * 1024;

/** How a socket fails whose peer is gone. */
const DISCONNECTED = [
  ...[Deno.errors.ConnectionReset, Deno.errors.BrokenPipe, Deno.errors.UnexpectedEof],
  ...[Deno.errors.NotConnected, Deno.errors.ConnectionAborted],
];

/** Whether an error of a socket says that its peer is gone. */
export function isDisconnect(error: unknown): boolean {
  return DISCONNECTED.some((kind) => error instanceof kind);
}

/** The longest time of a timer. */
const MAX_PAUSE_MS = 2 ** 31 - 1;

/** Receives the reason why the peer is gone. */
export type DisconnectListener = (error: Error) => void;

interface Wait {
  limit: LimitName;
  /** In `performance.now()`; it can be extended. */
  until: number;
  reject: (error: Error) => void;
}

export class PeerSocket {
  /** `HOST:PORT`, for the log. */
  readonly address: string;
  /** The key under which the peer is counted, see {@link addressKey}. */
  readonly origin: string;
  readonly #socket: TcpSocket;
  readonly #limits: Limits;
  readonly #deadline: ReadDeadline;
  #buffer: Bytes = new Uint8Array(SMALL_BUFFER);
  #reading: Promise<number | null> | undefined;
  /** The waits for the socket. */
  readonly #waits = new Set<Wait>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The time at which the timer fires. */
  #watchingAt = Infinity;
  #closedFor: string | undefined;
  #hasReceived = false;
  /** Callbacks for when the peer disconnects, the read that detects it, and the reason once it has. */
  readonly #disconnectListeners = new Set<DisconnectListener>();
  #watched: Promise<number | null> | undefined;
  #disconnected: Error | undefined;
  /** The last wait for the peer's bytes. */
  #receiving: Wait | undefined;
  #rates: ConnectionRates | undefined;
  /** Each ends a pause that keeps the peer to its rate. */
  readonly #pauses = new Set<() => void>();

  constructor(socket: TcpSocket, limits: Limits) {
    this.#socket = socket;
    this.#limits = limits;
    this.#deadline = new ReadDeadline(limits);
    this.address = formatAddress(socket.remoteAddr);
    this.origin = addressKey(socket.remoteAddr.hostname);
  }

  /** The reason why the server closed the connection, if it did. */
  get closedFor(): string | undefined {
    return this.#closedFor;
  }

  /** Whether an error says that the peer has disconnected without sending anything, as port scans and health checks do. */
  hasLeftSilently(error: unknown): boolean {
    return !this.#hasReceived && isDisconnect(error);
  }

  /**
   * Keeps the peer to these rates from now on, and disposes of them when the connection is closed. Resolves when earlier
   * connections have paid for their bytes, so that a peer does not escape by reconnecting.
   */
  async limitRates(rates: ConnectionRates): Promise<void> {
    if (this.#closedFor !== undefined) return rates[Symbol.dispose]();
    this.#rates?.[Symbol.dispose]();
    this.#rates = rates;
    const due = Math.max(this.#due("received", 0), this.#due("sent", 0));
    if (due === 0) return;
    // A client that gives up, and tries again, must not leave connections that wait.
    using _ = this.onDisconnect(({ message }) => this.close(message));
    await this.#pause(due);
  }

  /** Closes the connection at once. Its work fails for this reason. */
  close(reason: string): void {
    if (this.#closedFor !== undefined) return;
    this.#closedFor = reason;
    this.#rates?.[Symbol.dispose]();
    for (const end of this.#pauses) end();
    clearTimeout(this.#timer);
    this.#watchingAt = -Infinity;
    this.#socket.close();
    // Not every version of Deno ends pending reads and writes when a TLS connection is closed.
    for (const { reject } of this.#waits) reject(new Error(reason));
    this.#waits.clear();
    this.#notifyDisconnected(new Error(reason));
  }

  /**
   * The next bytes, valid until the next call; `undefined` if the peer has disconnected. Throws `LimitError` if the
   * peer takes too long.
   */
  async receive(phase: ReadPhase): Promise<Bytes | undefined> {
    this.#deadline.enter(phase);
    const { limit, ms } = this.#deadline.left();
    const begin = performance.now();
    this.#receiving = this.#newWait(limit, ms);
    const size = await this.#within(this.#receiving, this.#read());
    this.#reading = undefined;
    if (size === null) return undefined;
    this.#hasReceived = true;
    this.#deadline.spend(performance.now() - begin, size);
    const due = this.#due("received", size);
    if (due > 0) await this.#pause(due);
    return this.#buffer.subarray(0, size);
  }

  /**
   * Fills a buffer. Returns `false` if the peer disconnects first. Throws `LimitError` as `receive` does. One wait
   * serves all reads, since setting one up takes as long as a read.
   */
  async fill(buffer: Bytes, phase: ReadPhase): Promise<boolean> {
    this.#deadline.enter(phase);
    const { limit, ms } = this.#deadline.left();
    const wait = this.#newWait(limit, ms);
    this.#receiving = wait;
    const isFull = await this.#within(wait, this.#fillFrom(buffer, wait));
    const due = isFull ? this.#due("received", buffer.length) : 0;
    if (due > 0) await this.#pause(due);
    return isFull;
  }

  /**
   * Calls `listener` when the peer disconnects or the connection is closed, until the result is disposed of. Used during
   * work for the peer. If the peer sends data instead, `receive` returns it later, and a disconnect is no longer
   * detected.
   */
  onDisconnect(listener: DisconnectListener): Disposable {
    this.#disconnectListeners.add(listener);
    if (this.#disconnected === undefined) this.#watchRead();
    else listener(this.#disconnected);
    return { [Symbol.dispose]: () => void this.#disconnectListeners.delete(listener) };
  }

  #watchRead(): void {
    // The bytes that were received last may still be in use.
    if (this.#reading === undefined) this.#buffer = new Uint8Array(this.#buffer.length);
    const reading = this.#read();
    if (reading === this.#watched) return;
    this.#watched = reading;
    const onRead = (size: number | null) => {
      if (size === null) {
        this.#notifyDisconnected(new Error("the client disconnected before it was answered"));
      }
    };
    reading.then(onRead, (error) => this.#notifyDisconnected(error));
  }

  #notifyDisconnected(error: Error): void {
    this.#disconnected ??= error;
    for (const listener of this.#disconnectListeners) listener(error);
  }

  /** Whether the next bytes were already requested from the socket. */
  get isReadAhead(): boolean {
    return this.#reading !== undefined;
  }

  /** Makes a pending `receive` or `fill` fail. `dismiss` can then tell the peer why. */
  interrupt(error: Error): void {
    const wait = this.#receiving;
    if (wait !== undefined && this.#waits.delete(wait)) wait.reject(error);
  }

  async #fillFrom(buffer: Bytes, wait: Wait): Promise<boolean> {
    let now = performance.now();
    for (let filled = 0; filled < buffer.length;) {
      this.#reading = this.#socket.read(buffer.subarray(filled));
      const size = await this.#reading;
      this.#reading = undefined;
      // Bytes that arrive after the wait belong to `dismiss`.
      if (size === null || !this.#waits.has(wait)) return false;
      filled += size;
      this.#hasReceived = true;
      const begin = now;
      now = performance.now();
      this.#deadline.spend(now - begin, size);
      const { limit, ms } = this.#deadline.left();
      wait.limit = limit;
      wait.until = now + ms;
    }
    return true;
  }

  /** Sends bytes. Throws `LimitError` if the peer does not read them in time. */
  async send(bytes: Bytes): Promise<void> {
    const wait = this.#newWait("stallTimeoutMs", this.#limits.stallTimeoutMs);
    await this.#within(wait, this.#write(bytes));
    this.#deadline.restart();
    const due = this.#due("sent", bytes.length);
    if (due > 0) await this.#pause(due);
  }

  /** The time until bytes are within the rates of the peer, in milliseconds. */
  #due(direction: ByteDirection, bytes: number): number {
    return this.#rates?.take(direction, bytes) ?? 0;
  }

  /** The peer notices that the server reads or sends more slowly. */
  async #pause(ms: number): Promise<void> {
    if (this.#closedFor !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const id = setTimeout(resolve, Math.min(ms, MAX_PAUSE_MS));
    this.#pauses.add(resolve);
    await promise;
    clearTimeout(id);
    this.#pauses.delete(resolve);
  }

  /** Bytes that arrive within `ms` milliseconds, which `receive` returns again; `undefined` if none do. */
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

  /**
   * Sizes the buffer for this number of bytes of content, or for requests. Idle connections are many and keep a small
   * one.
   */
  expect(content: number): void {
    const size = Math.min(Math.max(content, SMALL_BUFFER), LARGE_BUFFER);
    if (this.#buffer.length !== size && this.#reading === undefined) {
      this.#buffer = new Uint8Array(size);
    }
  }

  /**
   * Sends a last message, and lingers so that the peer can read it and all before it. Rejects if the peer has
   * disconnected.
   */
  async dismiss(lastWord: Bytes): Promise<void> {
    const id = setTimeout(
      () => this.close("the client kept sending after the last message"),
      LINGER_MS,
    );
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

  /** The pending read, or a new one. */
  #read(): Promise<number | null> {
    this.#reading ??= this.#socket.read(this.#buffer);
    return this.#reading;
  }

  async #write(bytes: Bytes): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.#socket.write(bytes.subarray(done));
  }

  /** Waits for the socket, up to the limit. Throws `LimitError`. */
  #within<T>(wait: Wait, operation: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      wait.reject = reject;
      this.#waits.add(wait);
      const end = <V>(settle: (value: V) => void) => (value: V) => {
        this.#waits.delete(wait);
        settle(value);
      };
      // Operations still pending when the connection ends may fail unobserved.
      operation.then(end(resolve), end(reject));
    });
  }

  /** Throws if the server has closed the connection. */
  #newWait(limit: LimitName, ms: number): Wait {
    if (this.#closedFor !== undefined) throw new Error(this.#closedFor);
    this.#watch(ms);
    return { limit, until: performance.now() + ms, reject: () => undefined };
  }

  /**
   * Checks the waits in `ms` milliseconds. The timer keeps running after its wait has ended: the next wait is rarely
   * shorter, and setting a timer for each read takes as long as a read.
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
