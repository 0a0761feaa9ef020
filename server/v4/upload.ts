/**
 * An upload over protocol 4, in the order of docs/protocol-4.md, "Uploading": open, write, finish, suspend, abort.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { ProtocolError, UnavailableError } from "../../protocol/errors.ts";
import { release } from "../../protocol/memory.ts";
import { haveSameSums } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import { inSlices, type Sliced } from "../../protocol/v4/slices.ts";
import type { UploadId } from "../blobs/blob_store.ts";
import { breath } from "../breath.ts";
import type { LiveTransfer } from "../monitor/live_transfer.ts";
import { discard } from "../uploads/commit.ts";
import { checkPut } from "./check_put.ts";
import { commitUpload } from "./commit_upload.ts";
import type { V4Context } from "./context.ts";
import { failureCode } from "./explain_failure.ts";
import { ContentMismatch } from "./request_error.ts";
import { JoinedConnections } from "./joined_connections.ts";
import type { HeldClaim } from "./name_claims.ts";
import type { OpenUpload } from "./open_uploads.ts";
import { ReceivedContent } from "./received_content.ts";
import {
  type Answers,
  type ConnectedPrincipal,
  type RequestContext,
  SendError,
} from "./request_context.ts";
import { UploadCheckpoints } from "./upload_checkpoints.ts";
import { UploadLog } from "./upload_log.ts";
import { UploadRoom } from "./upload_room.ts";

const ID_SIZE = 16;
const SUCCEEDED = "the client resumed the upload on another connection";

export class V4Upload implements OpenUpload {
  readonly id: Bytes = crypto.getRandomValues(new Uint8Array(ID_SIZE));
  readonly request: MessageOf<"put">;
  readonly #context: V4Context;
  readonly #owner: ConnectedPrincipal;
  readonly #log: UploadLog;
  /** The upload, for the operator. */
  readonly #transfer: LiveTransfer;
  /** Closes the connection of the `put`. */
  readonly #closeConnection: (reason: string) => void;
  readonly #onDisconnect: Answers["onDisconnect"];
  /** Leaves `receiving` before the end awaits anything, so that no more data is accepted. */
  #state: "opening" | "receiving" | "ending" | "ended" = "opening";
  #opening: Promise<void> | undefined;
  #suspending: Promise<void> | undefined;
  readonly #ended = Promise.withResolvers<void>();
  readonly #room: UploadRoom;
  /** The claim to the name, if servers share the catalog. */
  #claim: HeldClaim | undefined;
  #content: ReceivedContent | undefined;
  /** Whether this is the newest upload of its name: only that one can be resumed. */
  #isNewest = true;
  /** Whether the client continues on another connection. */
  #isSucceeded = false;
  #failure: unknown;
  readonly #checkpoints: UploadCheckpoints;
  readonly #joined = new JoinedConnections();

  constructor({ context, owner, live, answers }: RequestContext, request: MessageOf<"put">) {
    this.#context = context;
    this.#owner = owner;
    this.#closeConnection = answers.close;
    this.#onDisconnect = answers.onDisconnect;
    this.request = request;
    this.#log = new UploadLog(context.log, owner, request);
    const { name, size } = request;
    this.#transfer = live.begin({ direction: "upload", name, size });
    const file = { accountId: owner.accountId, name };
    this.#room = new UploadRoom(context, file, () => this.#suspendPredecessors());
    this.#checkpoints = new UploadCheckpoints({
      ...{ partialUploads: context.partialUploads, log: this.#log },
      file: { ...file, size, mtime: request.mtime },
      isNewest: () => this.#isNewest,
      claim: () => this.#claim?.id,
    });
  }

  get accountId(): Bytes {
    return this.#owner.accountId;
  }

  get uploadId(): UploadId | undefined {
    return this.#content?.uploadId;
  }

  get isReceiving(): boolean {
    return this.#state === "receiving";
  }

  get failure(): unknown {
    return this.#failure;
  }

  // Open: name, predecessors, quota, resume.

  /**
   * Opens the upload, resumed from its partial upload if the client asks for that. Throws `RequestError`, `LimitError`.
   */
  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { size, resume } = this.request;
    this.#context.openUploads.add(this);
    try {
      await checkPut(this.#context, this.accountId, this.request);
      if (resume !== 0) await this.#suspendPredecessors();
      this.#claim = await this.#context.claims.take(this, this.#onDisconnect);
      await this.#room.claim(size ?? 0);
      await this.#reserve();
      if (resume === 0 || !(await this.#resume())) await this.#begin();
      this.#state = "receiving";
    } catch (error) {
      this.#transfer.end({ code: failureCode(error) });
      await this.#content?.staged.writer.abort().catch(() => undefined);
      await this.#end();
      throw error;
    }
  }

  /** Tells other servers what the upload will add to the usage of its account. */
  async #reserve(): Promise<void> {
    const { reservation } = this.#room;
    if (reservation === undefined) return;
    const { size, credit, isNew } = reservation;
    await this.#claim?.reserve({ bytes: size - credit, files: isNew ? 1 : 0 });
  }

  /** Resolves when all earlier uploads of the name have ended. */
  async #suspendPredecessors(): Promise<void> {
    const latest = () => this.#context.openUploads.predecessors(this).at(-1);
    for (let before = latest(); before !== undefined; before = latest()) {
      await before.suspendForSuccessor();
    }
  }

  /** Returns whether the upload continues a partial one. Throws `LimitError`. */
  async #resume(): Promise<boolean> {
    this.#content = await ReceivedContent.resume(this.#context, this.accountId, this.request);
    if (this.#content === undefined) return false;
    const { contiguousBytes } = this.#content.digests;
    this.#checkpoints.continueFrom(contiguousBytes);
    this.#transfer.continueFrom(contiguousBytes);
    this.#log.resumed(contiguousBytes);
    return true;
  }

  /** Begins an empty upload. Earlier uploads can be resumed until it can no longer be refused. */
  async #begin(): Promise<void> {
    const { partialUploads, openUploads } = this.#context;
    this.#content = await ReceivedContent.create(this.#context, this.accountId, this.request);
    for (const before of openUploads.predecessors(this)) await before.loseName();
    await partialUploads.remove(this.accountId, this.request.name);
  }

  /** The offset from which the client can resume. */
  async findPartial(): Promise<Omit<MessageOf<"held">, "kind" | "tag">> {
    const { digests } = this.#opened();
    const offset = digests.contiguousBytes;
    const { digest } = await this.#inSlices(digests.summing(offset));
    return { transfer: this.id, offset, digest };
  }

  // Write: chunks from the connection of the `put`, and from connections that join.

  /** Reserves quota and disk space for a chunk of an upload of unknown size. Throws `LimitError`. */
  async makeRoom({ offset, bytes }: MessageOf<"chunk">): Promise<void> {
    if (this.request.size !== undefined || !this.isReceiving) return;
    const { digests, staged } = this.#opened();
    // Another offset is refused when the chunk is written.
    if (offset === digests.size) await this.#room.grow(offset + bytes.length, staged);
  }

  /** Whether a message without bytes only says that the client of an upload of unknown size waits for its data. */
  isKeepAlive({ bytes }: MessageOf<"chunk">): boolean {
    return bytes.length === 0 && this.request.size === undefined;
  }

  write(chunk: MessageOf<"chunk">): Promise<void> {
    if (!this.isReceiving) {
      release(chunk.bytes);
      return Promise.resolve();
    }
    const content = this.#opened();
    this.#transfer.add(chunk.bytes.length);
    let writing: Promise<void>;
    try {
      writing = content.write(chunk);
    } catch (error) {
      release(chunk.bytes);
      if (!(error instanceof ContentMismatch)) throw error;
      this.#failure ??= error;
      return Promise.resolve();
    }
    const written = writing.catch(
      // A write that is cancelled because the upload has ended is not a failure.
      (error) => void (this.isReceiving && (this.#failure ??= error)),
    );
    const { digests, staged: { writer } } = content;
    // The commit awaits the same promise and handles its failure.
    if (digests.isWhole) writer.close().catch(() => undefined);
    else this.#checkpoints.consider(writer, digests);
    return written;
  }

  join(): boolean {
    const isAllowed = this.request.size !== undefined && this.#context.store.blobs.randomAccess;
    if (!this.isReceiving || !isAllowed) return false;
    this.#joined.join();
    return true;
  }

  leave(): void {
    this.#joined.leave();
  }

  // Finish: compare, commit.

  /**
   * Resolves when all data has arrived. Throws `ProtocolError` `bad-frame` if data is missing and no connection can
   * send it, or if the size is not that of the data.
   */
  async awaitWhole({ size }: MessageOf<"end">): Promise<void> {
    const { digests } = this.#opened();
    if (size !== digests.size) throw new ProtocolError("bad-frame", "end has another size");
    digests.complete();
    if (!digests.isWhole) await this.#joined.none();
    // A chunk that was changed on the way is missing, which `finish` reports.
    if (digests.isWhole || this.#failure instanceof ContentMismatch) return;
    throw new ProtocolError("bad-frame", "end came before all data");
  }

  /** Compares the digests of client and server, and commits the file if they are equal. Throws why it cannot. */
  async finish(end: MessageOf<"end">): Promise<Message> {
    this.#state = "ending";
    try {
      const { tag } = end;
      const content = this.#opened();
      const { digests, staged } = content;
      await this.#checkpoints.settle();
      if (this.#failure instanceof ContentMismatch) throw this.#failure;
      const found = await this.#inSlices(digests.summing());
      if (!haveSameSums(found, end)) {
        this.#transfer.end({ code: "mismatch" });
        await this.#drop();
        return { kind: "mismatch", tag, ...found };
      }
      content.check();
      const stored = await commitUpload({ context: this.#context, owner: this.#owner }, {
        ...{ request: this.request, staged, digests: found, isHashed: content.isHashed },
        chunks: await this.#inSlices(digests.gathering()),
        isPartial: this.#checkpoints.hasRow,
        reservation: this.#room.reservation,
      });
      this.#transfer.end("completed");
      return { kind: "stored", tag, ...stored };
    } catch (error) {
      this.#transfer.end({ code: failureCode(error) });
      await this.#drop(error);
      throw error;
    } finally {
      await this.#end();
    }
  }

  // Suspend: the client has disconnected, or continues on another connection.

  /** Keeps the received data for resuming, if it is at least one chunk. Does nothing after `end`. */
  async suspend(): Promise<void> {
    if (this.isReceiving) this.#suspending = this.#suspend();
    await this.#suspending;
  }

  async #suspend(): Promise<void> {
    this.#state = "ending";
    this.#room.reservation?.startCommit();
    try {
      if (!(await this.#keep())) await this.#drop();
    } catch (error) {
      this.#log.notKept(error);
      await this.#drop(error);
    } finally {
      await this.#end();
    }
  }

  /** Returns whether the upload can be resumed. */
  async #keep(): Promise<boolean> {
    await this.#checkpoints.settle();
    const { digests, staged: { writer } } = this.#opened();
    const { contiguousBytes } = digests;
    const isResumable = this.request.size !== undefined && contiguousBytes >= CHUNK_SIZE;
    if (this.#failure !== undefined || !this.#isNewest || !isResumable) return false;
    const durable = await writer.suspend(contiguousBytes);
    const durableBytes = await this.#checkpoints.save(writer.uploadId, digests, durable);
    if (durableBytes === 0) return false;
    this.#log.kept(durableBytes);
    // In the meantime, another upload may have taken the name, or the row may have been discarded.
    return this.#isNewest && !this.#context.garbage.isGarbage(writer.uploadId);
  }

  async suspendForSuccessor(): Promise<void> {
    if (this.#state === "opening" || this.#state === "receiving") {
      this.#isSucceeded = true;
      this.#closeConnection(SUCCEEDED);
      this.#joined.abandon();
    }
    await this.#ended.promise;
  }

  async loseName(): Promise<void> {
    this.#isNewest = false;
    this.#context.openUploads.release(this);
    await this.#opening?.catch(() => undefined);
    await this.#checkpoints.settle();
    await this.#suspending;
  }

  // Abort: the client cancels, or a write has failed.

  /** Discards the received data and the partial upload. `why`: `undefined` if the client cancels. */
  async abort(why?: unknown): Promise<void> {
    if (!this.isReceiving) return await this.#ended.promise;
    this.#state = "ending";
    this.#transfer.end({ code: why === undefined ? "cancelled" : failureCode(why) });
    try {
      await this.#drop();
    } finally {
      await this.#end();
    }
  }

  /**
   * Deletes the upload. While the catalog does not answer, its checkpoint stays, so that the client can continue: also at
   * another server, which then owns the upload.
   */
  async #drop(why?: unknown): Promise<void> {
    await this.#checkpoints.settle();
    const isPartial = this.#checkpoints.hasRow;
    let error = why;
    if (!(why instanceof UnavailableError)) {
      await this.#checkpoints.remove(this.uploadId).catch((failure) => error = failure);
    }
    if (this.#content !== undefined) {
      const { digests, staged: { writer } } = this.#content;
      await discard(writer, { isPartial, size: digests.contiguousBytes, error });
    }
    if (error !== why) throw error;
  }

  /** Resolves when the upload is deleted, if it has become garbage. */
  async #end(): Promise<void> {
    this.#state = "ended";
    this.#transfer.end({ code: "interrupted" });
    this.#context.openUploads.remove(this);
    this.#room.end();
    await this.#content?.end();
    await this.#claim?.end();
    this.#ended.resolve();
  }

  /** Lets other work run in between. Throws when another connection waits for this upload to end. */
  #inSlices<T>(work: Sliced<T>): Promise<T> {
    return inSlices(work, async () => {
      await breath();
      if (this.#isSucceeded) throw new SendError(new Error(SUCCEEDED));
    });
  }

  #opened(): ReceivedContent {
    if (this.#content === undefined) throw new Error("cannot accept data: the upload is not open");
    return this.#content;
  }
}
