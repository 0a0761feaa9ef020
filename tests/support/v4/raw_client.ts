/** A client of protocol 4 that sends a file step by step. */
import type { Address } from "../../../protocol/address.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import type { MessageOf } from "../../../protocol/v4/messages.ts";
import { CHUNK_SIZE, chunkCount, digestTree } from "../../../protocol/v4/merkle_tree.ts";
import type { TemporaryFolder } from "../temporary_folder.ts";
import { connectRaw, loginRaw, type Raw } from "./fixture.ts";
import { FILE_PUT, ms } from "./message_fields.ts";
import { sendChunk } from "./chunks.ts";

export interface Sent {
  readonly name?: string;
  readonly mtime?: number;
}

/** A fixture, or something with the same members. */
export interface Where {
  readonly server: { readonly address: Address };
  readonly folder: Pick<TemporaryFolder, "join">;
}

/** The chunk at an index. */
export function chunkOf(content: Bytes, index: number): Bytes {
  return content.subarray(index * CHUNK_SIZE, (index + 1) * CHUNK_SIZE);
}

/** The digest of the first bytes, as of a file of their own. */
export function digestOfFirst(content: Bytes, bytes = content.length): Bytes {
  return sumsOf(content.subarray(0, bytes)).digest;
}

export function sumsOf(content: Bytes) {
  const sums = new ChunkDigests(content.length);
  for (let index = 0; index < chunkCount(content.length); index++) {
    sums.add(index * CHUNK_SIZE, chunkOf(content, index));
  }
  return { size: content.length, cksum: cksum(content), digest: sums.sums().digest };
}

export const EMPTY_DIGEST = digestTree(new Uint8Array(0));

export class Uploader implements Disposable {
  readonly #raw: Raw;

  private constructor(raw: Raw) {
    this.#raw = raw;
  }

  /** Signs in as a registered client, whose identity is in a folder with its name. */
  static async login({ server, folder }: Where, name: string): Promise<Uploader> {
    const raw = await connectRaw(server.address);
    await loginRaw(raw, folder.join(name));
    return new Uploader(raw);
  }

  get mux() {
    return this.#raw.mux;
  }

  /** Sends bytes that are no whole message, while `mux` sends nothing. */
  async write(bytes: Bytes): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += await this.#raw.socket.write(bytes.subarray(done));
    }
  }

  /** Asks for the offset at which to resume. */
  async resume(content: Bytes, { name = "a", mtime = 1 }: Sent = {}) {
    const tag = this.mux.nextTag();
    const size = content.length;
    const put = { ...FILE_PUT, kind: "put", tag, name, size, mtime: ms(mtime), resume: 1 } as const;
    const answer: MessageOf<"held"> = await this.mux.askFor(put, "held");
    return { ...answer, tag };
  }

  /** Starts over. */
  async begin(content: Bytes, { name = "a", mtime = 1 }: Sent = {}): Promise<number> {
    const tag = this.mux.nextTag();
    const size = content.length;
    await this.mux.send({ ...FILE_PUT, kind: "put", tag, name, size, mtime: ms(mtime), resume: 0 });
    return tag;
  }

  /** Begins an upload of unknown size. Its answer is rejected if the server refuses it. */
  async beginStream(name = "a") {
    const tag = this.mux.nextTag();
    const answer = this.mux.answerOf(tag, "stored");
    answer.catch(() => undefined);
    await this.mux.send({ ...FILE_PUT, kind: "put", tag, name, size: undefined, resume: 0 });
    return { tag, answer };
  }

  /** Uploads a file as one of unknown size. */
  async stream(content: Bytes, name = "a"): Promise<MessageOf<"stored">> {
    const { tag, answer } = await this.beginStream(name);
    await this.send(tag, content, ...missing(content, 0));
    // It also ends an upload that was refused in the meantime.
    await this.mux.send({ kind: "end", tag, ...sumsOf(content) });
    return await answer;
  }

  async join(transfer: Bytes): Promise<number> {
    const tag = this.mux.nextTag();
    await this.mux.askFor({ kind: "join", tag, transfer }, "done");
    return tag;
  }

  async leave(tag: number): Promise<void> {
    await this.mux.askFor({ kind: "leave", tag }, "done");
  }

  async send(tag: number, content: Bytes, ...indexes: readonly number[]): Promise<void> {
    for (const index of indexes) {
      await sendChunk(this.mux, tag, index * CHUNK_SIZE, chunkOf(content, index));
    }
  }

  /** Sends `end` with the size and the sums of this content. */
  async end(tag: number, content: Bytes): Promise<MessageOf<"stored">> {
    return await this.mux.askFor({ kind: "end", tag, ...sumsOf(content) }, "stored");
  }

  async cancel(tag: number): Promise<void> {
    await this.mux.send({ kind: "cancel", tag });
  }

  /** Resolves when the server has handled all sent messages: it answers in order. */
  async settle(): Promise<void> {
    const tag = this.mux.nextTag();
    await this.mux.askFor({ kind: "list", tag, prefix: "no such file", scope: "below" }, "done");
  }

  /** Resolves to the code of the error with which the server has ended the connection. */
  async ended(): Promise<string> {
    try {
      await this.mux.answer(this.mux.nextTag(), () => true);
      return "an answer";
    } catch (error) {
      return `${(error as { code?: string }).code}`;
    }
  }

  [Symbol.dispose](): void {
    this.#raw[Symbol.dispose]();
  }
}

/** The chunks after those of the partial upload. */
export function missing(content: Bytes, offset: number): number[] {
  const all = Array.from({ length: chunkCount(content.length) }, (_, index) => index);
  return all.filter((index) => index * CHUNK_SIZE >= offset);
}
