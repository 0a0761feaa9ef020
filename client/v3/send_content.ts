/**
 * Reads, encrypts and sends the content of a file, cut into messages.
 *
 * @module
 */
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { ByteWriter } from "../../protocol/cursor.ts";
import { CbcEncryptor } from "../../protocol/cipher/aes_cbc.ts";
import { Cksum } from "../../protocol/crc/cksum.ts";
import { inPieces, PiecesEncryptor } from "../../protocol/v3/pieces_cipher.ts";
import { type Part, trailerSize } from "../../protocol/v3/file_parts.ts";
import type { Quirks } from "../../protocol/v3/editions/quirks.ts";
import { release } from "../../protocol/memory.ts";
import type { ReconnectingConnection } from "./reconnecting_connection.ts";
import type { SourceFile } from "../local/source_file.ts";

/** The size of the pieces that are read, encrypted and sent; a multiple of the cipher's block. */
export const PIECE_SIZE = 1024 * 1024;

/** The methods of a connection that are used here. */
type Connection = Pick<ReconnectingConnection, "begin" | "write" | "nextPart" | "traceSent">;

export interface Content extends Abortable {
  readonly file: SourceFile;
  readonly aesKey: CryptoKey;
  readonly quirks: Quirks;
  /** The file's cksum, if an earlier attempt has computed it and the file is unchanged. */
  readonly crc: number | undefined;
  /** Buffers for one piece each. */
  readonly buffers: readonly [Bytes, Bytes];
  /** Called with the number of bytes sent so far. */
  readonly onProgress: (sent: number) => void;
}

/**
 * Sends a file's content in these parts. Returns its cksum, or that of a part of the file if the server accepted no
 * more. Encryption takes longest and cannot be parallel, so the next piece is read, this one summed and the previous
 * one sent meanwhile. Throws `StorageError`, `NetworkError`; `InterruptedError` after an abort, when the connection
 * must be closed, because what the server has is of no use.
 */
export async function sendContent(
  connection: Connection,
  parts: Iterable<Part>,
  { file, aesKey, quirks, crc, buffers, onProgress, signal }: Content,
): Promise<number> {
  const encryptor = new (inPieces(quirks, file.size) ? PiecesEncryptor : CbcEncryptor)(aesKey);
  await connection.begin();
  const writer = new PartWriter(parts, connection);
  const checksum = new Cksum();
  let read = 0;
  const write = async (ciphertext: Bytes): Promise<boolean> => {
    const taken = await writer.write(ciphertext);
    release(ciphertext);
    return taken;
  };
  let sending = Promise.resolve(true);
  const send = async (ciphertext: Bytes): Promise<boolean> => {
    const taken = await sending;
    sending = write(ciphertext);
    // The promise is awaited with the next piece. Until then, a rejection must not count as unhandled.
    sending.catch(() => undefined);
    return taken;
  };
  let encrypting: Promise<Bytes> | undefined;
  for await (const piece of file.read(buffers)) {
    throwIfAborted(signal);
    const ciphertext = await encrypting;
    read += piece.length;
    // The padding is encrypted with the last piece, so that both leave in one write.
    encrypting = read === file.size ? encryptor.final(piece) : encryptor.update(piece);
    if (crc === undefined) checksum.update(piece);
    if (ciphertext !== undefined && !(await send(ciphertext))) break;
    onProgress(read);
  }
  await send(await (encrypting ?? encryptor.final()));
  await sending;
  const digest = crc ?? checksum.digest();
  if (trailerSize(quirks) > 0) await writer.write(new ByteWriter(4).u32(digest).bytes);
  return digest;
}

/**
 * The most bytes of content that leave in one write with a header; and the least that leave with the end of a message
 * that has as many. More would be copied for nothing.
 */
const TOGETHER = 64 * 1024;

/** Cuts ciphertext into the messages of a file. */
class PartWriter {
  readonly #parts: Iterator<Part>;
  readonly #connection: Connection;
  /** Bytes of the current part's ciphertext that are not written yet. */
  #left = 0;
  #padding = 0;
  #count = 0;
  /** Bytes that wait for the end of their message. */
  #waiting: Bytes[] = [];

  constructor(parts: Iterable<Part>, connection: Connection) {
    this.#parts = parts[Symbol.iterator]();
    this.#connection = connection;
  }

  /**
   * Writes ciphertext. A small message leaves in one write, and so do the beginning and the end of a large one, because
   * some servers take one read for the whole message. Returns `false` if the connection accepts no more.
   */
  async write(ciphertext: Bytes): Promise<boolean> {
    for (let done = 0; done < ciphertext.length;) {
      const pieces = this.#waiting.splice(0);
      let room = this.#left;
      if (room === 0) {
        const head = this.#begin();
        const further = this.#count > 1 && head.length > 0;
        if (further && !(await this.#connection.nextPart())) return false;
        pieces.push(head);
        // A short rest leaves together with the beginning.
        room = this.#left > 2 * TOGETHER ? TOGETHER : this.#left;
      }
      const content = ciphertext.subarray(done, done + room);
      done += content.length;
      this.#left -= content.length;
      const isWaitedFor = done === ciphertext.length && this.#left > 0 && this.#left < TOGETHER;
      const now = isWaitedFor ? content.subarray(0, -TOGETHER) : content;
      // The caller may reuse the buffer.
      if (isWaitedFor) this.#waiting.push(content.slice(now.length));
      if (now.length > 0) pieces.push(now);
      else this.#waiting.unshift(...pieces.splice(0));
      if (this.#left === 0 && this.#padding > 0) pieces.push(new Uint8Array(this.#padding));
      const [first, ...others] = pieces;
      if (first === undefined) continue;
      const bytes = others.length === 0 ? first : concatBytes(...pieces);
      if (!(await this.#connection.write(bytes))) return false;
    }
    return true;
  }

  /** Begins the next part and returns its header. */
  #begin(): Bytes {
    const next = this.#parts.next();
    if (next.done) throw new RangeError("cannot write: the parts are full");
    const { head, content, padding } = next.value;
    this.#connection.traceSent("sendFile", head.length + content + padding);
    this.#count++;
    this.#left = content;
    this.#padding = padding;
    return head;
  }
}
