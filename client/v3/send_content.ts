/**
 * The content of a file: read, encrypted, cut into messages and sent.
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

/** The file is read, encrypted and sent in pieces of this many bytes; a multiple of the cipher's block. */
export const PIECE_SIZE = 1024 * 1024;

/** What is used of a connection. */
type Connection = Pick<ReconnectingConnection, "begin" | "write" | "nextPart" | "traceSent">;

export interface Content extends Abortable {
  readonly file: SourceFile;
  readonly aesKey: CryptoKey;
  readonly quirks: Quirks;
  /** The file's cksum, if an attempt before has found it and the file is the same; else it is computed on the way. */
  readonly crc: number | undefined;
  /** Room for one piece of the file each. */
  readonly buffers: readonly [Bytes, Bytes];
  /** Takes the number of bytes sent so far. */
  readonly onProgress: (sent: number) => void;
}

/**
 * Sends a file's content as these parts and returns its cksum: of less than the file where the server took no more.
 * Encryption takes longest and can't be parallel, so the rest is done meanwhile: the next piece is read, this one summed
 * up, the one before sent. Throws `StorageError`, `NetworkError`; `InterruptedError` after an abort: what the server has
 * is of no use then, and the connection must be closed.
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
    // It is awaited at the next piece; until then its failure is not to count as unhandled.
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
 * Bytes of content that leave in one write with a header, at most; and with the end of a message, at least, where it has
 * as many. More would be copied for nothing.
 */
const TOGETHER = 64 * 1024;

/** Ciphertext as it comes, cut into the messages of a file. */
class PartWriter {
  readonly #parts: Iterator<Part>;
  readonly #connection: Connection;
  /** Bytes of the part's ciphertext that are not written yet. */
  #left = 0;
  #padding = 0;
  #count = 0;
  /** What waits for the end of its message. */
  #waiting: Bytes[] = [];

  constructor(parts: Iterable<Part>, connection: Connection) {
    this.#parts = parts[Symbol.iterator]();
    this.#connection = connection;
  }

  /**
   * Writes ciphertext. A message that is small leaves in one write, and so do the beginning and the end of a large one:
   * some servers take what one read gives for the whole message. `false` where the connection takes no more.
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
        // What would be left behind the beginning goes with it where it is no more.
        room = this.#left > 2 * TOGETHER ? TOGETHER : this.#left;
      }
      const content = ciphertext.subarray(done, done + room);
      done += content.length;
      this.#left -= content.length;
      const isWaitedFor = done === ciphertext.length && this.#left > 0 && this.#left < TOGETHER;
      const now = isWaitedFor ? content.subarray(0, -TOGETHER) : content;
      // The caller may use the bytes for something else.
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

  /** Enters the next part and returns its header. */
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
