/**
 * A client's connection to a server over protocol 3.
 *
 * @module
 */
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { NetworkError, ProtocolError } from "../../protocol/errors.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import type { Response } from "../../protocol/v3/messages.ts";
import { ResponseReader } from "../../protocol/v3/response_reader.ts";
import { connect, type Timeouts, tlsPort } from "../net/dial.ts";
import { MIN_RATE, ResponseDeadline } from "../net/response_deadline.ts";

/** Responses are small. Anything that a server sends beyond them stays in the socket. */
const READ_BUFFER = 8 * 1024;

export type Received =
  /** `size`: the bytes of the message on the wire. */
  | { readonly type: "response"; readonly response: Response; readonly size: number }
  | { readonly type: "silence" }
  | { readonly type: "closed" };

/** The methods of a TCP connection that are used here. */
export type ClientSocket = Pick<Deno.TcpConn, "read" | "write" | "close">;

export class ServerConnection implements Disposable {
  readonly #socket: ClientSocket;
  readonly #responses: ResponseReader;
  readonly #timeouts: Timeouts;
  /** Counts while the client writes. */
  readonly #deadline: ResponseDeadline;
  readonly #address: Address;
  readonly #buffer: Bytes = new Uint8Array(READ_BUFFER);
  #reading: Promise<number | null> | undefined;
  #closed = false;
  /** Ends the current write, because a close does not in some versions of Deno. */
  #giveUp: (error: Error) => void = () => undefined;

  constructor(
    socket: ClientSocket,
    address: Address,
    { edition, quirks }: Profile,
    timeouts: Timeouts,
  ) {
    this.#socket = socket;
    this.#address = address;
    this.#responses = new ResponseReader(edition, quirks);
    this.#timeouts = timeouts;
    this.#deadline = new ResponseDeadline(timeouts.responseMs);
    this.#deadline.pause();
  }

  /** Throws as {@link connect} does. */
  static async open(
    address: Address,
    profile: Profile,
    timeouts: Timeouts,
    signal?: AbortSignal,
  ): Promise<ServerConnection> {
    const socket = await connect(address, timeouts, { signal });
    return new ServerConnection(socket, address, profile, timeouts);
  }

  /**
   * Writes bytes. Resolves with `false` if the connection no longer accepts them; the server may have answered before.
   * Throws `NetworkError` `send-timeout`.
   */
  async send(bytes: Bytes): Promise<boolean> {
    try {
      for (let done = 0; done < bytes.length;) {
        done += await this.#write(bytes.subarray(done));
      }
      return true;
    } catch (error) {
      if (error instanceof NetworkError) throw error;
      return false;
    }
  }

  /**
   * Returns the next response; `silence` if none arrives in time; `closed` if none will. Throws `ProtocolError` for
   * bytes that are not a response.
   */
  async receive(withinMs: number = this.#timeouts.responseMs): Promise<Received> {
    const expired = Promise.withResolvers<"silence">();
    const timer = setTimeout(() => expired.resolve("silence"), withinMs);
    try {
      for (;;) {
        const response = this.#nextResponse();
        if (response !== undefined) {
          this.#deadline.renew();
          return { type: "response", response, size: this.#responses.size };
        }
        // If a read times out it stays pending. The next call awaits the same read.
        this.#reading ??= this.#read();
        const size = await Promise.race([this.#reading, expired.promise]);
        if (size === "silence") return { type: "silence" };
        this.#reading = undefined;
        if (size === null) return { type: "closed" };
        this.#responses.push(this.#buffer.subarray(0, size));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the server has padded an answer with zeros. */
  get isFramed(): boolean {
    return this.#responses.isFramed;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#giveUp(new Error("the connection was closed"));
  }

  #nextResponse(): Response | undefined {
    try {
      return this.#responses.next();
    } catch (error) {
      const isTls = error instanceof ProtocolError && error.code === "tls-port";
      throw isTls ? tlsPort(this.#address) : error;
    }
  }

  async #read(): Promise<number | null> {
    try {
      return await this.#socket.read(this.#buffer);
    } catch {
      // Reset by the server, or closed here. Either way nothing more arrives.
      return null;
    }
  }

  /**
   * Writes what the server accepts at once. Throws `NetworkError` `send-timeout` if that is nothing, or too little over
   * time.
   */
  async #write(bytes: Bytes): Promise<number> {
    const expired = Promise.withResolvers<never>();
    this.#giveUp = expired.reject;
    const timer = setTimeout(() => expired.reject(this.#sendTimeout()), this.#deadline.left);
    this.#deadline.resume();
    try {
      const size = await Promise.race([this.#socket.write(bytes), expired.promise]);
      this.#deadline.credit(size);
      return size;
    } finally {
      this.#deadline.pause();
      clearTimeout(timer);
    }
  }

  #sendTimeout(): NetworkError {
    const what = this.#deadline.isSilent
      ? "no longer accepts data"
      : `accepts less than ${MIN_RATE} bytes per second`;
    return new NetworkError("send-timeout", `the server ${what}`, {
      hint: "Try again later: the server may be overloaded.",
    });
  }
}
