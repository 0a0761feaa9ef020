/**
 * The requests of a signed-in client. `ConnectionState` decides which messages can come when.
 *
 * @module
 */
import { ProtocolError } from "../../protocol/errors.ts";
import { release } from "../../protocol/memory.ts";
import { FetchReader } from "../../protocol/v4/fetch.ts";
import type { Message, MessageKind, MessageOf } from "../../protocol/v4/messages.ts";
import { PackReader } from "../../protocol/v4/pack.ts";
import { LINK_LIFE_MS, tryToMakeToken } from "../accounts/tokens.ts";
import { answerBlindly, isRestricted } from "./access.ts";
import { WriteBacklog } from "./write_backlog.ts";
import { Packs } from "./packs.ts";
import { FILE_REQUESTS } from "./file_requests.ts";
import type { OpenUpload } from "./open_uploads.ts";
import { V4Upload } from "./upload.ts";
import { explainFailure, reportFailures } from "./explain_failure.ts";
import { ContentMismatch, RequestError } from "./request_error.ts";
import { endUnanswered, type RequestContext, SendError } from "./request_context.ts";

/** The most unanswered puts of a connection. Small files are synced and committed together. */
export const WINDOW = 256;
/** Requests that report the files that fail themselves, once their work has begun. */
const TRANSFERS: readonly MessageKind[] = ["put", "get", "fetch"];

export class Requests implements AsyncDisposable {
  readonly #session: RequestContext;
  readonly #backlog: WriteBacklog;
  readonly #packs: Packs;
  /** The upload whose data arrives on this connection; `undefined` if it was refused and its data is ignored. */
  #incoming: V4Upload | undefined;
  /** The upload of another connection whose data arrives here too. */
  #joined: OpenUpload | undefined;
  /** Uploads that are complete but not answered yet. */
  readonly #deciding = new Set<Promise<void>>();

  constructor(session: RequestContext) {
    this.#session = session;
    this.#backlog = new WriteBacklog(() => session.context.staging.count);
    this.#packs = new Packs(session);
  }

  /**
   * Handles a message that is allowed now. Throws `ProtocolError` `bad-frame` for a chunk that does not fit its file.
   */
  async handle(message: Message): Promise<void> {
    if (isRestricted(message.kind) && !(await this.#mayProceed(message))) return;
    switch (message.kind) {
      case "put":
        return await this.#put(message);
      case "chunk":
        return await this.#chunk(message);
      case "end":
        return await this.#end(message);
      case "cancel":
        return await this.#cancel();
      case "pack":
        return await this.#packs.store(message);
      case "update":
        return await this.#packs.update(message);
      case "join":
        return await this.#join(message);
      case "leave":
        return await this.#leave(message);
      default:
        return await this.#answer(message);
    }
  }

  /** Whether the account's access leaves the answer to the handler of the request. */
  async #mayProceed(message: Message): Promise<boolean> {
    let isAnswered = false;
    const look = async () => {
      isAnswered = await answerBlindly(this.#session, message);
    };
    const isAllowed = await this.#attempt(message, look, { hasTransfer: false });
    return isAllowed && !isAnswered;
  }

  /** Suspends the upload in progress, and waits for those being committed, and for packs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#joined?.leave();
    await this.#incoming?.suspend();
    await Promise.allSettled(this.#deciding);
    await this.#packs.settle();
  }

  async #put(request: MessageOf<"put">): Promise<void> {
    const { tag, resume } = request;
    const { answers } = this.#session;
    const upload = new V4Upload(this.#session, request);
    if (!(await this.#attempt(request, () => upload.open()))) return;
    this.#incoming = upload;
    if (resume !== 0) await answers.send({ kind: "held", tag, ...await upload.findPartial() });
  }

  async #chunk(message: MessageOf<"chunk">): Promise<void> {
    const incoming = this.#incoming;
    const upload = incoming ?? this.#joined;
    const { bytes } = message;
    // The upload was refused, so its data is ignored.
    if (upload === undefined) return release(bytes);
    if (incoming?.isKeepAlive(message) === true) return;
    if (incoming !== undefined && incoming.failure !== undefined) {
      return await this.#giveUp(incoming, incoming.failure);
    }
    try {
      await incoming?.makeRoom(message);
    } catch (error) {
      release(bytes);
      return await this.#giveUp(incoming as V4Upload, error);
    }
    const { length } = bytes;
    this.#backlog.add(length, upload.write(message));
    // The client need not send the rest.
    if (incoming !== undefined && incoming.failure instanceof ContentMismatch) {
      return await this.#giveUp(incoming, incoming.failure);
    }
    await this.#backlog.makeRoom();
  }

  /** Refuses an upload that is being received. Its further data is ignored. */
  async #giveUp(upload: V4Upload, why: unknown): Promise<void> {
    this.#incoming = undefined;
    await this.#attempt(upload.request, async () => {
      await upload.abort(why);
      throw why;
    });
  }

  /** Commits the upload while the next one arrives. */
  async #end(message: MessageOf<"end">): Promise<void> {
    const upload = this.#incoming;
    if (upload === undefined) return;
    await upload.awaitWhole(message);
    this.#incoming = undefined;
    const deciding: Promise<void> = this.#finish(upload, message)
      .catch((error) => endUnanswered(this.#session, error))
      .finally(() => this.#deciding.delete(deciding));
    this.#deciding.add(deciding);
    // A client that does not read its answers must not send more.
    if (this.#deciding.size >= WINDOW) await Promise.race(this.#deciding);
  }

  async #finish(upload: V4Upload, message: MessageOf<"end">): Promise<void> {
    let answer: Message | undefined;
    await this.#attempt(upload.request, async () => {
      answer = await upload.finish(message);
    });
    if (answer !== undefined) await this.#session.answers.send(answer);
  }

  async #cancel(): Promise<void> {
    const upload = this.#incoming;
    this.#incoming = undefined;
    await upload?.abort();
  }

  async #join(request: MessageOf<"join">): Promise<void> {
    const { tag, transfer } = request;
    const { context, owner, answers } = this.#session;
    const found = await this.#attempt(request, () => {
      const upload = context.openUploads.find(owner.accountId, transfer);
      if (upload?.join() !== true) throw noSuchTransfer();
      this.#joined = upload;
    });
    if (found) await answers.send({ kind: "done", tag });
  }

  async #leave(request: MessageOf<"leave">): Promise<void> {
    await this.#backlog.settle();
    const upload = this.#joined;
    this.#joined = undefined;
    upload?.leave();
    const isThere = await this.#attempt(request, () => {
      const failure = upload?.failure;
      // The answer to the upload itself says that a chunk was changed on the way. It may have ended the upload already.
      if (failure instanceof ContentMismatch) return;
      if (failure !== undefined) throw failure;
      if (upload?.isReceiving !== true) throw noSuchTransfer();
    });
    if (isThere) await this.#session.answers.send({ kind: "done", tag: request.tag });
  }

  async #answer(message: Message): Promise<void> {
    const handler = REQUESTS[message.kind] as
      | ((session: RequestContext, message: Message) => Promise<void>)
      | undefined;
    await this.#attempt(message, async () => {
      if (handler === undefined) {
        throw new RequestError("over-limit", `${message.kind} is not supported`);
      }
      await handler(this.#session, message);
    });
  }

  /**
   * Does the work of a request, and answers with an error if it fails. Returns whether it succeeded. Throws
   * `ProtocolError` and `SendError`, which end the connection.
   */
  async #attempt(
    request: Message,
    work: () => Promise<void> | void,
    { hasTransfer } = { hasTransfer: TRANSFERS.includes(request.kind) },
  ): Promise<boolean> {
    const { kind, tag } = request;
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof SendError) throw error;
      if (error instanceof ContentMismatch) {
        await this.#session.answers.send({ kind: "mismatch", tag, ...error.found });
        return false;
      }
      const names = namesIn(request);
      const [name] = names.length === 1 ? names : [];
      const { code, message } = explainFailure(this.#session, error, { kind, name });
      if (!hasTransfer) reportFailures(this.#session, kind, names, code);
      await this.#session.answers.send({ kind: "error", tag, code, message });
      return false;
    }
  }
}

/** The names of the files that a request is about. */
function namesIn(request: Message): string[] {
  if ("oldName" in request) return [request.oldName];
  if ("name" in request) return [request.name];
  const names: string[] = [];
  if (request.kind === "pack") {
    for (const record = new PackReader(request.bytes); record.next();) names.push(record.name);
  } else if (request.kind === "fetch") {
    for (const record = new FetchReader(request.bytes); record.next();) names.push(record.name);
  }
  return names;
}

function noSuchTransfer(): RequestError {
  return new RequestError("no-such-transfer", "you have no open upload with this id");
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
    // The key was removed or the account disabled less than a second ago. A link token would outlive it.
    if (made === undefined) {
      throw new RequestError("not-authenticated", "the account cannot be linked");
    }
    await answers.send({ kind: "token", tag, ...made });
  },
};
