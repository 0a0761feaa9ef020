/**
 * One file on its way in: ciphertext → decrypt → CRC → staging file.
 *
 * @module
 */
import {
  type Bytes,
  CbcDecryptor,
  Cksum,
  decodeTextField,
  IntegrityError,
  printable,
  type Response,
  type SendFile,
  toHex,
} from "../protocol/mod.ts";
import type { Context, Peer } from "./context.ts";
import { sessionKey } from "./handlers.ts";
import type { StagedBlob } from "./store/blob_store.ts";

/** Ciphertext is decrypted in pieces of this many bytes: each costs a call to WebCrypto, however small. */
const PIECE_SIZE = 256 * 1024;

/**
 * Takes the ciphertext of one file. Whatever goes wrong, the rest of the ciphertext is still taken, so that the
 * message ends where its sender thinks it does, and the response says that it went wrong.
 */
export class Upload implements AsyncDisposable {
  readonly #context: Context;
  readonly #peer: Peer;
  readonly #request: SendFile;
  readonly #checksum = new Cksum();
  #work: { readonly decryptor: CbcDecryptor; readonly blob: StagedBlob } | undefined;
  #piece: Bytes = new Uint8Array(0);
  #filled = 0;
  #intact = true;

  private constructor(context: Context, peer: Peer, request: SendFile) {
    this.#context = context;
    this.#peer = peer;
    this.#request = request;
  }

  static async begin(context: Context, peer: Peer, request: SendFile): Promise<Upload> {
    const upload = new Upload(context, peer, request);
    const key = sessionKey(context, peer, request.clientId);
    if (key === undefined) upload.#logRefusal("its key exchange was not done, or has expired");
    else if (decodeTextField(request.fileName) === "") upload.#logRefusal("its name is empty");
    else await upload.#guard(() => upload.#open(key));
    return upload;
  }

  /** Takes ciphertext; the bytes may change when the promise resolves. */
  async write(ciphertext: Bytes): Promise<void> {
    for (let done = 0; done < ciphertext.length && this.#work !== undefined;) {
      const part = ciphertext.subarray(done, done + this.#piece.length - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      done += part.length;
      if (this.#filled === this.#piece.length) await this.#guard(() => this.#flush());
    }
  }

  /** The response, once all ciphertext is written. */
  async finish(): Promise<Response> {
    await this.#guard(() => this.#end());
    if (this.#work === undefined) return { kind: "generalError" };
    const { blob } = this.#work;
    this.#work = undefined;
    const { clientId, contentSize, fileName } = this.#request;
    const sound = this.#checksum.digest();
    // A checksum that is certainly not the client's: it will send the file again.
    const crc = this.#intact ? sound : ~sound >>> 0;
    await this.#context.unverified.add({
      clientId,
      name: decodeTextField(fileName),
      connection: this.#peer.connection,
      blob,
      size: this.#checksum.size,
      crc,
      intact: this.#intact,
      arrivedAt: this.#context.clock(),
    });
    return { kind: "fileReceived", clientId, contentSize, fileName, crc };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const work = this.#work;
    this.#work = undefined;
    await work?.blob.discard();
  }

  async #open(key: CryptoKey): Promise<void> {
    this.#piece = new Uint8Array(Math.min(PIECE_SIZE, this.#request.contentSize));
    this.#work = {
      decryptor: new CbcDecryptor(key),
      blob: await this.#context.store.blobs.stage(),
    };
  }

  async #flush(): Promise<void> {
    const ciphertext = this.#piece.subarray(0, this.#filled);
    this.#filled = 0;
    await this.#take(await this.#work?.decryptor.update(ciphertext));
  }

  async #end(): Promise<void> {
    await this.#flush();
    try {
      await this.#take(await this.#work?.decryptor.final());
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      this.#intact = false;
    }
  }

  async #take(plaintext: Bytes | undefined): Promise<void> {
    if (this.#work === undefined || plaintext === undefined) return;
    this.#checksum.update(plaintext);
    await this.#work.blob.write(plaintext);
  }

  /** Does a part of the work; where it fails, the staged bytes go and the rest is not done. */
  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#logRefusal(error instanceof Error ? error.message : String(error));
      await this[Symbol.asyncDispose]();
    }
  }

  #logRefusal(reason: string): void {
    this.#context.log.warn("Refused {file} of {client} from {address}: {reason}", {
      event: "file.refused",
      file: printable(decodeTextField(this.#request.fileName)),
      client: toHex(this.#request.clientId),
      address: this.#peer.address,
      reason: printable(reason),
    });
  }
}
