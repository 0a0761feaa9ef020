/**
 * What the server does for a client that has proven who it is.
 *
 * @module
 */
import { printable, ProtocolError, release } from "../../protocol/mod.ts";
import type { Sums } from "../../protocol/v4/chunk_sums.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import { digestTree } from "../../protocol/v4/tree.ts";
import { LimitError } from "../limits.ts";
import { CatalogRefusal } from "../store/catalog.ts";
import { checkRoom, storeFile } from "../storing.ts";
import { FILE_REQUESTS } from "./files.ts";
import { Receipt, sameSums } from "./receipt.ts";
import { Refusal, refuseName } from "./refusal.ts";
import type { Session } from "./session.ts";

/** Puts of a connection that are not answered at a time: so many small files are synced and committed together. */
export const WINDOW = 32;

/** A put whose data comes: into a receipt, or passed over since it was refused. */
interface Incoming {
  readonly tag: number;
  receipt: Receipt | undefined;
}

export class Requests implements AsyncDisposable {
  readonly #session: Session;
  #incoming: Incoming | undefined;
  /** Puts that have come whole and are not answered. */
  readonly #finishing = new Set<Promise<void>>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Whether a file's data is what comes next. */
  get isReceiving(): boolean {
    return this.#incoming !== undefined;
  }

  /** Whether a file is on its way, or not answered yet. */
  get isAtWork(): boolean {
    return this.isReceiving || this.#finishing.size > 0;
  }

  /** Throws `ProtocolError` `bad-frame` for a message that does not fit the state. */
  async handle(message: Message): Promise<void> {
    if (message.tag === 0) throw outOfPlace(message, "tag 0 is no request's");
    switch (message.kind) {
      case "put":
        return await this.#put(message);
      case "data":
        return await this.#data(message);
      case "end":
        return this.#end(message);
      case "cancel":
        return await this.#cancel(message);
      default:
        return await this.#answer(message);
    }
  }

  /** Drops what is on its way in, and waits for what is being stored. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#incoming?.receipt?.discard();
    this.#incoming = undefined;
    await Promise.allSettled(this.#finishing);
  }

  async #put(request: MessageOf<"put">): Promise<void> {
    if (this.#incoming !== undefined) throw outOfPlace(request, "the file before has not ended");
    if (this.#finishing.size >= WINDOW) throw outOfPlace(request, `${WINDOW} are not answered`);
    const incoming: Incoming = { tag: request.tag, receipt: undefined };
    this.#incoming = incoming;
    await this.#refusing(request.tag, async () => {
      const { context, owner: { clientId }, answers } = this.#session;
      const { tag, name, size, resume } = request;
      refuseName(name);
      if (resume !== 0) {
        // Uploads that were broken off are not kept.
        const [transfer, digest] = [new Uint8Array(16), digestTree(new Uint8Array(0))];
        await answers.send({ kind: "held", tag, transfer, offset: 0, digest });
      }
      await checkRoom(context, { clientId, name, size });
      const blob = await context.staging.stage(clientId, size);
      incoming.receipt = new Receipt(request, blob);
    });
  }

  async #data(message: MessageOf<"data">): Promise<void> {
    const incoming = this.#expect(message);
    const { receipt } = incoming;
    if (receipt === undefined) return release(message.bytes); // it is refused, and passed over
    await this.#refusing(message.tag, () => receipt.take(message), () => {
      incoming.receipt = undefined;
      return receipt.discard();
    });
  }

  /** What remains to be done for a file goes on while the next one comes. */
  #end(message: MessageOf<"end">): void {
    const { receipt } = this.#expect(message);
    if (receipt?.sums.isWhole === false) throw outOfPlace(message, "some of the file is missing");
    this.#incoming = undefined;
    if (receipt === undefined) return;
    const finishing: Promise<void> = this.#refusing(
      message.tag,
      () => this.#finish(receipt, message),
      () => receipt.discard(),
    ).catch(() => undefined).finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
  }

  async #finish(receipt: Receipt, message: MessageOf<"end">): Promise<void> {
    const { tag } = message;
    const { context, owner, answers } = this.#session;
    const sums: Sums = await receipt.end();
    if (!sameSums(sums, message)) {
      await receipt.discard();
      return await answers.send({ kind: "mismatch", tag, ...sums });
    }
    const { request: { name, size, mtime }, blob } = receipt;
    await blob.seal();
    const version = await storeFile(context, owner, {
      ...{ clientId: owner.clientId, name, size, crc: sums.cksum, blob },
      storedAt: context.clock(),
      tree: { mtime, digest: sums.digest },
      chunks: receipt.sums.digests,
    });
    await answers.send({ kind: "stored", tag, ...sums, version });
  }

  async #cancel(message: MessageOf<"cancel">): Promise<void> {
    const { receipt } = this.#expect(message);
    this.#incoming = undefined;
    await receipt?.discard();
  }

  /** The put that a message belongs to. Throws `ProtocolError`. */
  #expect(message: Message): Incoming {
    if (this.#incoming?.tag === message.tag) return this.#incoming;
    throw outOfPlace(message, "no put with its tag is open");
  }

  async #answer(message: Message): Promise<void> {
    if (this.#incoming !== undefined) throw outOfPlace(message, "the file before has not ended");
    const handler = FILE_REQUESTS[message.kind] as
      | ((session: Session, message: Message) => Promise<void>)
      | undefined;
    if (handler === undefined) throw outOfPlace(message, "it is known who the client is");
    await this.#refusing(message.tag, () => handler(this.#session, message));
  }

  /**
   * Does work for a request; where it fails, cleans up and answers why. Throws `ProtocolError`, which ends the
   * connection.
   */
  async #refusing(
    tag: number,
    work: () => Promise<void>,
    cleanUp: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      // What is left then is removed at the next start; the client is answered all the same.
      await cleanUp().catch((failure) => this.#logFailure(failure));
      if (error instanceof ProtocolError) throw error;
      const { code, message } = this.#explain(error);
      await this.#session.answers.send({ kind: "error", tag, code, message });
    }
  }

  #explain(error: unknown): Refusal {
    const { context: { limitLog }, owner: { address } } = this.#session;
    if (error instanceof LimitError) {
      limitLog.report(error, address);
      return new Refusal("over-limit", error.message);
    }
    if (error instanceof CatalogRefusal) return new Refusal("bad-file-name", error.message);
    if (error instanceof Refusal) return error;
    this.#logFailure(error);
    return new Refusal("cannot-store", "the server could not do it: it is full or failing");
  }

  #logFailure(error: unknown): void {
    const { context: { log }, owner: { address } } = this.#session;
    log.error("Could not answer {request} of {address}: {reason}", {
      event: "request.failed",
      ...{ request: "protocol 4", address, reason: printable(String(error)) },
    });
  }
}

function outOfPlace({ kind }: Message, why: string): ProtocolError {
  return new ProtocolError("bad-frame", `Cannot take ${kind}: ${why}`);
}
