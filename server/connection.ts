/**
 * One connection: bytes from the socket to the session, what it says to the handlers, their answers to the socket.
 *
 * @module
 */
import {
  type Bytes,
  formatAddress,
  printable,
  ProtocolError,
  type Reply,
  type Response,
  ServerSession,
} from "../protocol/mod.ts";
import type { Context, Peer } from "./context.ts";
import { handle } from "./handlers.ts";
import { Upload } from "./upload.ts";

/** The part of a TCP connection that is used here. */
export type Socket = Pick<Deno.TcpConn, "read" | "write" | "close" | "closeWrite" | "remoteAddr">;

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

export class Connection {
  readonly #context: Context;
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #session: ServerSession;
  #buffer: Bytes = new Uint8Array(SMALL_BUFFER);
  #reading: Promise<number | null> | undefined;
  #upload: Upload | undefined;
  #closedFor: string | undefined;

  constructor(context: Context, socket: Socket, number: number) {
    this.#context = context;
    this.#socket = socket;
    this.#session = new ServerSession(context.edition);
    this.#peer = { connection: number, address: formatAddress(socket.remoteAddr), key: undefined };
  }

  /** Serves the peer until it leaves, breaks the protocol or is closed. Never rejects. */
  async serve(): Promise<void> {
    try {
      try {
        await this.#converse();
      } finally {
        await this.#upload?.[Symbol.asyncDispose]();
      }
    } catch (error) {
      if (error instanceof ProtocolError) await this.#refuse(error);
      else this.#logLoss(error);
    } finally {
      this.close("it was served");
    }
  }

  /** Ends the connection at once; what it was doing fails for that reason. */
  close(reason: string): void {
    if (this.#closedFor !== undefined) return;
    this.#closedFor = reason;
    this.#socket.close();
  }

  async #converse(): Promise<void> {
    for (;;) {
      const event = this.#session.next();
      switch (event.type) {
        case "wait":
          if (!(await this.#receive())) return;
          break;
        case "request":
          await this.#answer(
            this.#session.reply(await handle(this.#context, this.#peer, event.request)),
          );
          break;
        case "file":
          this.#upload = await Upload.begin(this.#context, this.#peer, event.request);
          this.#enlarge();
          break;
        case "content":
          await this.#upload?.write(event.bytes);
          break;
        case "fileEnd":
          await this.#answer(this.#session.reply(await this.#finishUpload()));
          break;
      }
    }
  }

  async #finishUpload(): Promise<Response> {
    const response = await this.#upload?.finish();
    this.#upload = undefined;
    return response ?? { kind: "generalError" };
  }

  /** Hands the next bytes to the session; `false` when the peer has left. */
  async #receive(): Promise<boolean> {
    const size = await this.#inTime(this.#read());
    this.#reading = undefined;
    if (size === null) {
      if (!this.#session.betweenMessages) this.#logLoss(new Error("it left within a message"));
      return false;
    }
    this.#session.push(this.#buffer.subarray(0, size));
    return true;
  }

  /** The read that is under way, or a new one. */
  #read(): Promise<number | null> {
    this.#reading ??= this.#socket.read(this.#buffer);
    return this.#reading;
  }

  #enlarge(): void {
    if (this.#buffer.length < LARGE_BUFFER) this.#buffer = new Uint8Array(LARGE_BUFFER);
  }

  async #answer({ bytes, afterMs }: Reply): Promise<void> {
    if (afterMs > 0 && !(await this.#staysSilent(afterMs))) return;
    await this.#inTime(this.#write(bytes));
  }

  async #staysSilent(ms: number): Promise<boolean> {
    if (this.#session.available > 0) return false;
    const timer = Promise.withResolvers<"silent">();
    const id = setTimeout(() => timer.resolve("silent"), ms);
    try {
      const first = await Promise.race([this.#read(), timer.promise]);
      return first === "silent" || first === null;
    } finally {
      clearTimeout(id);
    }
  }

  async #write(bytes: Bytes): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.#socket.write(bytes.subarray(done));
  }

  /** Waits for the socket, but not for a peer with which nothing moves. */
  async #inTime<T>(operation: Promise<T>): Promise<T> {
    const id = setTimeout(
      () => this.close("nothing moved for too long"),
      this.#context.limits.idleTimeoutMs,
    );
    try {
      return await operation;
    } finally {
      clearTimeout(id);
    }
  }

  /** Tells the peer that what it sent can't be understood, and ends. */
  async #refuse(error: ProtocolError): Promise<void> {
    this.#context.log.warn("Closing {address}: {reason}", {
      event: "connection.refused",
      address: this.#peer.address,
      code: error.code,
      reason: error.message,
    });
    const id = setTimeout(() => this.close("it goes on after the last word"), LINGER_MS);
    try {
      await this.#write(this.#session.generalError());
      await this.#socket.closeWrite();
      for (let read = 0; read < LINGER_BYTES;) {
        const size = await this.#read();
        this.#reading = undefined;
        if (size === null) break;
        read += size;
      }
    } catch (loss) {
      this.#logLoss(loss);
    } finally {
      clearTimeout(id);
    }
  }

  #logLoss(error: unknown): void {
    this.#context.log.info("Lost {address}: {reason}", {
      event: "connection.lost",
      address: this.#peer.address,
      reason: this.#closedFor ?? printable(error instanceof Error ? error.message : String(error)),
    });
  }
}
