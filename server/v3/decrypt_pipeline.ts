/**
 * The stages of a file on its way in: ciphertext is gathered into pieces, these are decrypted side by side, summed up
 * and written in their order. All of it overlaps, and with what comes from the socket.
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

/** Ciphertext is decrypted in pieces of so many bytes: each costs two calls to WebCrypto, however small. */
const LARGEST_PIECE = 1024 * 1024;
/** What many files at once have for a piece each, in bytes: they go in smaller pieces where it is not enough … */
const ROOM_FOR_PIECES = 16 * 1024 * 1024;
/** … but in none smaller than this. */
const SMALLEST_PIECE = 64 * 1024;
/**
 * Pieces of a file that are on their way from the socket to the disk at most; further ones wait in the socket. Each is
 * held up to three times, in its stages.
 */
const MAX_IN_FLIGHT = 3;
/** The same of all files; each has one at least. More do not overlap any better. */
const MAX_IN_FLIGHT_IN_ALL = 24;

export interface DecryptPipelineOptions {
  readonly decryptor: CbcDecryptor | PiecesDecryptor;
  readonly staged: Pick<StagedUpload, "write">;
  /** Sums up the plaintext too, for clients that expect another checksum. */
  readonly zlibCrc?: ZlibCrc | undefined;
  /** Bytes of ciphertext that are expected. */
  readonly size: number;
  /** How many files are on their way in at the moment, this one included. */
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

  /** Of the plaintext so far. */
  get checksum(): Pick<Cksum, "size" | "digest"> {
    return this.#checksum;
  }

  /** Takes ciphertext; the bytes may change when the promise resolves. Throws what has failed since the last call. */
  async write(ciphertext: Bytes): Promise<void> {
    for (let done = 0; done < ciphertext.length;) {
      const part = ciphertext.subarray(done, done + this.#piece.length - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      done += part.length;
      if (this.#filled === this.#piece.length) await this.#flush();
    }
  }

  /** Resolves when all is written. Throws `IntegrityError` `bad-padding`; what comes before the padding is written. */
  async end(): Promise<void> {
    await this.#flush();
    this.#launch(this.#decryptor.final());
    await this.#pieces.end();
  }

  /** Resolves when nothing is in flight any more, however it went. */
  async settle(): Promise<void> {
    await this.#pieces.settle();
  }

  async #flush(): Promise<void> {
    // Both kinds of decryptor copy what they are given before they return.
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

  /** Bytes of a piece now. */
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

/** Pieces whose first stage is done side by side, and whose second in their order. */
class InOrder {
  /** The pieces in flight, oldest first. Each ends when all before it have. */
  readonly #inFlight: Promise<void>[] = [];

  /** Takes a piece on: `finish` gets what `begun` comes to, when all pieces before are finished. */
  add<T>(begun: Promise<T>, finish: (result: T) => Promise<void>): void {
    const before = this.#inFlight.at(-1);
    const finished = (async () => {
      await before;
      await finish(await begun);
    })();
    // They are awaited in their turn; until then their failures are not to count as unhandled.
    finished.catch(() => undefined);
    begun.catch(() => undefined);
    this.#inFlight.push(finished);
  }

  /** Resolves when fewer than `max` pieces are in flight. Throws what has failed. */
  async makeRoom(max: number): Promise<void> {
    while (this.#inFlight.length >= max) await this.#inFlight.shift();
  }

  /** Resolves when all are finished. Throws what has failed. */
  async end(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  /** Resolves when nothing is in flight any more, however it went. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }
}
