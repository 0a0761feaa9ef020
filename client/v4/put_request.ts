/**
 * The request that stores one file: put, its chunks, the end or a cancel, and what comes of it.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import {
  fileChanged,
  IntegrityError,
  InterruptedError,
  NetworkError,
} from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { ChunkDigests, type FileDigests } from "../../protocol/v4/chunk_digests.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { OpenSource, SourceFile } from "../local/source_file.ts";
import type { RequestMux } from "./request_mux.ts";
import { unexpected } from "./errors.ts";
import type { UploadItem } from "./upload_item.ts";

/** Of a file with so many bytes or more it is asked what the server holds; to send a smaller one again is cheaper. */
export const RESUMABLE = 4 * CHUNK_SIZE;

/** The checksum that both ends agree on, or `undefined` where their sums differ. */
export type ConfirmedChecksum = number | undefined;

export class PutRequest {
  readonly tag: number;
  /** What comes of it. It rejects with `RefusedError`, `NetworkError`, `ProtocolError`, `IntegrityError`. */
  readonly verdict: Promise<ConfirmedChecksum>;
  readonly #mux: RequestMux;
  readonly #job: UploadItem;
  /** What the server was told to compare with. */
  #sums: FileDigests | undefined;
  #onHeld: ((held: MessageOf<"held">) => void) | undefined;
  #refusal: unknown;

  private constructor(mux: RequestMux, job: UploadItem) {
    this.#mux = mux;
    this.#job = job;
    this.tag = mux.nextTag();
    let stored: ConfirmedChecksum;
    this.verdict = mux.answer(this.tag, (message) => {
      if (message.kind === "held" && this.#onHeld !== undefined) {
        this.#onHeld(message);
        this.#onHeld = undefined;
        return false;
      }
      if (message.kind === "stored" && this.#sums !== undefined) {
        if (!isSame(message, this.#sums)) throw storedOtherwise(job.file);
        stored = message.cksum;
      } else if (message.kind !== "mismatch") throw unexpected(message);
      return true;
    }).then(() => stored, (error) => {
      this.#refusal = error;
      throw error;
    });
    // It is awaited in its turn; until then its failure is not to count as unhandled.
    this.verdict.catch(() => undefined);
  }

  /** Begins to put a file of which the server holds nothing, or is to forget what it holds. */
  static async begin(mux: RequestMux, job: UploadItem): Promise<PutRequest> {
    const request = new PutRequest(mux, job);
    await request.#put(0);
    return request;
  }

  /** The same of a small file, with all that is in it. */
  static async whole(mux: RequestMux, job: UploadItem, content: Bytes): Promise<PutRequest> {
    const request = new PutRequest(mux, job);
    const sums = new ChunkDigests(content.length);
    if (content.length > 0) sums.add(0, content);
    // None waits for the one before, so that they go out together.
    await Promise.all([
      request.#put(0),
      content.length > 0 ? request.sendChunk(0, content) : undefined,
      request.end(sums),
    ]);
    return request;
  }

  /** The same, where the server says first what it holds. */
  static async ask(
    mux: RequestMux,
    job: UploadItem,
  ): Promise<{ request: PutRequest; held: MessageOf<"held"> }> {
    const request = new PutRequest(mux, job);
    const answered = new Promise<MessageOf<"held">>((resolve) => request.#onHeld = resolve);
    const refused = request.verdict.then(() => {
      throw unexpected({ kind: "stored" });
    });
    try {
      await request.#put(1);
      return { request, held: await Promise.race([answered, refused]) };
    } catch (error) {
      // What is refused has to be ended all the same.
      await request.cancel();
      throw error;
    }
  }

  /** Why the server does not take the file any more, where it has said so. */
  get refusal(): unknown {
    return this.#refusal;
  }

  /** Sends a chunk; its bytes may change when the promise resolves. */
  sendChunk(offset: number, chunk: Bytes): Promise<void> {
    this.#job.isPartSent = isResumable(this.#job);
    return this.#mux.sendChunk(this.tag, offset, chunk);
  }

  /** Has the server compare and store what it got. */
  async end(sums: ChunkDigests): Promise<void> {
    this.#job.isUnknown = true;
    this.#sums = sums.sums();
    await this.#mux.send({ kind: "end", tag: this.tag, ...this.#sums });
  }

  /**
   * Has `send` send what is missing, and then the server compare and store it. Gives it up where the file was changed
   * meanwhile, or the server refuses it, or it is to stop and too small to be gone on with. Throws what `send` does, and
   * `IntegrityError` `file-changed`.
   */
  async complete(source: OpenSource, sums: ChunkDigests, send: () => Promise<void>): Promise<void> {
    try {
      await send();
      if (await source.hasChanged()) throw fileChanged(printable(this.#job.file.path));
    } catch (error) {
      if (!leavesPart(error, this.#job)) await this.cancel();
      throw error;
    }
    if (this.#refusal === undefined) await this.end(sums);
    else await this.cancel();
  }

  /** Has the server drop what it got; there is no verdict then. Throws nothing: where it can't be said, it is not needed. */
  async cancel(): Promise<void> {
    this.#mux.forget(this.tag);
    await this.#mux.send({ kind: "cancel", tag: this.tag }).catch(() => undefined);
  }

  #put(resume: 0 | 1): Promise<void> {
    const { name, file: { size, mtime } } = this.#job;
    return this.#mux.send({ kind: "put", tag: this.tag, name, size, mtime, resume });
  }
}

/** Whether what the server has got of a file is worth to be asked for when it is put again. */
function isResumable({ file }: UploadItem): boolean {
  return file.size >= RESUMABLE;
}

/** Whether the server is to keep what it got before an error. */
export function leavesPart(error: unknown, job: UploadItem): boolean {
  return error instanceof NetworkError || (error instanceof InterruptedError && isResumable(job));
}

function isSame(a: FileDigests, b: FileDigests): boolean {
  return a.cksum === b.cksum && equalBytes(a.digest, b.digest);
}

/** The sums were told, and others are said to be those of what was stored: there is something wrong with the server. */
function storedOtherwise({ path }: SourceFile): IntegrityError {
  return new IntegrityError(
    "stored-otherwise",
    `The server says that it has stored ${printable(path)}, with other checksums than it has`,
    { hint: "Tell its operator; get the file back to see what is there." },
  );
}
