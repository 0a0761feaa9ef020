/**
 * One file on its way in by protocol 4: chunk → checksum and digest → staging file, from one connection or several.
 * What is interrupted is held, to be gone on with.
 *
 * @module
 */
import { type Bytes, equalBytes, printable, release, toHex } from "../../protocol/mod.ts";
import { ChunkSums, type Sums } from "../../protocol/v4/chunk_sums.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import { CHUNK_SIZE } from "../../protocol/v4/tree.ts";
import type { Context } from "../context.ts";
import type { StagedBlob } from "../store/blob_store.ts";
import { checkRoom, storeFile } from "../storing.ts";
import { refuseName } from "./refusal.ts";
import type { Owner } from "./session.ts";

const ID_SIZE = 16;
/** The disk takes what has come after so many bytes each, so that the sync at the end has little left to do. */
const WRITE_BACK_SIZE = 64 * 1024 * 1024;
/**
 * What is held of a file that arrives is recorded when it has grown by so much of itself, but not before it has by a
 * write-back: a server that is killed holds all but the last part, and what that costs stays in proportion.
 */
const RECORDED_PART = 1 / 8;

interface Work {
  readonly blob: StagedBlob;
  readonly sums: ChunkSums;
}

export interface ReceiptOptions {
  readonly context: Context;
  readonly owner: Owner;
  readonly request: MessageOf<"put">;
  /** Closes the connection on which it comes. */
  readonly close: (reason: string) => void;
}

export class Receipt {
  /** By which other connections join it. */
  readonly id: Bytes = crypto.getRandomValues(new Uint8Array(ID_SIZE));
  readonly request: MessageOf<"put">;
  readonly #context: Context;
  readonly #owner: Owner;
  readonly #close: (reason: string) => void;
  #state: "opening" | "receiving" | "deciding" | "ended" = "opening";
  readonly #ended = Promise.withResolvers<void>();
  #work: Work | undefined;
  /** Whether it is the upload of its name to be gone on with: a later one takes that from it. */
  #current = true;
  /** Whether a row tells of what is held of it. */
  #recorded = false;
  /** How many bytes the disk has taken, and a row tells of. */
  #writtenBack = 0;
  #recordedSize = 0;
  #writingBack: Promise<void> | undefined;
  /** Ends when all of it is durable. */
  #sealed: Promise<void> | undefined;
  #failure: unknown;
  #joined = 0;
  /** Told when nobody is joined any more. */
  #onLeft: (() => void) | undefined;

  constructor({ context, owner, request, close }: ReceiptOptions) {
    this.#context = context;
    this.#owner = owner;
    this.request = request;
    this.#close = close;
  }

  get clientId(): Bytes {
    return this.#owner.clientId;
  }

  /** Of the staged file. */
  get path(): string | undefined {
    return this.#work?.blob.path;
  }

  /** Whether it takes chunks. */
  get isReceiving(): boolean {
    return this.#state === "receiving";
  }

  /** Whether all of the file has come. */
  get isWhole(): boolean {
    return this.#work?.sums.isWhole ?? false;
  }

  /** What has gone wrong with it since. */
  get failure(): unknown {
    return this.#failure;
  }

  /** What the client may go on from. */
  get held(): Omit<MessageOf<"held">, "kind" | "tag"> {
    const { sums } = this.#opened();
    return { transfer: this.id, offset: sums.held, digest: sums.sums(sums.held).digest };
  }

  /** Opens the staged file, with what is held of it where it is to be resumed. Throws `Refusal`, `LimitError`. */
  async open(): Promise<void> {
    const { transfers } = this.#context;
    const { name, size, resume } = this.request;
    refuseName(name);
    const before = transfers.add(this);
    try {
      if (resume !== 0) await before?.giveWay();
      else await before?.disown();
      await checkRoom(this.#context, { clientId: this.clientId, name, size });
      this.#work = resume !== 0 ? await this.#resume() : await this.#begin();
      this.#state = "receiving";
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /**
   * Takes a chunk, which is empty when it is written; resolves then, however that went. Throws `ProtocolError`
   * `bad-frame` for one that does not fit.
   */
  take({ offset, bytes }: MessageOf<"data">): Promise<void> {
    const { blob, sums } = this.#opened();
    sums.add(offset, bytes);
    const written = blob.writeAt(offset, bytes).then(
      () => release(bytes),
      (error) => void (this.#failure ??= error),
    );
    // A handle does one thing after another: what comes last is synced with all before it.
    if (sums.isWhole) this.#seal();
    else this.#writeBack();
    return written;
  }

  join(): void {
    this.#joined++;
  }

  leave(): void {
    if (--this.#joined === 0) this.#onLeft?.();
  }

  /** Resolves when all of the file has come, or nobody is left who could bring what is missing. */
  async awaitJoined(): Promise<void> {
    if (this.#joined === 0 || this.isWhole) return;
    await new Promise<void>((resolve) => this.#onLeft = resolve);
  }

  /** Whether the file is what the client has sent; stores it then. Throws why it can't. */
  async decide(end: MessageOf<"end">): Promise<Message> {
    this.#state = "deciding";
    try {
      const { blob, sums } = this.#opened();
      await this.#writingBack;
      const found: Sums = sums.sums();
      const { tag } = end;
      if (!sameSums(found, end)) {
        await this.#drop();
        return { kind: "mismatch", tag, ...found };
      }
      const { name, size, mtime } = this.request;
      await this.#seal();
      const version = await storeFile(this.#context, this.#owner, {
        ...{ clientId: this.clientId, name, size, crc: found.cksum, blob },
        storedAt: this.#context.clock(),
        tree: { mtime, digest: found.digest },
        chunks: sums.digests,
        wasHeld: this.#recorded,
      });
      return { kind: "stored", tag, ...found, version };
    } catch (error) {
      await this.#drop();
      throw error;
    } finally {
      this.#end();
    }
  }

  /** Drops what has come, and what is held. */
  async discard(): Promise<void> {
    if (this.#state === "ended") return;
    try {
      await this.#drop();
    } finally {
      this.#end();
    }
  }

  /** Its connection is gone: what has come is held, if it is worth while. Does nothing when all has come. */
  async interrupt(): Promise<void> {
    if (this.#state !== "receiving") return;
    try {
      if (!(await this.#keep())) await this.#drop();
    } catch (error) {
      this.#warn(
        "file.not-held",
        "Could not hold what came of {file} of {client}: {reason}",
        error,
      );
      await this.#drop();
    } finally {
      this.#end();
    }
  }

  /** Its client goes on with the file on another connection: ends this one, and resolves when all is held. */
  async giveWay(): Promise<void> {
    if (this.#state === "opening" || this.#state === "receiving") {
      this.#close("its client goes on with the file on another connection");
      this.#onLeft?.();
    }
    await this.#ended.promise;
  }

  /** Another upload takes its name: this one goes on, but is not held any more. */
  async disown(): Promise<void> {
    this.#current = false;
    await this.#writingBack;
  }

  async #begin(): Promise<Work> {
    const { held, staging } = this.#context;
    const { name, size } = this.request;
    await held.drop(this.clientId, name);
    return { blob: await staging.stageWhole(this.clientId, size), sums: new ChunkSums(size) };
  }

  async #resume(): Promise<Work> {
    const { held, staging, log } = this.#context;
    const { name, size, mtime } = this.request;
    const partial = await held.find(this.clientId, name);
    if (partial?.size !== size || partial.mtime !== mtime) return await this.#begin();
    try {
      const sums = ChunkSums.decode(size, partial.sums, partial.held);
      const blob = await staging.resume(this.clientId, partial.path, partial.held, size);
      this.#recorded = true;
      this.#writtenBack = this.#recordedSize = partial.held;
      log.info("Goes on with {file} of {client} at {offset} of {size} bytes", {
        event: "file.resumed",
        ...{ ...this.#named(), offset: partial.held, size },
      });
      return { blob, sums };
    } catch (error) {
      const lost = error instanceof Deno.errors.NotFound || error instanceof RangeError;
      if (!lost) throw error;
      return await this.#begin();
    }
  }

  #seal(): Promise<void> {
    this.#sealed ??= this.#opened().blob.seal();
    // It is awaited in the end; until then its failure is not to count as unhandled.
    this.#sealed.catch(() => undefined);
    return this.#sealed;
  }

  /** Has the disk take what has come, now and then, and records it as held. */
  #writeBack(): void {
    const { blob, sums } = this.#opened();
    const { held } = sums;
    if (this.#writingBack !== undefined || held - this.#writtenBack < WRITE_BACK_SIZE) return;
    const grown = held - this.#recordedSize;
    const isDue = grown >= Math.max(WRITE_BACK_SIZE, held * RECORDED_PART);
    const encoded = sums.encode();
    const work = async () => {
      await blob.sync();
      this.#writtenBack = held;
      if (isDue && this.#current) await this.#record(held, encoded);
    };
    this.#writingBack = work()
      // Nothing depends on it: the sync at the end tells of a disk that fails.
      .catch((error) =>
        this.#warn("file.not-held", "Could not hold {file} of {client}: {reason}", error)
      )
      .finally(() => this.#writingBack = undefined);
  }

  async #record(held: number, sums: Bytes): Promise<void> {
    const { clientId, request: { name, size, mtime } } = this;
    const path = this.#opened().blob.path;
    this.#recorded = true;
    await this.#context.held.save({ clientId, name, size, mtime, path, held, sums });
    this.#recordedSize = held;
  }

  /** Returns whether it is held. */
  async #keep(): Promise<boolean> {
    await this.#writingBack;
    const { blob, sums } = this.#opened();
    const { held } = sums;
    if (!this.#current || this.#failure !== undefined || held < CHUNK_SIZE) return false;
    await blob.leave(held);
    if (!this.#current) return false;
    await this.#record(held, sums.encode());
    this.#context.log.info("Holds {held} of {size} bytes of {file} of {client}", {
      event: "file.held",
      ...{ ...this.#named(), held, size: this.request.size },
    });
    return true;
  }

  async #drop(): Promise<void> {
    await this.#writingBack;
    await this.#work?.blob.discard();
    if (this.#recorded && this.#current) {
      this.#recorded = false;
      await this.#context.held.drop(this.clientId, this.request.name);
    }
  }

  #end(): void {
    this.#state = "ended";
    this.#context.transfers.remove(this);
    this.#ended.resolve();
  }

  #opened(): Work {
    if (this.#work === undefined) throw new Error("Cannot take data: the file is not open");
    return this.#work;
  }

  #named() {
    const { address, clientId } = this.#owner;
    return { file: printable(this.request.name), client: toHex(clientId), address };
  }

  #warn(event: string, words: string, error: unknown): void {
    this.#context.log.warn(words, { event, ...this.#named(), reason: printable(String(error)) });
  }
}

function sameSums(a: Sums, b: Sums): boolean {
  return a.cksum === b.cksum && equalBytes(a.digest, b.digest);
}
