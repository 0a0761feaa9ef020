/**
 * An upload over protocol 4, in the order of docs/protocol-4.md, "Uploading": open, write, finish, suspend, abort.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { release } from "../../protocol/memory.ts";
import { ChunkDigests, type FileDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import { inSlices, type Sliced } from "../../protocol/v4/slices.ts";
import { BlobNotFound, type UploadId } from "../blobs/blob_store.ts";
import { breath } from "../breath.ts";
import { commitFile } from "../uploads/commit.ts";
import { claimRoom, type QuotaReservation } from "../uploads/quota_reservations.ts";
import type { StagedUpload } from "../uploads/staging_area.ts";
import { CheckpointPace } from "./checkpoint_pace.ts";
import type { V4Context } from "./context.ts";
import { JoinedConnections } from "./joined_connections.ts";
import type { OpenUpload } from "./open_uploads.ts";
import { type ConnectedPrincipal, type RequestContext, SendError } from "./request_context.ts";
import { checkFileName, RequestError } from "./request_error.ts";
import { UploadLog } from "./upload_log.ts";
import { splitNanoseconds } from "../../protocol/nanoseconds.ts";

const ID_SIZE = 16;
const SUCCEEDED = "the client resumed the upload on another connection";

export class V4Upload implements OpenUpload {
  readonly id: Bytes = crypto.getRandomValues(new Uint8Array(ID_SIZE));
  readonly request: MessageOf<"put">;
  readonly #size: number;
  readonly #mtime: number;
  readonly #context: V4Context;
  readonly #owner: ConnectedPrincipal;
  readonly #log: UploadLog;
  /** Closes the connection of the `put`. */
  readonly #closeConnection: (reason: string) => void;
  /** Leaves `receiving` before the end awaits anything, so that no more data is accepted. */
  #state: "opening" | "receiving" | "ending" | "ended" = "opening";
  #opening: Promise<void> | undefined;
  #suspending: Promise<void> | undefined;
  readonly #ended = Promise.withResolvers<void>();
  #reservation: QuotaReservation | undefined;
  #staged: StagedUpload | undefined;
  #digests: ChunkDigests;
  /** Whether this is the newest upload of its name: only that one can be resumed. */
  #isNewest = true;
  /** Whether the client continues on another connection. */
  #isSucceeded = false;
  #failure: unknown;
  /** The running checkpoint. */
  #checkpointing: Promise<void> | undefined;
  #pace = new CheckpointPace(0);
  /** Whether the catalog has a checkpoint of this upload. */
  #hasRow = false;
  readonly #joined = new JoinedConnections();

  constructor({ context, owner, answers }: RequestContext, request: MessageOf<"put">) {
    this.#context = context;
    this.#owner = owner;
    this.#closeConnection = answers.close;
    this.request = request;
    this.#log = new UploadLog(context.log, owner, request);
    this.#size = request.size ?? 0;
    this.#mtime = splitNanoseconds(request.mtime).ms;
    this.#digests = new ChunkDigests(this.#size, this.#maxAhead);
  }

  get accountId(): Bytes {
    return this.#owner.accountId;
  }

  get uploadId(): UploadId | undefined {
    return this.#staged?.writer.uploadId;
  }

  get isReceiving(): boolean {
    return this.#state === "receiving";
  }

  get failure(): unknown {
    return this.#failure;
  }

  /** Without random access in the store, chunks must come in order. */
  get #maxAhead(): number | undefined {
    return this.#context.store.blobs.randomAccess ? undefined : 0;
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
    const { name, resume } = this.request;
    const size = this.#size;
    checkFileName(name);
    if (this.request.entry !== "file" || this.request.size === undefined) {
      throw new RequestError("cannot-store", "only files of a known size can be stored");
    }
    this.#context.openUploads.add(this);
    try {
      if (resume !== 0) await this.#suspendPredecessors();
      const file = { accountId: this.accountId, name, size };
      const suspendOthers = () => this.#suspendPredecessors();
      this.#reservation = await claimRoom(this.#context, file, suspendOthers);
      if (resume === 0 || !(await this.#resume())) await this.#begin();
      this.#state = "receiving";
    } catch (error) {
      await this.#staged?.writer.abort().catch(() => undefined);
      await this.#end();
      throw error;
    }
  }

  /** Resolves when all earlier uploads of the name have ended. */
  async #suspendPredecessors(): Promise<void> {
    const latest = () => this.#context.openUploads.predecessors(this).at(-1);
    for (let before = latest(); before !== undefined; before = latest()) {
      await before.suspendForSuccessor();
    }
  }

  /**
   * Reopens the partial upload of the name, if it is of this file. Returns whether it was reopened. Throws
   * `LimitError`.
   */
  async #resume(): Promise<boolean> {
    const { partialUploads, openUploads, staging, garbage } = this.#context;
    const { name } = this.request;
    const [size, mtime] = [this.#size, this.#mtime];
    const partial = await partialUploads.find(this.accountId, name);
    if (partial?.size !== size || partial.mtime !== mtime) return false;
    const { id, durableBytes, sums } = partial;
    // Two uploads must never write to the same file.
    if (openUploads.isOpen(id)) return false;
    // A new partial upload can discard the row in the meantime.
    garbage.hold(id);
    try {
      const digests = ChunkDigests.decode(size, sums, durableBytes, this.#maxAhead);
      this.#staged = await staging.reopen(this.accountId, id, durableBytes, size);
      this.#digests = digests;
    } catch (error) {
      await garbage.release(id);
      if (error instanceof BlobNotFound || error instanceof RangeError) return false;
      throw error;
    }
    this.#hasRow = true;
    this.#pace = new CheckpointPace(durableBytes);
    this.#log.resumed(durableBytes);
    return true;
  }

  /** Begins an empty upload. Earlier uploads can be resumed until it can no longer be refused. */
  async #begin(): Promise<void> {
    const { staging, partialUploads, openUploads, garbage } = this.#context;
    this.#staged = await staging.createInline(this.accountId, this.#size);
    garbage.hold(this.#staged.writer.uploadId);
    for (const before of openUploads.predecessors(this)) await before.loseName();
    await partialUploads.remove(this.accountId, this.request.name);
  }

  /** The offset from which the client can resume. */
  async findPartial(): Promise<Omit<MessageOf<"held">, "kind" | "tag">> {
    const offset = this.#digests.contiguousBytes;
    const { digest } = await this.#inSlices(this.#digests.summing(offset));
    return { transfer: this.id, offset, digest };
  }

  // Write: chunks from the connection of the `put`, and from connections that join.

  write({ offset, bytes }: MessageOf<"data">): Promise<void> {
    if (!this.isReceiving) {
      release(bytes);
      return Promise.resolve();
    }
    this.#digests.add(offset, bytes);
    const staged = this.#opened();
    const written = staged.write(offset, bytes).then(
      () => release(bytes),
      // Writes that the end cancels have not failed.
      (error) => void (this.isReceiving && (this.#failure ??= error)),
    );
    // The commit awaits the same promise and handles its failure.
    if (this.#digests.isWhole) staged.writer.close().catch(() => undefined);
    else this.#considerCheckpoint();
    return written;
  }

  join(): boolean {
    if (!this.isReceiving || !this.#context.store.blobs.randomAccess) return false;
    this.#joined.join();
    return true;
  }

  leave(): void {
    this.#joined.leave();
  }

  #considerCheckpoint(): void {
    const { contiguousBytes } = this.#digests;
    if (this.#checkpointing !== undefined || !this.#pace.isDue(contiguousBytes)) return;
    this.#checkpointing = this.#opened().writer.checkpoint(contiguousBytes)
      .then((durable) => this.#save(durable))
      // A checkpoint is optional. If the disk fails, the last sync fails too.
      .then(() => undefined, (error) => this.#log.notKept(error))
      .finally(() => this.#checkpointing = undefined);
  }

  /** Records how many bytes are durable, in whole chunks. Returns the number recorded: 0 if the upload is not resumable. */
  async #save(durable: number): Promise<number> {
    const { name } = this.request;
    const [size, mtime] = [this.#size, this.#mtime];
    const durableBytes = durable === size ? size : durable - durable % CHUNK_SIZE;
    if (durableBytes === 0 || !this.#isNewest) return 0;
    this.#hasRow = true;
    const id = this.#opened().writer.uploadId;
    const sums = this.#digests.encode(durableBytes);
    const row = { accountId: this.accountId, name, size, mtime, id, durableBytes, sums };
    await this.#context.partialUploads.save(row);
    return durableBytes;
  }

  // Finish: compare, commit.

  /**
   * Resolves when all data has arrived. Throws `ProtocolError` `bad-frame` if data is missing and no connection can
   * send it.
   */
  async awaitWhole(end: MessageOf<"end">): Promise<void> {
    if (end.size !== this.#size) {
      throw new ProtocolError("bad-frame", "end has another size than put");
    }
    if (!this.#digests.isWhole) await this.#joined.none();
    if (this.#digests.isWhole) return;
    throw new ProtocolError("bad-frame", "end came before all data");
  }

  /** Compares the digests of client and server, and commits the file if they are equal. Throws why it cannot. */
  async finish(end: MessageOf<"end">): Promise<Message> {
    this.#state = "ending";
    try {
      const { name } = this.request;
      const [size, mtime] = [this.#size, this.#mtime];
      const { tag } = end;
      await this.#checkpointing;
      const found = await this.#inSlices(this.#digests.summing());
      if (!isSame(found, end)) {
        await this.#drop();
        return { kind: "mismatch", tag, ...found };
      }
      const version = await commitFile(this.#context, this.#owner, {
        ...{ accountId: this.accountId, name, size, crc: found.cksum, staged: this.#opened() },
        storedAt: this.#context.clock(),
        tree: { mtime, digest: found.digest },
        chunks: await this.#inSlices(this.#digests.gathering()),
        isPartial: this.#hasRow,
        reservation: this.#reservation,
      });
      return { kind: "stored", tag, ...found, version, replaced: 0, byOther: 0 };
    } catch (error) {
      await this.#drop();
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
    this.#reservation?.startCommit();
    try {
      if (!(await this.#keep())) await this.#drop();
    } catch (error) {
      this.#log.notKept(error);
      await this.#drop();
    } finally {
      await this.#end();
    }
  }

  /** Returns whether the upload can be resumed. */
  async #keep(): Promise<boolean> {
    await this.#checkpointing;
    const { writer } = this.#opened();
    const { contiguousBytes } = this.#digests;
    if (this.#failure !== undefined || !this.#isNewest || contiguousBytes < CHUNK_SIZE) {
      return false;
    }
    const durableBytes = await this.#save(await writer.suspend(contiguousBytes));
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
    await this.#checkpointing;
    await this.#suspending;
  }

  // Abort: the client cancels, or a write has failed.

  /** Discards the received data and the partial upload. */
  async abort(): Promise<void> {
    if (!this.isReceiving) return await this.#ended.promise;
    this.#state = "ending";
    try {
      await this.#drop();
    } finally {
      await this.#end();
    }
  }

  async #drop(): Promise<void> {
    await this.#checkpointing;
    await this.#staged?.writer.abort();
    if (!this.#hasRow) return;
    this.#hasRow = false;
    // Keeps another upload's row under the same name.
    await this.#context.partialUploads.remove(this.accountId, this.request.name, this.uploadId);
  }

  /** Resolves when the upload is deleted, if it has become garbage. */
  async #end(): Promise<void> {
    this.#state = "ended";
    const { openUploads, garbage } = this.#context;
    openUploads.remove(this);
    this.#staged?.release();
    this.#reservation?.end();
    if (this.uploadId !== undefined) await garbage.release(this.uploadId);
    this.#ended.resolve();
  }

  /** Lets other work run in between. Throws when another connection waits for this upload to end. */
  #inSlices<T>(work: Sliced<T>): Promise<T> {
    return inSlices(work, async () => {
      await breath();
      if (this.#isSucceeded) throw new SendError(new Error(SUCCEEDED));
    });
  }

  #opened(): StagedUpload {
    if (this.#staged === undefined) throw new Error("cannot accept data: the upload is not open");
    return this.#staged;
  }
}

function isSame(a: FileDigests, b: FileDigests): boolean {
  return a.cksum === b.cksum && equalBytes(a.digest, b.digest);
}
