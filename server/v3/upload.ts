/**
 * One file on its way in: its parts, what may forbid it, and what is said of it in the end.
 *
 * @module
 */
import { BLOCK_SIZE, CbcDecryptor } from "../../protocol/cipher/aes_cbc.ts";
import { type Bytes, equalBytes, toHex } from "../../protocol/bytes.ts";
import { decodeTextField } from "../../protocol/v3/text_field.ts";
import { IntegrityError, reasonWithPathOf } from "../../protocol/errors.ts";
import { nameFault } from "../../protocol/file_name.ts";
import { PacketSequence } from "../../protocol/v3/packet_sequence.ts";
import { PiecesDecryptor } from "../../protocol/v3/pieces_cipher.ts";
import { printable } from "../../protocol/printable.ts";
import type { Response, SendFile } from "../../protocol/v3/messages.ts";
import { storedName } from "../../protocol/v3/stored_name.ts";
import { ZlibCrc } from "../../protocol/crc/zlib.ts";
import type { AccountWithKeys } from "../catalog/accounts.ts";
import { PROTOCOL_4 } from "../catalog/accounts.ts";
import { claimRoom, type QuotaReservation } from "../uploads/quota_reservations.ts";
import type { V3Context } from "./context.ts";
import type { Peer } from "./peer.ts";
import type { PendingUpload } from "./pending_uploads.ts";
import { DecryptPipeline } from "./decrypt_pipeline.ts";
import { LimitError } from "../limits/limits.ts";
import type { StagedUpload } from "../uploads/staging_area.ts";

/** Padding that ciphertext holds at most: some clients encrypt a file in two pieces. */
const MAX_PADDING = 2 * BLOCK_SIZE;

interface OpenPart {
  readonly packets: PacketSequence;
  readonly pipeline: DecryptPipeline;
  readonly staged: StagedUpload;
  /** The key under which it comes. */
  readonly key: CryptoKey;
  /** zlib's CRC-32, where the client may expect that. */
  readonly zlibCrc: ZlibCrc | undefined;
  /** What it counts until another has it, or it is gone. */
  readonly reservation: QuotaReservation | undefined;
}

/**
 * Takes the ciphertext of one file, in one part or several. Whatever goes wrong, the rest of the part is still taken,
 * so that the message ends where its sender thinks it does, and the response says that it went wrong.
 */
export class V3Upload implements PendingUpload {
  /** That of the first part. */
  readonly request: SendFile;
  readonly #context: V3Context;
  readonly #peer: Peer;
  #work: OpenPart | undefined;
  #intact = true;
  #answered = false;

  private constructor(context: V3Context, peer: Peer, request: SendFile) {
    this.#context = context;
    this.#peer = peer;
    this.request = request;
  }

  static async begin(context: V3Context, peer: Peer, request: SendFile): Promise<V3Upload> {
    const upload = new V3Upload(context, peer, request);
    await upload.#guard(() => upload.#open());
    return upload;
  }

  /** Begins a further part, if it is one of this file. */
  async continue(request: SendFile): Promise<void> {
    await this.#guard(() => this.#work?.packets.continue(request));
  }

  /** Whether a part is of the same file as the ones before. */
  isOf({ clientId, fileName }: SendFile): boolean {
    return equalBytes(this.request.clientId, clientId) &&
      decodeTextField(this.request.fileName) === decodeTextField(fileName);
  }

  /** Takes content; the bytes may change when the promise resolves. */
  async write(content: Bytes): Promise<void> {
    await this.#guard(() => this.#work?.pipeline.write(this.#work.packets.take(content)));
  }

  /**
   * Ends a part. Returns the response: to the file after its last part, or to one that can't be taken, which is said
   * once; `undefined` where there is nothing to say of the file yet.
   */
  async endPart(end: SendFile): Promise<Response | undefined> {
    let last = false;
    await this.#guard(() => {
      last = this.#work?.packets.endPacket(end) ?? false;
    });
    if (last) await this.#guard(() => this.#end(end));
    if (this.#work !== undefined) return last ? await this.#receive(this.#work, end) : undefined;
    const answered = this.#answered;
    this.#answered = true;
    return answered ? undefined : { kind: "generalError" };
  }

  /** Whether its parts so far were taken, and more of them are to come. */
  get isOpen(): boolean {
    return this.#work !== undefined;
  }

  async #receive(work: OpenPart, end: SendFile): Promise<Response> {
    const { staged, reservation, zlibCrc, pipeline: { checksum } } = work;
    const { maxFileSize } = this.#context.limits;
    if (checksum.size > maxFileSize) throw new LimitError("maxFileSize", maxFileSize);
    this.#work = undefined;
    const { clientId, contentSize, fileName } = end;
    const { size } = checksum;
    const sound = { accountId: clientId, name: storedName(fileName), size, crc: checksum.digest() };
    const isOtherChecksumSent = this.#intact && this.#context.disputes.isOtherDue(sound);
    const isZlib = this.#peer.profile.quirks.has("zlib-crc") !== isOtherChecksumSent;
    const crc = isZlib ? zlibCrc?.digest() ?? sound.crc : sound.crc;
    const { connection, key: own, ended } = this.#peer;
    await this.#context.unverified.add({
      ...sound,
      connection,
      boundUntil: own && equalBytes(own.clientId, clientId) ? ended : undefined,
      staged,
      isOtherChecksumSent,
      intact: this.#intact,
      arrivedAt: this.#context.ticks(),
      reservation,
    });
    // A checksum that is certainly not the client's, which will send the file again. Not the complement: of nothing at all
    // that of one kind of checksum is the other.
    const sentCrc = this.#intact ? crc : (crc ^ 1) >>> 0;
    return { kind: "fileReceived", clientId, contentSize, fileName, crc: sentCrc };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const work = this.#work;
    this.#work = undefined;
    await work?.pipeline.settle();
    try {
      await work?.staged.writer.abort();
    } finally {
      work?.staged.release();
      work?.reservation?.end();
    }
  }

  async #open(): Promise<void> {
    const { clientId, contentSize, fileName } = this.request;
    const key = this.#context.sessionKeys.find(this.#peer, clientId);
    if (key === undefined) throw new Error("its key exchange was not done, or has expired");
    const refused = faultOf(await this.#context.accounts.find(clientId));
    if (refused !== undefined) throw new Error(refused);
    const fault = nameFault(storedName(fileName));
    if (fault !== undefined) throw new Error(`its name ${fault}`);
    const packets = new PacketSequence(this.request);
    const size = Math.max(0, contentSize - MAX_PADDING);
    const { unverified } = this.#context;
    const name = storedName(fileName);
    const file = { accountId: clientId, name, size };
    const supersede = () => unverified.supersede(clientId, name, this.#peer.connection);
    const reservation = await claimRoom(this.#context, file, supersede);
    try {
      const staged = await this.#context.staging.create(clientId, contentSize);
      const zlibCrc = this.#mayExpectZlib ? new ZlibCrc() : undefined;
      const pipeline = this.#pipeline(key, staged, zlibCrc);
      this.#work = { packets, pipeline, staged, key, zlibCrc, reservation };
    } catch (error) {
      reservation?.end();
      throw error;
    }
    // A store that takes no file says so before the content comes.
    await this.#work.staged.write(0, new Uint8Array(0));
  }

  get #mayExpectZlib(): boolean {
    const { clientId, fileName } = this.request;
    return this.#peer.profile.quirks.has("zlib-crc") ||
      this.#context.disputes.has(clientId, storedName(fileName));
  }

  #pipeline(key: CryptoKey, staged: StagedUpload, zlibCrc: ZlibCrc | undefined): DecryptPipeline {
    const inPieces = this.#peer.profile.quirks.has("pieces");
    const decryptor = inPieces ? new PiecesDecryptor(key) : new CbcDecryptor(key);
    const count = () => this.#context.staging.count;
    return new DecryptPipeline({
      decryptor,
      staged,
      zlibCrc,
      size: this.request.contentSize,
      count,
    });
  }

  /** Decrypts the rest and makes the bytes durable: until the client judges them no descriptor is held. */
  async #end({ plaintextSize }: SendFile): Promise<void> {
    try {
      await this.#work?.pipeline.end();
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      this.#intact = false;
    }
    if (plaintextSize !== undefined && this.#work?.pipeline.checksum.size !== plaintextSize) {
      this.#intact = false;
    }
    await this.#work?.staged.writer.close();
  }

  /**
   * Does a part of the work; where it fails, the staged bytes go and the rest is not done. Throws `LimitError`, since
   * the rest of what is over a limit is not to be taken.
   */
  async #guard(work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof LimitError) throw error;
      this.#logRefusal(reasonWithPathOf(error));
      await this[Symbol.asyncDispose]();
    }
  }

  #logRefusal(reason: string): void {
    this.#context.log.warn("Refused {file} of {client} from {address}: {reason}", {
      event: "file.refused",
      file: printable(decodeTextField(this.request.fileName)),
      client: toHex(this.request.clientId),
      address: this.#peer.address,
      reason,
    });
  }
}

/** Why a client of protocol 3 may not use an account; `undefined` where it may. */
function faultOf(account: AccountWithKeys | undefined): string | undefined {
  if (account === undefined) return "its account is gone";
  if (account.storedProfile.edition === PROTOCOL_4) {
    return "its account has gone over to protocol 4";
  }
  return account.disabled ? "its account is disabled" : undefined;
}
