/**
 * What the server does for a client that has proven who it is. What may come when is `ConnectionState`'s to judge.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { release } from "../../protocol/memory.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import { LINK_LIFE_MS, tryToMakeToken } from "../accounts/tokens.ts";
import { LimitError } from "../limits/limits.ts";
import { CatalogRefusal } from "../catalog/refusal.ts";
import { WriteBacklog } from "./write_backlog.ts";
import { FILE_REQUESTS } from "./file_requests.ts";
import type { OpenUpload } from "./open_uploads.ts";
import { V4Upload } from "./upload.ts";
import { RequestError, toRefusal } from "./request_error.ts";
import { type RequestContext, SendError } from "./request_context.ts";

/** Puts of a connection that are not answered at a time: so many small files are synced and committed together. */
export const WINDOW = 256;

export class Requests implements AsyncDisposable {
  readonly #session: RequestContext;
  readonly #backlog: WriteBacklog;
  /** The file whose data comes; none where it was refused, and is passed over. */
  #incoming: V4Upload | undefined;
  /** The transfer of another connection whose data comes here too. */
  #joined: OpenUpload | undefined;
  /** Puts that have come whole, and whose answers have not found room yet. */
  readonly #deciding = new Set<Promise<void>>();

  constructor(session: RequestContext) {
    this.#session = session;
    this.#backlog = new WriteBacklog(() => session.context.staging.count);
  }

  /** Answers a message that may come now. Throws `ProtocolError` `bad-frame` for a chunk that does not fit its file. */
  async handle(message: Message): Promise<void> {
    switch (message.kind) {
      case "put":
        return await this.#put(message);
      case "data":
        return await this.#data(message);
      case "end":
        return await this.#end(message);
      case "cancel":
        return await this.#cancel();
      case "join":
        return await this.#join(message);
      case "leave":
        return await this.#leave(message);
      default:
        return await this.#answer(message);
    }
  }

  /** Holds what is on its way in, and waits for what is being stored. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#joined?.leave();
    await this.#incoming?.suspend();
    await Promise.allSettled(this.#deciding);
  }

  async #put(request: MessageOf<"put">): Promise<void> {
    const { tag, resume } = request;
    const { answers } = this.#session;
    const upload = new V4Upload(this.#session, request);
    if (!(await this.#attempt(tag, () => upload.open()))) return;
    this.#incoming = upload;
    if (resume !== 0) await answers.send({ kind: "held", tag, ...await upload.findHeld() });
  }

  async #data(message: MessageOf<"data">): Promise<void> {
    const incoming = this.#incoming;
    const upload = incoming ?? this.#joined;
    const { bytes } = message;
    // What was refused is passed over.
    if (upload === undefined) return release(bytes);
    if (incoming !== undefined && incoming.failure !== undefined) {
      return await this.#giveUp(message.tag, incoming);
    }
    this.#backlog.add(bytes.length, upload.write(message));
    await this.#backlog.makeRoom();
  }

  async #giveUp(tag: number, upload: V4Upload): Promise<void> {
    this.#incoming = undefined;
    await this.#attempt(tag, async () => {
      await upload.abort();
      throw upload.failure;
    });
  }

  /** What remains to be done for a file goes on while the next one comes. */
  async #end(message: MessageOf<"end">): Promise<void> {
    const upload = this.#incoming;
    if (upload === undefined) return;
    await upload.awaitWhole();
    this.#incoming = undefined;
    const deciding: Promise<void> = this.#finish(upload, message)
      // Who has left is not told.
      .catch(() => undefined).finally(() => this.#deciding.delete(deciding));
    this.#deciding.add(deciding);
    // Nothing more is taken from a client that does not take its answers.
    if (this.#deciding.size >= WINDOW) await Promise.race(this.#deciding);
  }

  async #finish(upload: V4Upload, message: MessageOf<"end">): Promise<void> {
    let answer: Message | undefined;
    await this.#attempt(message.tag, async () => {
      answer = await upload.finish(message);
    });
    if (answer !== undefined) await this.#session.answers.send(answer);
  }

  async #cancel(): Promise<void> {
    const upload = this.#incoming;
    this.#incoming = undefined;
    await upload?.abort();
  }

  async #join({ tag, transfer }: MessageOf<"join">): Promise<void> {
    const { context, owner, answers } = this.#session;
    const found = await this.#attempt(tag, () => {
      const upload = context.openUploads.find(owner.accountId, transfer);
      if (upload?.join() !== true) throw noSuchTransfer();
      this.#joined = upload;
    });
    if (found) await answers.send({ kind: "done", tag });
  }

  async #leave({ tag }: MessageOf<"leave">): Promise<void> {
    await this.#backlog.settle();
    const upload = this.#joined;
    this.#joined = undefined;
    upload?.leave();
    const isThere = await this.#attempt(tag, () => {
      if (upload?.failure !== undefined) throw upload.failure;
      if (upload?.isReceiving !== true) throw noSuchTransfer();
    });
    if (isThere) await this.#session.answers.send({ kind: "done", tag });
  }

  async #answer(message: Message): Promise<void> {
    const handler = REQUESTS[message.kind] as
      | ((session: RequestContext, message: Message) => Promise<void>)
      | undefined;
    await this.#attempt(message.tag, async () => {
      if (handler === undefined) {
        throw new RequestError("over-limit", `${message.kind} is not offered`);
      }
      await handler(this.#session, message);
    });
  }

  /**
   * Does work for a request, and answers why where it fails. Returns whether it did not. Throws `ProtocolError` and
   * `SendError`, which end the connection.
   */
  async #attempt(tag: number, work: () => Promise<void> | void): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof SendError) throw error;
      const { code, message } = this.#explain(error);
      await this.#session.answers.send({ kind: "error", tag, code, message });
      return false;
    }
  }

  #explain(error: unknown): RequestError {
    const { context: { log, limitLog }, owner: { address, accountId } } = this.#session;
    if (error instanceof LimitError) {
      limitLog.report(error, address);
      return new RequestError("over-limit", error.message);
    }
    if (error instanceof CatalogRefusal || error instanceof RequestError) {
      const refusal = error instanceof RequestError ? error : toRefusal(error);
      // Nothing out of the common: clients ask for what may not be there.
      log.debug("Refused a request of {client} from {address}: {reason}", {
        event: "request.refused",
        ...{ client: toHex(accountId), address },
        ...{ code: refusal.code, reason: printable(refusal.message) },
      });
      return refusal;
    }
    log.error("Could not answer {request} of {address}: {reason}", {
      event: "request.failed",
      ...{ request: "protocol 4", address, reason: printable(String(error)) },
    });
    return new RequestError("cannot-store", "the server could not do it: it is full or failing");
  }
}

function noSuchTransfer(): RequestError {
  return new RequestError("no-such-transfer", "no upload of yours with this id is open");
}

const REQUESTS = {
  ...FILE_REQUESTS,
  async link(
    { context, owner: { accountId, key }, answers }: RequestContext,
    { tag }: MessageOf<"link">,
  ) {
    const { store: { catalog }, clock } = context;
    const wish = { accountId, uses: 1, lifeMs: LINK_LIFE_MS };
    const made = await tryToMakeToken(catalog, wish, clock(), key);
    // Within the second before its operator's word holds, a link would outlive the key.
    if (made === undefined) {
      throw new RequestError("not-authenticated", "the account may not be linked");
    }
    await answers.send({ kind: "token", tag, ...made });
  },
};
