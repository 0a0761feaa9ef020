/**
 * A file's content on its way: read, encrypted, cut into messages, sent.
 *
 * @module
 */
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { ByteWriter } from "../../protocol/cursor.ts";
import { CbcEncryptor } from "../../protocol/cipher/aes_cbc.ts";
import { Cksum } from "../../protocol/crc/cksum.ts";
import { inPieces, PiecesEncryptor } from "../../protocol/v3/pieces_cipher.ts";
import { type Part, trailerSize } from "../../protocol/v3/file_parts.ts";
import type { Quirks } from "../../protocol/v3/editions/quirks.ts";
import { release } from "../../protocol/memory.ts";
import type { ReconnectingConnection } from "./reconnecting_connection.ts";
import { PartWriter } from "./part_writer.ts";
import type { SourceFile } from "../local/source_file.ts";

/** The file is read, encrypted and sent in pieces of this many bytes; a multiple of the cipher's block. */
export const PIECE_SIZE = 1024 * 1024;

export interface Content extends Abortable {
  readonly file: SourceFile;
  readonly aesKey: CryptoKey;
  readonly quirks: Quirks;
  /** Its checksum, where it is known from an attempt before and the file is the same; else it is found on the way. */
  readonly crc: number | undefined;
  /** Each holds a piece of the file. */
  readonly buffers: readonly [Bytes, Bytes];
  /** Takes the number of bytes sent so far. */
  readonly onProgress: (sent: number) => void;
}

/**
 * Sends a file's content as these parts and returns the checksum of what was read: of less than the file where the
 * server took no more. Encryption is what takes longest and can't be done side by side, so all else is done while it
 * goes on: the next piece is read, this one summed up, the one before sent. Throws `InterruptedError` where it is to stop:
 * what the server got is of no use then, and its connection to be closed.
 */
export async function sendContent(
  link: Pick<ReconnectingConnection, "begin" | "write" | "nextPart">,
  parts: Iterable<Part>,
  { file, aesKey, quirks, crc, buffers, onProgress, signal }: Content,
): Promise<number> {
  const encryptor = new (inPieces(quirks, file.size) ? PiecesEncryptor : CbcEncryptor)(aesKey);
  await link.begin();
  const writer = new PartWriter(parts, {
    send: (bytes) => link.write(bytes),
    nextPart: () => link.nextPart(),
  });
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
