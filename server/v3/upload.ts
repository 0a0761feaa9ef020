/**
 * An upload over protocol 3: its parts, the checks, and its responses.
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
import { mayReplace, PROTOCOL_4 } from "../catalog/accounts.ts";
import { claimRoom, type QuotaReservation } from "../uploads/quota_reservations.ts";
import type { V3Context } from "./context.ts";
import type { Peer } from "./peer.ts";
import type { PendingUpload } from "./pending_uploads.ts";
import type { Dispute } from "../catalog/shared_state.ts";
import { DecryptPipeline } from "./decrypt_pipeline.ts";
import { isOtherDue } from "./disputed_checksums.ts";
import { type LimitedUpload, LimitError } from "../limits/limits.ts";
import type { StagedUpload } from "../uploads/staging_area.ts";
import type { LiveTransfer } from "../monitor/live_transfer.ts";

/** The most padding in the ciphertext. Some clients encrypt a file in two pieces. */
const MAX_PADDING = 2 * BLOCK_SIZE;

interface OpenPart {
  readonly packets: PacketSequence;
  readonly pipeline: DecryptPipeline;
  readonly staged: StagedUpload;
  /** The key of the file's content. */
  readonly key: CryptoKey;
  /** The dispute about the checksum of an earlier file of the name. */
  readonly dispute: Dispute | undefined;
  /** Set if the client may expect zlib's CRC-32. */
  readonly zlibCrc: ZlibCrc | undefined;
  /** The reserved quota. The unverified file takes it over; otherwise, it ends when the file is discarded. */
  readonly reservation: QuotaReservation | undefined;
}

/**
 * Receives the ciphertext of a file, in one or more parts. After a failure it still reads the rest of the part, so that
 * the message ends where the sender expects, and the response reports the failure.
 */
export class V3Upload implements PendingUpload {
  /** The request of the first part. */
  readonly request: SendFile;
  readonly #context: V3Context;
  readonly #peer: Peer;
  #work: OpenPart | undefined;
  #intact = true;
  #answered = false;
  /** The upload, for the operator. Its bytes are those of the ciphertext. */
  readonly #transfer: LiveTransfer;
  /** The user name, once the account is known. */
  #user: string | undefined;

  private constructor(context: V3Context, peer: Peer, request: SendFile) {
    this.#context = context;
    this.#peer = peer;
    this.request = request;
    const { fileName, contentSize: size } = request;
    this.#transfer = peer.live.begin({ direction: "upload", name: storedName(fileName), size });
  }

  /** Begins the first part. Throws `LimitError`, which names the account and the file. */
  static async begin(context: V3Context, peer: Peer, request: SendFile): Promise<V3Upload> {
    const upload = new V3Upload(context, peer, request);
    try {
      await upload.#guard(() => upload.#open());
    } catch (error) {
      if (error instanceof LimitError) error.subject = upload.subject;
      throw error;
    }
    return upload;
  }

  /** Begins another part, if it belongs to this file. */
  async continue(request: SendFile): Promise<void> {
    await this.#guard(() => this.#work?.packets.continue(request));
  }

  /** Whether a part belongs to the same file. */
  isOf({ clientId, fileName }: SendFile): boolean {
    return equalBytes(this.request.clientId, clientId) &&
      decodeTextField(this.request.fileName) === decodeTextField(fileName);
  }

  /** Writes content, which may be changed after the promise resolves. */
  async write(content: Bytes): Promise<void> {
    this.#transfer.add(content.length);
    await this.#guard(() => this.#work?.pipeline.write(this.#work.packets.take(content)));
  }

  /**
   * Ends a part. Returns the response after the last part, or once for a file that was refused; `undefined` if no
   * response is due.
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

  detach(): void {
    this.#transfer.detach();
  }

  handOver(): void {
    this.#transfer.end("handed-over");
  }

  /** Whether all parts were accepted so far and more are expected. */
  get isOpen(): boolean {
    return this.#work !== undefined;
  }

  get subject(): LimitedUpload {
    const { clientId, fileName } = this.request;
    const file = printable(decodeTextField(fileName));
    return { user: this.#user, client: toHex(clientId), file };
  }

  async #receive(work: OpenPart, end: SendFile): Promise<Response> {
    const { staged, reservation, dispute, zlibCrc, pipeline: { checksum } } = work;
    const { maxFileSize } = this.#context.limits;
    if (checksum.size > maxFileSize) {
      this.#transfer.end({ code: "over-limit" });
      throw new LimitError("maxFileSize", maxFileSize);
    }
    this.#work = undefined;
    this.detach();
    const { clientId, contentSize, fileName } = end;
    const { size } = checksum;
    const sound = { accountId: clientId, name: storedName(fileName), size, crc: checksum.digest() };
    const isOtherChecksumSent = this.#intact && isOtherDue(dispute, sound);
    const isZlib = this.#peer.profile.quirks.has("zlib-crc") !== isOtherChecksumSent;
    const crc = isZlib ? zlibCrc?.digest() ?? sound.crc : sound.crc;
    const { connection, openedAt, key: own, ended } = this.#peer;
    try {
      await this.#context.unverified.add({
        ...sound,
        user: this.#user ?? "",
        connection,
        openedAt,
        boundUntil: own && equalBytes(own.clientId, clientId) ? ended : undefined,
        staged,
        isOtherChecksumSent,
        isDisputed: dispute !== undefined,
        intact: this.#intact,
        arrivedAt: this.#context.ticks(),
        reservation,
        transfer: this.#transfer,
      });
    } catch (error) {
      this.#transfer.end({ code: "cannot-store" });
      this.#logRefusal(reasonWithPathOf(error));
      return { kind: "generalError" };
    }
    // A checksum that certainly differs from the client's, so that it sends the file again. The complement would not
    // do: for an empty file, it turns one kind of checksum into the other.
    const sentCrc = this.#intact ? crc : (crc ^ 1) >>> 0;
    return { kind: "fileReceived", clientId, contentSize, fileName, crc: sentCrc };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const work = this.#work;
    this.#work = undefined;
    if (work !== undefined) this.#transfer.end({ code: "interrupted" });
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
    const key = await this.#context.sessionKeys.find(this.#peer, clientId);
    if (key === undefined) throw new Error("the key exchange was not done or has expired");
    const account = await this.#context.accounts.find(clientId);
    this.#user = account?.name;
    if (account !== undefined) {
      this.#peer.live.user = { client: toHex(account.id), name: printable(account.name) };
    }
    const refused = faultOf(account);
    if (refused !== undefined) throw new Error(refused);
    const fault = nameFault(storedName(fileName));
    if (fault !== undefined) throw new Error(`the name ${fault}`);
    if (account !== undefined && !mayReplace(account.access)) await this.#refuseReplacing();
    const packets = new PacketSequence(this.request);
    const size = Math.max(0, contentSize - MAX_PADDING);
    const { unverified } = this.#context;
    const name = storedName(fileName);
    const file = { accountId: clientId, name, size };
    const supersede = () => unverified.supersede(clientId, name, this.#peer);
    const dispute = await this.#context.disputes.find(clientId, name);
    const reservation = await claimRoom(this.#context, file, supersede);
    try {
      const staged = await this.#context.staging.createInline(clientId, contentSize);
      const mayExpectZlib = this.#peer.profile.quirks.has("zlib-crc") || dispute !== undefined;
      const zlibCrc = mayExpectZlib ? new ZlibCrc() : undefined;
      const pipeline = this.#pipeline(key, staged, zlibCrc);
      this.#work = { packets, pipeline, staged, key, dispute, zlibCrc, reservation };
    } catch (error) {
      reservation?.end();
      throw error;
    }
    // A store that accepts no files fails here, before the content arrives.
    await this.#work.staged.write(0, new Uint8Array(0));
  }

  /** The catalog refuses it too, but only after the file has arrived. */
  async #refuseReplacing(): Promise<void> {
    const { clientId, fileName } = this.request;
    const { files } = this.#context.store.catalog;
    const stored = await files.find(clientId, storedName(fileName));
    if (stored !== undefined) {
      throw new Error("its name is taken, and the account may not change stored files");
    }
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

  /**
   * Decrypts the rest. Makes the bytes durable unless the catalog will keep them. No descriptor stays open until the
   * client confirms the file.
   */
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
   * Does a part of the work. If it fails, discards the staged bytes and skips the rest. Throws `LimitError`, since the
   * rest of a file over a limit must not be received.
   */
  async #guard(work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      const isLimit = error instanceof LimitError;
      this.#transfer.end({ code: isLimit ? "over-limit" : "refused" });
      if (isLimit) throw error;
      this.#logRefusal(reasonWithPathOf(error));
      await this[Symbol.asyncDispose]();
    }
  }

  #logRefusal(reason: string): void {
    const { user, client, file } = this.subject;
    const who = this.#user === undefined ? "account {client}" : "{user}";
    this.#context.log.warn(`Refused {file} for ${who} from {address}: {reason}`, {
      event: "file.refused",
      ...(user === undefined ? {} : { user }),
      ...{ file, client, address: this.#peer.address, reason },
    });
  }
}

/** The reason why a client of protocol 3 cannot use an account; `undefined` if it can. */
function faultOf(account: AccountWithKeys | undefined): string | undefined {
  if (account === undefined) return "the account no longer exists";
  if (account.storedProfile.edition === PROTOCOL_4) {
    return "the account has moved to protocol 4";
  }
  if (account.access === "read-only") return "the account may not store files";
  return account.disabled ? "the account is disabled" : undefined;
}
