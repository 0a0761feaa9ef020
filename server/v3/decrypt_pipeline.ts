/**
 * The stages of an upload over protocol 3: collect ciphertext into pieces, decrypt these in parallel, then compute
 * checksums and write them in order. All stages overlap with each other and with receiving.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { CbcDecryptor } from "../../protocol/cipher/aes_cbc.ts";
import { Cksum } from "../../protocol/crc/cksum.ts";
import type { PiecesDecryptor } from "../../protocol/v3/pieces_cipher.ts";
import { release } from "../../protocol/memory.ts";
import type { ZlibCrc } from "../../protocol/crc/zlib.ts";
import type { StagedUpload } from "../uploads/staging_area.ts";

/** The largest piece of ciphertext, in bytes. Each piece costs two calls to WebCrypto, however small it is. */
const LARGEST_PIECE = 1024 * 1024;
/** Bytes for the pieces of all uploads together. If they are not enough, pieces are smaller … */
const ROOM_FOR_PIECES = 16 * 1024 * 1024;
/** … but not smaller than this. */
const SMALLEST_PIECE = 64 * 1024;
/**
 * The most pieces of an upload in progress. Further data waits in the socket. Each piece takes memory up to three
 * times, once in each stage.
 */
const MAX_IN_FLIGHT = 3;
/** The most pieces of all uploads; each upload has at least one. More would not overlap better. */
const MAX_IN_FLIGHT_IN_ALL = 24;

export interface DecryptPipelineOptions {
  readonly decryptor: CbcDecryptor | PiecesDecryptor;
  readonly staged: Pick<StagedUpload, "write">;
  /** A second checksum of the plaintext, for clients that may expect zlib's. */
  readonly zlibCrc?: ZlibCrc | undefined;
  /** The expected size of the ciphertext, in bytes. */
  readonly size: number;
  /** The number of uploads in progress, including this one. */
  readonly count: () => number;
}

export class DecryptPipeline {
  readonly #decryptor: CbcDecryptor | PiecesDecryptor;
  readonly #staged: Pick<StagedUpload, "write">;
  readonly #checksum = new Cksum();
  readonly #zlibCrc: ZlibCrc | undefined;
  readonly #size: number;
  readonly #count: () => number;
  #piece: Bytes;
  #filled = 0;
  readonly #pieces = new InOrder();

  constructor({ decryptor, staged, zlibCrc, size, count }: DecryptPipelineOptions) {
    this.#zlibCrc = zlibCrc;
    this.#decryptor = decryptor;
    this.#staged = staged;
    this.#size = size;
    this.#count = count;
    this.#piece = new Uint8Array(this.#pieceSize());
  }

  /** The checksum of the plaintext so far. */
  get checksum(): Pick<Cksum, "size" | "digest"> {
    return this.#checksum;
  }

  /** Writes ciphertext, which may be changed after the promise resolves. Throws earlier failures. */
  async write(ciphertext: Bytes): Promise<void> {
    for (let done = 0; done < ciphertext.length;) {
      const part = ciphertext.subarray(done, done + this.#piece.length - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      done += part.length;
      if (this.#filled === this.#piece.length) await this.#flush();
    }
  }

  /**
   * Resolves when everything is written. Throws `IntegrityError` `bad-padding` after writing everything before the
   * padding.
   */
  async end(): Promise<void> {
    await this.#flush();
    this.#launch(this.#decryptor.final());
    await this.#pieces.end();
  }

  /** Resolves when no piece is in progress, also after failures. */
  async settle(): Promise<void> {
    await this.#pieces.settle();
  }

  async #flush(): Promise<void> {
    // Both kinds of decryptor copy their input before they return.
    this.#launch(this.#decryptor.update(this.#piece.subarray(0, this.#filled)));
    this.#filled = 0;
    const max = Math.min(MAX_IN_FLIGHT, Math.floor(MAX_IN_FLIGHT_IN_ALL / this.#count()));
    await this.#pieces.makeRoom(Math.max(1, max));
    const size = this.#pieceSize();
    if (this.#piece.length >= 2 * size) {
      release(this.#piece);
      this.#piece = new Uint8Array(size);
    }
  }

  /** The current size of a piece, in bytes. */
  #pieceSize(): number {
    const share = Math.floor(ROOM_FOR_PIECES / this.#count());
    return Math.min(Math.max(share, SMALLEST_PIECE), LARGEST_PIECE, this.#size);
  }

  #launch(decrypting: Promise<Bytes>): void {
    this.#pieces.add(decrypting, async (plaintext) => {
      const offset = this.#checksum.size;
      this.#checksum.update(plaintext);
      this.#zlibCrc?.update(plaintext);
      await this.#staged.write(offset, plaintext);
      release(plaintext);
    });
  }
}

/** Pieces whose first stages run in parallel, and whose second stages run in order. */
class InOrder {
  /** The pieces in progress, oldest first. Each ends after all before it. */
  readonly #inFlight: Promise<void>[] = [];

  /** Adds a piece. Calls `finish` with the result of `begun` after all earlier pieces are finished. */
  add<T>(begun: Promise<T>, finish: (result: T) => Promise<void>): void {
    const before = this.#inFlight.at(-1);
    const finished = (async () => {
      await before;
      await finish(await begun);
    })();
    // Both promises are awaited later. Until then, their failures must not count as unhandled.
    finished.catch(() => undefined);
    begun.catch(() => undefined);
    this.#inFlight.push(finished);
  }

  /** Resolves when fewer than `max` pieces are in progress. Throws their failures. */
  async makeRoom(max: number): Promise<void> {
    while (this.#inFlight.length >= max) await this.#inFlight.shift();
  }

  /** Resolves when all pieces are finished. Throws their failures. */
  async end(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  /** Resolves when no piece is in progress, also after failures. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }
}
