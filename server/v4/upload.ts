/**
 * One file on its way in by protocol 4: chunk → checksum and digest → staging file, from one connection or several.
 * What is interrupted is held, to be gone on with.
 *
 * @module
 */
import { type Bytes, equalBytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { release } from "../../protocol/memory.ts";
import { inSlices, type Sliced } from "../../protocol/v4/slices.ts";
import { ChunkDigests, type FileDigests } from "../../protocol/v4/chunk_digests.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import type { StagedBlob } from "../blobs/blob_store.ts";
import { breath } from "../breath.ts";
import { claimRoom, type QuotaReservation } from "../uploads/quota_reservations.ts";
import type { V4Context } from "./context.ts";
import { commitFile } from "../uploads/commit.ts";
import type { OpenUpload } from "./open_uploads.ts";
import { checkFileName } from "./request_error.ts";
import { type ConnectedPrincipal, SendError } from "./request_context.ts";
import { UploadCheckpoint } from "./upload_checkpoint.ts";

const ID_SIZE = 16;
const GIVES_WAY = "its client goes on with the file on another connection";

/** What an upload writes to, from its opening on. */
interface Staged {
  readonly blob: StagedBlob;
  readonly sums: ChunkDigests;
  readonly checkpoint: UploadCheckpoint;
}

export interface V4UploadOptions {
  readonly context: V4Context;
  readonly owner: ConnectedPrincipal;
  readonly request: MessageOf<"put">;
  /** Closes the connection on which it comes. */
  readonly close: (reason: string) => void;
}

export class V4Upload implements OpenUpload {
  /** By which other connections join it. */
  readonly id: Bytes = crypto.getRandomValues(new Uint8Array(ID_SIZE));
  readonly request: MessageOf<"put">;
  readonly #context: V4Context;
  readonly #owner: ConnectedPrincipal;
  readonly #close: (reason: string) => void;
  /** Leaves `receiving` before anything is awaited of how it ends, so that nothing is taken from then on. */
  #state: "opening" | "receiving" | "ending" | "ended" = "opening";
  #opening: Promise<void> | undefined;
  #interrupting: Promise<void> | undefined;
  readonly #ended = Promise.withResolvers<void>();
  /** What it counts until it has ended. */
  #reservation: QuotaReservation | undefined;
  #staged: Staged | undefined;
  /** Whether it is the upload of its name to be gone on with: a later one takes that from it. */
  #current = true;
  /** Ends when all of it is durable. */
  #sealed: Promise<void> | undefined;
  #failure: unknown;
  /** Whether its client has turned to another connection. */
  #isLeft = false;
  #joined = 0;
  /** Told when nobody is joined any more. */
  #onLeft: (() => void) | undefined;

  constructor({ context, owner, request, close }: V4UploadOptions) {
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
    return this.#staged?.blob.path;
  }

  /** Whether it takes chunks. */
  get isReceiving(): boolean {
    return this.#state === "receiving";
  }

  /** Whether all of the file has come. */
  get isWhole(): boolean {
    return this.#staged?.sums.isWhole ?? false;
  }

  /** What has gone wrong with it since. */
  get failure(): unknown {
    return this.#failure;
  }

  /** What the client may go on from. */
  async findHeld(): Promise<Omit<MessageOf<"held">, "kind" | "tag">> {
    const { sums } = this.#opened();
    const offset = sums.contiguousBytes;
    const { digest } = await this.#inSlices(sums.summing(offset));
    return { transfer: this.id, offset, digest };
  }

  /** Opens the staged file, with what is held of it where it is to be resumed. Throws `RequestError`, `LimitError`. */
  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { openUploads } = this.#context;
    const { name, size, resume } = this.request;
    checkFileName(name);
    openUploads.add(this);
    try {
      if (resume !== 0) await this.#takeOver();
      const file = { clientId: this.clientId, name, size };
      this.#reservation = await claimRoom(this.#context, file, () => this.#takeOver());
      if (resume !== 0) this.#staged = await this.#resume();
      if (this.#staged === undefined) await this.#begin();
      this.#state = "receiving";
    } catch (error) {
      await this.#staged?.blob.discard().catch(() => undefined);
      await this.#end();
      throw error;
    }
  }

  /** Resolves when all has ended that was to be gone on with under its name. */
  async #takeOver(): Promise<void> {
    const latest = () => this.#context.openUploads.predecessors(this).at(-1);
    for (let before = latest(); before !== undefined; before = latest()) await before.giveWay();
  }

  /** Goes on with what is held, if that is of this file; `undefined` where it is not, or lost. Throws `LimitError`. */
  async #resume(): Promise<Staged | undefined> {
    const { partialUploads, openUploads, staging, log } = this.#context;
    const { clientId, address } = this.#owner;
    const { name, size, mtime } = this.request;
    const partial = await partialUploads.find(clientId, name);
    if (partial?.size !== size || partial.mtime !== mtime) return undefined;
    const { path, held } = partial;
    // Two must never write to one file.
    if (openUploads.isOpen(path)) return undefined;
    try {
      const sums = ChunkDigests.decode(size, partial.sums, held);
      const blob = await staging.resume(clientId, path, held, size);
      log.info("Goes on with {file} of {client} at {offset} of {size} bytes", {
        event: "file.resumed",
        ...{ file: printable(name), client: toHex(clientId), address, offset: held, size },
      });
      return this.#with(blob, sums, true);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** Begins anew: as long as that may be refused, those before it stay the ones to be gone on with. */
  async #begin(): Promise<void> {
    const { staging, partialUploads, openUploads } = this.#context;
    const { size } = this.request;
    const blob = await staging.stageWhole(this.clientId, size);
    this.#staged = this.#with(blob, new ChunkDigests(size), false);
    for (const before of openUploads.predecessors(this)) await before.disown();
    await partialUploads.drop(this.clientId, this.request.name);
  }

  #with(blob: StagedBlob, sums: ChunkDigests, isRecorded: boolean): Staged {
    const checkpoint = new UploadCheckpoint({
      ...{ context: this.#context, owner: this.#owner, request: this.request },
      ...{ blob, sums, isRecorded, isCurrent: () => this.#current },
    });
    this.#context.garbage.hold(blob.path);
    return { blob, sums, checkpoint };
  }

  /**
   * Takes a chunk, which is empty when it is written; resolves then, however that went. What comes when it has ended is
   * dropped. Throws `ProtocolError` `bad-frame` for one that does not fit.
   */
  take({ offset, bytes }: MessageOf<"data">): Promise<void> {
    if (!this.isReceiving) {
      release(bytes);
      return Promise.resolve();
    }
    const { blob, sums, checkpoint } = this.#opened();
    sums.add(offset, bytes);
    const written = blob.writeAt(offset, bytes).then(
      () => release(bytes),
      // What is cut off by its end has not failed.
      (error) => void (this.isReceiving && (this.#failure ??= error)),
    );
    // A handle does one thing after another: what comes last is synced with all before it.
    if (sums.isWhole) this.#seal();
    else checkpoint.writeBack();
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
    this.#state = "ending";
    try {
      const { blob, sums, checkpoint } = this.#opened();
      await checkpoint.settle();
      const found = await this.#inSlices(sums.summing());
      const { tag } = end;
      if (!sameSums(found, end)) {
        await this.#drop();
        return { kind: "mismatch", tag, ...found };
      }
      const { name, size, mtime } = this.request;
      await this.#seal();
      const version = await commitFile(this.#context, this.#owner, {
        ...{ clientId: this.clientId, name, size, crc: found.cksum, blob },
        storedAt: this.#context.clock(),
        tree: { mtime, digest: found.digest },
        chunks: await this.#inSlices(sums.gathering()),
        wasHeld: checkpoint.isRecorded,
        reservation: this.#reservation,
      });
      return { kind: "stored", tag, ...found, version };
    } catch (error) {
      await this.#drop();
      throw error;
    } finally {
      await this.#end();
    }
  }

  /** Drops what has come, and what is held. */
  async discard(): Promise<void> {
    if (!this.isReceiving) return await this.#ended.promise;
    this.#state = "ending";
    try {
      await this.#drop();
    } finally {
      await this.#end();
    }
  }

  /** Its connection is gone: what has come is held, if it is worth while. Does nothing when all has come. */
  async interrupt(): Promise<void> {
    if (this.isReceiving) this.#interrupting = this.#interrupt();
    await this.#interrupting;
  }

  async #interrupt(): Promise<void> {
    this.#state = "ending";
    const { blob, checkpoint } = this.#opened();
    this.#reservation?.startCommit();
    try {
      const isSound = this.#failure === undefined;
      const isKept = isSound && await checkpoint.keep();
      // While it was recorded another upload may have taken its name, or its row have made room for others.
      const isHeld = isKept && this.#current && !this.#context.garbage.isGarbage(blob.path);
      if (!isHeld) await this.#drop();
    } catch (error) {
      this.#opened().checkpoint.warn(error);
      await this.#drop();
    } finally {
      await this.#end();
    }
  }

  /** Its client sends the file on another connection: ends this one, and resolves when all is held. */
  async giveWay(): Promise<void> {
    if (this.#state === "opening" || this.#state === "receiving") {
      this.#isLeft = true;
      this.#close(GIVES_WAY);
      this.#onLeft?.();
    }
    await this.#ended.promise;
  }

  /**
   * Another upload takes its name: this one goes on, but is not held any more. Resolves when nothing is being recorded
   * of it.
   */
  async disown(): Promise<void> {
    this.#current = false;
    this.#context.openUploads.release(this);
    await this.#opening?.catch(() => undefined);
    await this.#staged?.checkpoint.settle();
    await this.#interrupting;
  }

  /** Others have their turn; it is given up where another connection waits for this one to end. */
  #inSlices<T>(staged: Sliced<T>): Promise<T> {
    return inSlices(staged, async () => {
      await breath();
      if (this.#isLeft) throw new SendError(new Error(GIVES_WAY));
    });
  }

  #seal(): Promise<void> {
    this.#sealed ??= this.#opened().blob.seal();
    // It is awaited in the end; until then its failure is not to count as unhandled.
    this.#sealed.catch(() => undefined);
    return this.#sealed;
  }

  async #drop(): Promise<void> {
    const { blob, checkpoint } = this.#staged ?? {};
    await checkpoint?.settle();
    await blob?.discard();
    await checkpoint?.drop();
  }

  /** Resolves when its staged file is gone, if that is garbage. */
  async #end(): Promise<void> {
    this.#state = "ended";
    const { openUploads, garbage } = this.#context;
    openUploads.remove(this);
    this.#reservation?.end();
    if (this.path !== undefined) await garbage.release(this.path);
    this.#ended.resolve();
  }

  #opened(): Staged {
    if (this.#staged === undefined) throw new Error("Cannot take data: the file is not open");
    return this.#staged;
  }
}

function sameSums(a: FileDigests, b: FileDigests): boolean {
  return a.cksum === b.cksum && equalBytes(a.digest, b.digest);
}
