/**
 * One connection: bytes from the socket to the session, what it says to the handlers, their answers to the socket.
 *
 * @module
 */
import {
  type Bytes,
  DEFAULT_EDITION,
  type Edition,
  formatAddress,
  NO_HABITS,
  printable,
  type Profile,
  ProtocolError,
  type Reply,
  type SendFile,
  ServerSession,
  toHex,
} from "../protocol/mod.ts";
import { addressKey } from "./client_address.ts";
import type { Context, Peer } from "./context.ts";
import { handle, sessionKey } from "./handlers.ts";
import { LimitError, type LimitName } from "./limits.ts";
import { Patience } from "./patience.ts";
import { sameSpeech, toProfile, toSpeech } from "./speech.ts";
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
  readonly #patience: Patience;
  #buffer: Bytes = new Uint8Array(SMALL_BUFFER);
  #requests = 0;
  #finishing = false;
  #reading: Promise<number | null> | undefined;
  #upload: Upload | undefined;
  /** Who speaks, and how it is known to speak. */
  #client: Bytes | undefined;
  #kept: Profile | undefined;
  #registeredHere = false;
  #closedFor: string | undefined;

  /** Speaks the editions that are served at the address at which the peer came in. */
  constructor(context: Context, socket: Socket, number: number, served: readonly Edition[]) {
    this.#context = context;
    this.#socket = socket;
    this.#session = new ServerSession(served);
    this.#patience = new Patience(context.limits);
    this.#peer = {
      connection: number,
      address: formatAddress(socket.remoteAddr),
      origin: addressKey(socket.remoteAddr.hostname),
      profile: { edition: served[0] ?? DEFAULT_EDITION, habits: NO_HABITS },
      key: undefined,
    };
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
      if (error instanceof ProtocolError || error instanceof LimitError) await this.#refuse(error);
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

  /** Tells the peer that there is no room for it, and ends the connection. Never rejects. */
  async turnAway(error: LimitError): Promise<void> {
    this.#context.limitLog.report(error, this.#peer.address);
    try {
      await this.#inTime(this.#write(this.#session.generalError().bytes));
    } catch {
      // It has left by itself.
    } finally {
      this.close("there is no room for it");
    }
  }

  /** Ends the connection as soon as no file is on its way or waits to be judged. */
  finish(): void {
    this.#finishing = true;
    if (!this.#isAtWork) this.close("the server stops");
  }

  get #isAtWork(): boolean {
    return !this.#session.betweenMessages || this.#upload?.isOpen === true ||
      this.#context.unverified.hasFrom(this.#peer.connection);
  }

  async #converse(): Promise<void> {
    for (;;) {
      const event = this.#session.next();
      switch (event.type) {
        case "wait":
          if (this.#finishing && !this.#isAtWork) return;
          if (!(await this.#receive())) return;
          break;
        case "identify":
          this.#session.identify(await this.#recall(event.clientId));
          break;
        case "send":
          await this.#inTime(this.#write(event.bytes));
          break;
        case "request": {
          this.#countRequest();
          this.#noteProfile();
          const response = await handle(this.#context, this.#peer, event.request);
          if (response.kind === "registered" || response.kind === "denied") {
            this.#client = response.clientId;
            this.#registeredHere = response.kind === "registered";
            this.#kept = this.#peer.profile;
          }
          if (!(await this.#answer(this.#session.reply(response)))) return;
          break;
        }
        case "part":
          this.#noteProfile();
          await this.#beginPart(event.request);
          break;
        case "content":
          await this.#upload?.write(event.bytes);
          break;
        case "partEnd":
          if (!(await this.#endPart())) return;
          break;
      }
      await this.#keepProfile();
    }
  }

  /** What is known of how a client speaks. */
  async #recall(clientId: Bytes): Promise<Profile | undefined> {
    this.#client = clientId;
    this.#registeredHere = false;
    const client = await this.#context.store.catalog.findClient(clientId);
    const profile = client === undefined
      ? this.#context.reservations.peek(toHex(clientId))?.profile
      : toProfile(client.speech);
    this.#kept = profile;
    return profile;
  }

  #noteProfile(): void {
    this.#peer.profile = this.#session.profile ?? this.#peer.profile;
  }

  /**
   * Keeps with the account what was learnt of its habits: once it has registered here or has a key, since anybody can
   * name an id.
   */
  async #keepProfile(): Promise<void> {
    const { profile } = this.#session;
    if (profile === undefined || this.#client === undefined) return;
    if (this.#kept !== undefined && sameSpeech(profile, this.#kept)) return;
    const isItself = this.#registeredHere ||
      sessionKey(this.#context, this.#peer, this.#client) !== undefined;
    if (!isItself) return;
    this.#kept = profile;
    await this.#context.store.catalog.noteSpeech(this.#client, toSpeech(profile));
  }

  async #beginPart(request: SendFile): Promise<void> {
    this.#fitBuffer(LARGE_BUFFER);
    if (this.#upload?.isOf(request) !== true || request.packetNumber === 1) {
      await this.#upload?.[Symbol.asyncDispose]();
      this.#upload = undefined;
      this.#countRequest();
    }
    if (request.packetNumber !== undefined && request.packetNumber !== 1) {
      this.#upload ??= this.#context.parked.take(request);
      if (this.#upload !== undefined) return await this.#upload.continue(request);
    }
    this.#upload = await Upload.begin(this.#context, this.#peer, request);
  }

  /** Answers the end of a part, where it is answered; `false` where the connection is to end with it. */
  async #endPart(): Promise<boolean> {
    const response = await this.#upload?.endPart();
    if (response !== undefined) return await this.#answer(this.#session.reply(response));
    if (this.#upload?.isOpen && this.#peer.profile.habits.has("acknowledged-parts")) {
      const { clientId } = this.#upload.request;
      // The next part may come on another connection, and be there before this one is seen to end.
      await this.#context.parked.park(this.#upload, this.#context.clock());
      this.#upload = undefined;
      return await this.#answer(this.#session.reply({ kind: "messageReceived", clientId }));
    }
    this.#session.proceed();
    return true;
  }

  /**
   * Hands the next bytes to the session; `false` when the peer has left. Throws `LimitError` when it keeps the server
   * waiting.
   */
  async #receive(): Promise<boolean> {
    this.#patience.enter(this.#phase);
    const { limit, ms } = this.#patience.left();
    const begin = performance.now();
    const size = await this.#within(limit, ms, this.#read());
    this.#reading = undefined;
    if (size === null) {
      if (!this.#session.betweenMessages) this.#logLoss(new Error("it left within a message"));
      return false;
    }
    this.#patience.spend(performance.now() - begin, size);
    this.#session.push(this.#buffer.subarray(0, size));
    return true;
  }

  get #phase(): "idle" | "request" | "content" {
    if (this.#session.betweenMessages) return "idle";
    return this.#session.inContent ? "content" : "request";
  }

  /** The read that is under way, or a new one. */
  #read(): Promise<number | null> {
    this.#reading ??= this.#socket.read(this.#buffer);
    return this.#reading;
  }

  /** A large buffer while content comes; idle connections are many and hold a small one. */
  #fitBuffer(size: number): void {
    if (this.#buffer.length !== size && this.#reading === undefined) {
      this.#buffer = new Uint8Array(size);
    }
  }

  #countRequest(): void {
    const { maxRequestsPerConnection } = this.#context.limits;
    if (++this.#requests <= maxRequestsPerConnection) return;
    throw new LimitError("maxRequestsPerConnection", maxRequestsPerConnection);
  }

  /** Sends a reply; `false` where the connection is to end with it. */
  async #answer({ bytes, afterMs, close }: Reply): Promise<boolean> {
    if (afterMs > 0 && !(await this.#staysSilent(afterMs))) return true;
    await this.#inTime(this.#write(bytes));
    this.#patience.restart();
    if (this.#upload?.isOpen !== true) this.#fitBuffer(SMALL_BUFFER);
    return !close;
  }

  async #staysSilent(ms: number): Promise<boolean> {
    if (this.#session.available > 0) return false;
    const timer = Promise.withResolvers<"silent">();
    const id = setTimeout(() => timer.resolve("silent"), ms);
    try {
      const first = await Promise.race([this.#read(), timer.promise]);
      return first === "silent" || first === null || this.#isFilling(first);
    } finally {
      clearTimeout(id);
    }
  }

  /** Whether what has just been read only fills up the message before. */
  #isFilling(size: number): boolean {
    return this.#peer.profile.habits.has("frames") &&
      this.#buffer.subarray(0, size).every((byte) => byte === 0);
  }

  async #write(bytes: Bytes): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.#socket.write(bytes.subarray(done));
  }

  #inTime<T>(operation: Promise<T>): Promise<T> {
    return this.#within("stallTimeoutMs", this.#context.limits.stallTimeoutMs, operation);
  }

  /** Waits for the socket, but not for ever. Throws `LimitError`. */
  async #within<T>(limit: LimitName, ms: number, operation: Promise<T>): Promise<T> {
    const expired = Promise.withResolvers<never>();
    const id = setTimeout(
      () => expired.reject(new LimitError(limit, this.#context.limits[limit])),
      ms,
    );
    // What is still under way when the connection ends fails with nobody to hear it.
    operation.catch(() => undefined);
    try {
      return await Promise.race([operation, expired.promise]);
    } finally {
      clearTimeout(id);
    }
  }

  /** Tells the peer that what it sent can't be understood or is too much, and ends. */
  async #refuse(error: ProtocolError | LimitError): Promise<void> {
    if (error instanceof LimitError) this.#context.limitLog.report(error, this.#peer.address);
    else {
      this.#context.log.warn("Closing {address}: {reason}", {
        event: "connection.refused",
        address: this.#peer.address,
        code: error.code,
        reason: error.message,
      });
    }
    const id = setTimeout(() => this.close("it goes on after the last word"), LINGER_MS);
    try {
      await this.#write(this.#session.generalError().bytes);
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
