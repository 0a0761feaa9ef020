/**
 * The upload of one file, in the order of docs/protocol-4.md, "Files": find out whether it is stored, open or resume,
 * send the chunks, end and compare, decide whether to send again, abort.
 *
 * @module
 */
import { basename } from "node:path";
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import {
  fileChanged,
  IntegrityError,
  InterruptedError,
  NetworkError,
  RefusedError,
} from "../../protocol/errors.ts";
import { clampNanoseconds } from "../../protocol/nanoseconds.ts";
import { release } from "../../protocol/memory.ts";
import { printable } from "../../protocol/printable.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { inSlices } from "../../protocol/v4/slices.ts";
import type { V4Event } from "../events.ts";
import type { StoredAttributes } from "../local/file_metadata.ts";
import type { SavedChunkDigests } from "../local/saved_chunk_digests.ts";
import type { OpenEntry, SourceEntry } from "../local/source_entry.ts";
import { type ChunkBuffers, createChunkBuffers, digestedChunks } from "./digested_chunks.ts";
import { unexpected } from "./errors.ts";
import { sendInParallel } from "./parallel_put.ts";
import { type PutFields, PutRequest, type PutResult } from "./put_request.ts";
import { RESUMABLE_SIZE } from "./remote_file.ts";
import type { RequestMux } from "./request_mux.ts";

/** The most attempts while the checksums differ; docs/protocol-4.md asks for three. */
const ATTEMPTS = 3;

export interface UploadIo {
  readonly onEvent: (event: V4Event) => void;
  readonly buffers: ChunkBuffers;
}

/** The content of a file of at most one chunk. */
export interface WholeContent {
  /** They are freed when they are sent. */
  readonly bytes: Bytes;
  readonly digests: ChunkDigests;
}

/** A file, folder or link to upload. Its state outlives connections. */
export class Upload {
  /** The name on the server. */
  readonly name: string;
  #file: SourceEntry;
  readonly #saved: SavedChunkDigests | undefined;
  #override: Partial<StoredAttributes> = {};
  /** The digests of the chunks read so far, so that no chunk is read again only for its digest. */
  #digests: ChunkDigests | undefined;
  /** The number of the attempt, from 1. The server has compared the sums of all earlier attempts. */
  #attempt = 1;
  /** Whether the server must discard the part of an earlier attempt. */
  #isFresh = false;
  #isStarted = false;
  #isPartSent = false;
  #isUnconfirmed = false;

  /** `saved`: where the digests of its chunks are kept for a later process. */
  constructor(file: SourceEntry, name: string = basename(file.path), saved?: SavedChunkDigests) {
    this.#file = file;
    this.name = name;
    this.#saved = saved;
  }

  get file(): SourceEntry {
    return this.#file;
  }

  /** The mode and time to store. */
  get attributes(): StoredAttributes {
    const { mode, mtime } = this.#file;
    return { mode, mtime, ...this.#override };
  }

  /** Sets attributes that are stored in place of those of the file. */
  override(attributes: Partial<StoredAttributes>): void {
    this.#override = attributes;
  }

  /** Whether any request was sent for it. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Whether the server has a part that a later upload can resume. */
  get isPartSent(): boolean {
    return this.#isPartSent;
  }

  /** Whether the server was asked to store it and did not answer. */
  get isUnconfirmed(): boolean {
    return this.#isUnconfirmed;
  }

  get #fields(): PutFields {
    const { kind: entry, path, size } = this.#file;
    return { name: this.name, entry, path, size, ...this.attributes };
  }

  get #isResumable(): boolean {
    return this.#file.size >= RESUMABLE_SIZE;
  }

  /**
   * Sends a file of at most one chunk, whose content is given, without waiting in between. Resolves when it is sent; the
   * `result` of the request is the result of the upload.
   */
  async sendWhole(
    mux: RequestMux,
    content: Promise<WholeContent>,
    { onEvent }: Pick<UploadIo, "onEvent">,
  ): Promise<Pick<PutRequest, "result">> {
    this.#isStarted = true;
    const { bytes, digests } = await content;
    const [file, attempt] = [this.#file, this.#attempt];
    // A folder has nothing to send. Its progress would only hide that of files.
    const report = file.kind === "folder" ? () => undefined : onEvent;
    report({ type: "sending", file, attempt });
    const request = new PutRequest(mux, this.#fields);
    // None waits for the previous one, so that those of a small file leave in one write.
    const sent = [request.put(0)];
    if (bytes.length > 0) sent.push(mux.sendChunk(request.tag, 0, bytes, digests.ofChunk(0)));
    await Promise.all([...sent, this.#end(request, digests)]);
    report({ type: "progress", file, sent: file.size, attempt });
    release(bytes);
    return request;
  }

  /**
   * Sends what the server does not have of the file over the first connection, and over the others if it is large.
   * Resolves when all is sent; the `result` of the request is the result of the upload. Throws `StorageError`;
   * `IntegrityError` `file-changed`; `RefusedError`; `NetworkError`; `ProtocolError`; `InterruptedError` after an
   * abort. After a network error the next call resumes.
   */
  async send(
    [mux, ...others]: readonly [RequestMux, ...RequestMux[]],
    io: UploadIo,
  ): Promise<Pick<PutRequest, "result">> {
    this.#isStarted = true;
    const stored = await this.#findStored(mux);
    if (stored !== undefined) return { result: Promise.resolve(stored) };
    const [file, attempt] = [this.#file, this.#attempt];
    const { onEvent, buffers } = io;
    onEvent({ type: "sending", file, attempt });
    using source = await file.open();
    if (this.#isResumable && await source.hasChanged()) throw fileChanged(printable(file.path));
    const { request, digests, offset, transfer } = await this.#open(mux, source, io);
    let sent = offset;
    const sendChunk = (at: number, chunk: Bytes) => {
      this.#isPartSent = this.#isResumable;
      return mux.sendChunk(request.tag, at, chunk, digests.ofChunk(at));
    };
    const onSent = (bytes: number) => {
      if (file.inspected !== undefined) this.#saved?.save(file.inspected, digests);
      onEvent({ type: "progress", file, sent: sent += bytes, attempt });
    };
    try {
      if (transfer !== undefined && others.length > 0) {
        const [buffer] = buffers;
        const upload = { request, sendChunk, source, buffer, digests, transfer, onSent };
        await sendInParallel({ ...upload, file, offset, mux }, others);
      } else {
        const chunks = { source, buffers, digests, from: offset, to: file.size };
        for await (const chunk of digestedChunks(chunks)) {
          if (request.isOver) break;
          mux.gracefulAbort.check();
          await sendChunk(sent, chunk);
          onSent(chunk.length);
        }
      }
      if (await source.hasChanged()) throw fileChanged(printable(file.path));
    } catch (error) {
      await this.#abandon(request, error);
      throw error;
    }
    if (!request.isOver) await this.#end(request, digests);
    else await request.cancel(); // a refused request must still be ended
    return request;
  }

  /** Sends the file as {@link send} does and waits for the result, which may still arrive after an abort. */
  sendOver(
    muxes: readonly [RequestMux, ...RequestMux[]],
    onEvent: (event: V4Event) => void,
  ): Promise<PutResult> {
    const buffers = createChunkBuffers();
    const send = async () => await (await this.send(muxes, { onEvent, buffers })).result;
    return muxes.reduce(
      (work, { gracefulAbort }) => () => gracefulAbort.critical(work),
      send,
    )();
  }

  /**
   * Prepares another attempt after a difference of checksums: nothing that was found or sent before counts. Throws
   * `IntegrityError` `checksum-mismatch` after the last attempt.
   */
  restart(): void {
    if (this.#attempt === ATTEMPTS) {
      const path = printable(this.#file.path);
      const what = `${path} was not stored: its checksums differed ${ATTEMPTS} times`;
      throw new IntegrityError("checksum-mismatch", what);
    }
    this.#attempt++;
    this.#isFresh = true;
    this.#isPartSent = false;
    this.#isUnconfirmed = false;
    this.release();
  }

  /** Inspects the file again after a network error. A changed file is sent as it is now. Throws `StorageError`. */
  async reinspect(): Promise<void> {
    const now = await this.#file.reinspect();
    if (now.isSameAs(this.#file)) return;
    this.release();
    this.#file = now;
  }

  /** Forgets the digests: the upload has its result, or they don't count for it. */
  release(): void {
    this.#digests = undefined;
    if (this.#isResumable && this.#file.inspected !== undefined) {
      this.#saved?.remove(this.#file.inspected);
    }
  }

  /**
   * After a connection was lost between `end` and its answer: returns the stored version if the server has stored the
   * file, so that it is not sent again for a lost answer.
   */
  async #findStored(mux: RequestMux): Promise<PutResult> {
    if (!this.#isUnconfirmed || this.#digests?.isWhole !== true) return undefined;
    const { cksum, digest } = this.#digests.sums();
    try {
      const stat = { kind: "stat", tag: mux.nextTag(), name: this.name, version: 0 } as const;
      const stored = await mux.askFor(stat, "file");
      const { version } = stored;
      const isThis = stored.entry === this.#file.kind && equalBytes(stored.digest, digest) &&
        stored.mtime === clampNanoseconds(this.attributes.mtime);
      return isThis ? { cksum, digest, version, replacedOther: undefined } : undefined;
    } catch (error) {
      if (error instanceof RefusedError) return undefined;
      throw error;
    }
  }

  /** Resumes the part that the server has, if it belongs to the file; otherwise starts from the first chunk. */
  async #open(mux: RequestMux, source: OpenEntry, io: UploadIo): Promise<StartedUpload> {
    const { size } = this.#file;
    if (!this.#isResumable) {
      const request = new PutRequest(mux, this.#fields);
      await request.put(0);
      return { request, digests: new ChunkDigests(size), offset: 0, transfer: undefined };
    }
    if (!this.#isFresh) {
      const request = new PutRequest(mux, this.#fields);
      const partial = await request.resume();
      const { offset } = partial;
      const transfer = partial.transfer.some((byte) => byte !== 0) ? partial.transfer : undefined;
      const digests = await this.#digestPart(partial, mux, source, io).catch(async (error) => {
        await this.#abandon(request, error);
        throw error;
      });
      if (digests !== undefined) return { request, digests, offset, transfer };
      await request.cancel();
    }
    const digests = this.#digests ??= new ChunkDigests(size);
    const request = new PutRequest(mux, this.#fields);
    await request.put(0);
    return { request, digests, offset: 0, transfer: undefined };
  }

  /**
   * The digests of at least the part that the server has: known, saved by an earlier process, or read. `undefined` if it
   * is not a part of this file.
   */
  async #digestPart(
    partial: MessageOf<"held">,
    mux: RequestMux,
    source: OpenEntry,
    io: UploadIo,
  ): Promise<ChunkDigests | undefined> {
    const { offset } = partial;
    const file = this.#file;
    const { size, inspected } = file;
    if (offset > size || (offset % CHUNK_SIZE !== 0 && offset !== size)) throw unexpected(partial);
    const saved = this.#digests === undefined && offset > 0 && inspected !== undefined
      ? this.#saved?.load(inspected, offset)
      : undefined;
    let digests = this.#digests ??= saved ?? new ChunkDigests(size);
    if (offset === 0) return digests;
    let isSame = await this.#isSame(partial, mux, source, digests, io);
    if (!isSame && saved !== undefined) {
      digests = this.#digests = new ChunkDigests(size);
      isSame = await this.#isSame(partial, mux, source, digests, io);
    }
    if (!isSame) return undefined;
    this.#isPartSent = true;
    io.onEvent({ type: "resumed", file, offset });
    return digests;
  }

  /** Reads and hashes the part that the server has, as far as it is not hashed yet, and compares the digests. */
  async #isSame(
    { offset, digest }: MessageOf<"held">,
    mux: RequestMux,
    source: OpenEntry,
    digests: ChunkDigests,
    { onEvent, buffers }: UploadIo,
  ): Promise<boolean> {
    let at = digests.contiguousBytes;
    const chunks = { source, buffers, digests, from: at, to: Math.max(at, offset) };
    for await (const chunk of digestedChunks(chunks)) {
      mux.gracefulAbort.check();
      at += chunk.length;
      mux.resetDeadline();
      onEvent({ type: "comparing", done: at, total: offset });
    }
    const yieldToSignals = () => mux.gracefulAbort.yieldToSignals();
    const ours = await inSlices(digests.summing(offset), yieldToSignals);
    return equalBytes(ours.digest, digest);
  }

  /** Asks the server to compare and store what it received. */
  async #end(request: PutRequest, digests: ChunkDigests): Promise<void> {
    this.#isUnconfirmed = true;
    await request.end(digests.sums());
  }

  /** After an error before `end`: asks the server to discard what it received, unless a later upload can resume it. */
  async #abandon(request: PutRequest, error: unknown): Promise<void> {
    const isResumable = error instanceof NetworkError ||
      (error instanceof InterruptedError && this.#isResumable);
    if (!isResumable) await request.cancel();
  }
}

/** An upload for which the server accepts data. */
interface StartedUpload {
  readonly request: PutRequest;
  /** The digests of at least the part that the server has. */
  readonly digests: ChunkDigests;
  /** Bytes that the server has. */
  readonly offset: number;
  /** The id with which other connections join, 16 bytes; `undefined` if the server allows none. */
  readonly transfer: Bytes | undefined;
}
