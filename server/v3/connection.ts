/**
 * A connection of protocol 3: passes bytes to the session, its events to the handlers, and their answers to the socket.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { DEFAULT_EDITION } from "../../protocol/v3/editions/mod.ts";
import type { Edition } from "../../protocol/v3/editions/edition.ts";
import { fillingOf, NO_QUIRKS } from "../../protocol/v3/editions/quirks.ts";
import { type Profile, type Reply, ServerSession } from "../../protocol/v3/server_session.ts";
import { ProtocolError, reasonOf, UnavailableError } from "../../protocol/errors.ts";
import type { SendFile } from "../../protocol/v3/messages.ts";
import { BUSY, encodeHelloAnswer } from "../../protocol/hello.ts";
import type { V3Context } from "./context.ts";
import type { Peer } from "./peer.ts";
import type { PendingUpload } from "./pending_uploads.ts";
import { readFirstRequest } from "./first_request.ts";
import { handle } from "./requests.ts";
import { LimitError } from "../limits/limits.ts";
import type { ReadPhase } from "../listen/read_deadline.ts";
import { PeerSocket, type TcpSocket } from "../listen/peer_socket.ts";
import { sameProfile, toProfile, toStoredProfile } from "./client_profile.ts";
import { V3Upload } from "./upload.ts";

/**
 * The time to wait for the padding that a client has announced, after its content has arrived. Later, it never comes.
 */
const FILLING_MS = 600;

const LEFT_WITHIN = "the client disconnected in the middle of a message";

export class V3Connection {
  readonly #context: V3Context;
  readonly #socket: PeerSocket;
  readonly #peer: Peer;
  readonly #session: ServerSession;
  readonly #ending = Promise.withResolvers<void>();
  #requests = 0;
  #finishing = false;
  #upload: PendingUpload | undefined;
  /** The client's id, and its stored profile. */
  #client: Bytes | undefined;
  #storedProfile: Profile | undefined;
  #isRegistered = false;
  /** The last profile for which a key was looked for. */
  #askedFor: Profile | undefined;
  /** The account whose rates the connection has. */
  #rated: string | undefined;

  /** Serves the editions of the address at which the peer connected. */
  constructor(context: V3Context, socket: TcpSocket, number: number, served: readonly Edition[]) {
    this.#context = context;
    this.#socket = new PeerSocket(socket, context.limits);
    this.#session = new ServerSession(served);
    this.#peer = {
      connection: number,
      address: this.#socket.address,
      origin: this.#socket.origin,
      live: context.monitor.describe({
        ...{ protocol: 3, address: this.#socket.address },
        end: (reason) => this.close(reason),
      }),
      openedAt: context.ticks(),
      ended: this.#ending.promise,
      profile: { edition: served[0] ?? DEFAULT_EDITION, quirks: NO_QUIRKS },
      noteQuirk: (quirk, has) => this.#session.noteQuirk(quirk, has),
      key: undefined,
    };
  }

  /** Serves the peer until it disconnects, violates the protocol or is closed. Never rejects. */
  async serve(): Promise<void> {
    using _ = this.#context.monitor.connect(this.#peer.live);
    try {
      try {
        await this.#converse();
      } finally {
        await this.#upload?.[Symbol.asyncDispose]();
      }
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof LimitError) await this.#refuse(error);
      else if (error instanceof UnavailableError) await this.#sayUnavailable(error);
      else this.#logLoss(error);
    } finally {
      this.close("the connection has ended");
      this.#ending.resolve();
    }
  }

  /** Closes the connection at once. Its work fails for this reason. */
  close(reason: string): void {
    this.#socket.close(reason);
  }

  /**
   * Answers that the server is full, over the peer's protocol, and ends the connection, at once if the signal aborts.
   * Never rejects.
   */
  async rejectBusy(error: LimitError, signal: AbortSignal): Promise<void> {
    this.#context.limitLog.report(error, { address: this.#peer.address });
    const close = () => this.close("the server is full");
    try {
      const request = await readFirstRequest(this.#socket, this.#session, signal);
      // A peer that has sent no request yet may be one of protocol 4.
      const isBusy = request !== "other" && this.#context.helloAnswer() !== undefined;
      const answer = isBusy ? BUSY : this.#session.generalError().bytes;
      if (signal.aborted) return await this.#socket.send(answer);
      signal.addEventListener("abort", close);
      await this.#socket.dismiss(answer);
    } catch {
      // The peer has disconnected.
    } finally {
      close();
    }
  }

  /** Ends the connection as soon as no upload is in progress or waits for its confirmation. */
  finish(): void {
    this.#finishing = true;
    if (!this.#isAtWork) this.close("the server is stopping");
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
          if (event.isComplete && (await this.#socket.awaitMore(FILLING_MS)) === undefined) {
            this.#session.endPart();
          } else if (!(await this.#receive())) return;
          break;
        case "identify":
          this.#session.identify(await this.#recall(event.clientId));
          break;
        case "hello":
          return await this.#sayHello();
        case "send":
          await this.#socket.send(event.bytes);
          break;
        case "request": {
          this.#countRequest();
          this.#noteProfile();
          const response = await handle(this.#context, this.#peer, event.request);
          if (response.kind === "registered" || response.kind === "denied") {
            this.#client = response.clientId;
            this.#isRegistered = response.kind === "registered";
            this.#storedProfile = this.#peer.profile;
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
          if (!(await this.#endPart(event.request))) return;
          break;
      }
      await this.#keepProfile();
    }
  }

  /**
   * Answers a hello. If the server has no protocol 4, ends the connection without an answer, as servers of protocol 3
   * do.
   */
  async #sayHello(): Promise<void> {
    const helloAnswer = this.#context.helloAnswer();
    if (helloAnswer === undefined) return;
    await this.#socket.dismiss(encodeHelloAnswer(helloAnswer));
  }

  /** The known profile of a client. */
  async #recall(clientId: Bytes): Promise<Profile | undefined> {
    this.#client = clientId;
    await this.#limitRates(clientId);
    this.#isRegistered = false;
    this.#askedFor = undefined;
    const client = await this.#context.store.catalog.accounts.find({ id: clientId });
    const known = client ?? await this.#context.shared.reservedIds.find(clientId);
    const profile = known && toProfile(known.storedProfile);
    this.#storedProfile = profile;
    return profile;
  }

  async #limitRates(clientId: Bytes): Promise<void> {
    const client = toHex(clientId);
    if (client === this.#rated) return;
    this.#rated = client;
    await this.#socket.limitRates(this.#context.rates.of(client));
  }

  #noteProfile(): void {
    this.#peer.profile = this.#session.profile ?? this.#peer.profile;
  }

  /**
   * Stores the quirks that were detected with the account, if the client has registered here or has a key. Anyone can
   * name an id.
   */
  async #keepProfile(): Promise<void> {
    const { profile } = this.#session;
    if (profile === undefined || this.#client === undefined) return;
    if (this.#storedProfile !== undefined && sameProfile(profile, this.#storedProfile)) return;
    if (!this.#isRegistered && !(await this.#hasKey(this.#client, profile))) return;
    this.#storedProfile = profile;
    await this.#context.store.catalog.accounts.setProfile(this.#client, toStoredProfile(profile));
  }

  /** Whether a client has a key. Without one on this connection, looks only once for each profile. */
  async #hasKey(client: Bytes, profile: Profile): Promise<boolean> {
    const hasAsked = this.#askedFor !== undefined && sameProfile(profile, this.#askedFor);
    if (this.#peer.key === undefined && hasAsked) return false;
    this.#askedFor = profile;
    return await this.#context.sessionKeys.find(this.#peer, client) !== undefined;
  }

  async #beginPart(request: SendFile): Promise<void> {
    this.#socket.expect(request.contentSize);
    await this.#limitRates(request.clientId);
    const begin = (first: SendFile) => V3Upload.begin(this.#context, this.#peer, first);
    if (this.#upload?.isOf(request) !== true || request.packetNumber === 1) {
      await this.#upload?.[Symbol.asyncDispose]();
      this.#upload = undefined;
      this.#countRequest();
    }
    if (request.packetNumber !== undefined && request.packetNumber !== 1) {
      this.#upload ??= await this.#context.pendingUploads.take(request, begin);
      if (this.#upload !== undefined) return await this.#upload.continue(request);
    }
    this.#upload = this.#context.pendingUploads.watch(await begin(request), this.#peer);
  }

  /** Answers the end of a part, if an answer is due. Returns `false` if the connection must end then. */
  async #endPart(request: SendFile): Promise<boolean> {
    const response = await this.#upload?.endPart(request);
    if (response !== undefined) return await this.#answer(this.#session.reply(response));
    const upload = this.#upload;
    if (upload?.isOpen && this.#peer.profile.quirks.has("acknowledged-parts")) {
      const { clientId } = upload.request;
      this.#upload = undefined;
      upload.detach();
      // The next part may come on another connection before this one ends.
      await this.#context.pendingUploads.add(upload, this.#context.ticks());
      return await this.#answer(this.#session.reply({ kind: "messageReceived", clientId }));
    }
    this.#session.proceed();
    return true;
  }

  /** Passes the next bytes to the session. Returns `false` if the peer has disconnected. Throws `LimitError`. */
  async #receive(): Promise<boolean> {
    const bytes = await this.#socket.receive(this.#phase);
    if (bytes !== undefined) this.#session.push(bytes);
    else if (!this.#session.betweenMessages) this.#logLoss(new Error(LEFT_WITHIN));
    return bytes !== undefined;
  }

  get #phase(): ReadPhase {
    if (this.#session.betweenMessages) return "idle";
    return this.#session.inContent ? "content" : "request";
  }

  #countRequest(): void {
    const { maxRequestsPerConnection } = this.#context.limits;
    if (++this.#requests <= maxRequestsPerConnection) return;
    throw new LimitError("maxRequestsPerConnection", maxRequestsPerConnection);
  }

  /** Sends a reply. Returns `false` if the connection must end then. */
  async #answer({ bytes, afterMs, close }: Reply): Promise<boolean> {
    if (afterMs > 0 && !(await this.#isSilentFor(afterMs))) return true;
    await this.#socket.send(bytes);
    if (this.#upload?.isOpen !== true) this.#socket.expect(0);
    return !close;
  }

  /** Whether nothing arrives for `ms` milliseconds except padding of the previous message. */
  async #isSilentFor(ms: number): Promise<boolean> {
    if (this.#session.available > 0) return false;
    const more = await this.#socket.awaitMore(ms);
    return more === undefined ||
      (fillingOf(this.#peer.profile.quirks, 1) > 0 && more.every((byte) => byte === 0));
  }

  /** Tells the peer that its message is invalid or over a limit, and ends the connection. */
  async #refuse(error: ProtocolError | LimitError): Promise<void> {
    const { address } = this.#peer;
    if (error instanceof LimitError) {
      this.#context.limitLog.report(error, { address, ...error.subject ?? this.#upload?.subject });
    } else {
      this.#context.log.warn("Closed the connection from {address}: {reason}", {
        event: "connection.refused",
        address: this.#peer.address,
        code: error.code,
        reason: error.message,
      });
    }
    await this.#sayGeneralError();
  }

  async #sayUnavailable(error: UnavailableError): Promise<void> {
    this.#context.log.error("Closed the connection from {address}: {reason}", {
      event: "request.failed",
      ...{ address: this.#peer.address, code: error.code, reason: error.message },
    });
    await this.#sayGeneralError();
  }

  async #sayGeneralError(): Promise<void> {
    try {
      await this.#socket.dismiss(this.#session.generalError().bytes);
    } catch (loss) {
      this.#logLoss(loss);
    }
  }

  #logLoss(error: unknown): void {
    const level = this.#socket.hasLeftSilently(error) ? "debug" : "info";
    this.#context.log[level]("Connection from {address} ended: {reason}", {
      event: "connection.lost",
      address: this.#peer.address,
      reason: this.#socket.closedFor ??
        reasonOf(error),
    });
  }
}
