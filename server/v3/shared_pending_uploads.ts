/**
 * Uploads of clients that open a connection for each packet, at a server that shares its catalog with others: the packets
 * wait in the catalog as they came. The server that gets the last one reads all of them, so that each is written and read
 * once.
 *
 * @module
 */
import { type Bytes, concatBytes, equalBytes } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Response, SendFile } from "../../protocol/v3/messages.ts";
import { PacketSequence } from "../../protocol/v3/packet_sequence.ts";
import { decodeTextField } from "../../protocol/v3/text_field.ts";
import type { FoundParked, ParkedRows } from "../catalog/parked_rows.ts";
import type { Limits } from "../limits/limits.ts";
import type { Peer } from "./peer.ts";
import type { BeginUpload, PendingUpload, UploadsBetweenPackets } from "./pending_uploads.ts";

/** The largest packet that can wait, in bytes. The known clients of this kind fill frames of 1024. */
const MAX_PACKET = 4096;
/** The number of packets that are read at a time. */
const PAGE = 64;

export class SharedPendingUploads implements UploadsBetweenPackets {
  readonly #rows: ParkedRows;
  readonly #limits: Limits;
  /** Whether this server removes what has expired in the catalog. */
  readonly #isHousekeeper: () => boolean;

  constructor(rows: ParkedRows, limits: Limits, isHousekeeper: () => boolean) {
    this.#rows = rows;
    this.#limits = limits;
    this.#isHousekeeper = isHousekeeper;
  }

  watch(upload: PendingUpload, { profile: { quirks } }: Pick<Peer, "profile">): PendingUpload {
    const { totalPackets = 1 } = upload.request;
    const mayWait = totalPackets > 1 && quirks.has("acknowledged-parts");
    return mayWait ? new FirstPacket(upload) : upload;
  }

  async add(upload: PendingUpload): Promise<void> {
    try {
      if (upload instanceof FirstPacket) await this.#begin(upload);
      else if (upload instanceof LaterPackets) await upload.keep();
      upload.handOver();
    } finally {
      await upload[Symbol.asyncDispose]();
    }
  }

  async take(packet: SendFile, begin: BeginUpload): Promise<PendingUpload | undefined> {
    const name = decodeTextField(packet.fileName);
    const parked = await this.#rows.find(packet.clientId, name);
    return parked && new LaterPackets(this.#rows, parked, begin);
  }

  async expire(): Promise<void> {
    if (this.#isHousekeeper()) await this.#rows.expire(this.#limits.unverifiedTtlMs);
  }

  /** Packets in the catalog stay there: a client can send the next one to another server. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #begin({ request, packet }: FirstPacket): Promise<void> {
    const { clientId: accountId, fileName, contentSize } = request;
    const { originalSize, totalPackets, plaintextSize } = request;
    const name = decodeTextField(fileName);
    const { maxParked: max, maxParkedPerClient: maxPerAccount } = this.#limits;
    await this.#rows.begin(
      { accountId, name, fileName, contentSize, originalSize, totalPackets, plaintextSize },
      packet.subarray(0, contentSize),
      { max, maxPerAccount },
    );
  }
}

/** The content of a packet. */
class PacketContent {
  readonly #pieces: Bytes[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Copies bytes. Throws `ProtocolError` `bad-packet` if the packet is too large. */
  add(bytes: Bytes): void {
    this.#size += bytes.length;
    if (this.#size > MAX_PACKET) {
      const most = `at most ${MAX_PACKET} bytes`;
      throw new ProtocolError("bad-packet", `packets on separate connections must have ${most}`);
    }
    this.#pieces.push(bytes.slice());
  }

  /** Returns the bytes, and begins again. */
  take(): Bytes {
    this.#size = 0;
    return concatBytes(...this.#pieces.splice(0));
  }
}

/** The first packet of a file. It is checked like each upload, and its ciphertext is kept besides. */
class FirstPacket implements PendingUpload {
  readonly request: SendFile;
  readonly #upload: PendingUpload;
  readonly #content = new PacketContent();

  constructor(upload: PendingUpload) {
    this.request = upload.request;
    this.#upload = upload;
  }

  get packet(): Bytes {
    return this.#content.take();
  }

  get isOpen(): boolean {
    return this.#upload.isOpen;
  }

  isOf(part: SendFile): boolean {
    return this.#upload.isOf(part);
  }

  detach(): void {
    this.#upload.detach();
  }

  handOver(): void {
    this.#upload.handOver();
  }

  continue(part: SendFile): Promise<void> {
    return this.#upload.continue(part);
  }

  async write(content: Bytes): Promise<void> {
    if (this.isOpen) this.#content.add(content);
    await this.#upload.write(content);
  }

  endPart(end: SendFile): Promise<Response | undefined> {
    return this.#upload.endPart(end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#upload[Symbol.asyncDispose]();
  }
}

/** Packets after the first. With the last one, it becomes an upload of the whole file. */
class LaterPackets implements PendingUpload {
  /** The request of the first packet. */
  readonly request: SendFile;
  readonly #rows: ParkedRows;
  readonly #parked: FoundParked;
  readonly #begin: BeginUpload;
  readonly #sequence: PacketSequence;
  readonly #content = new PacketContent();
  #number: number;
  #whole: PendingUpload | undefined;
  /** The answer to a file that was refused while its packets were read. */
  #refusal: Response | undefined;

  constructor(rows: ParkedRows, parked: FoundParked, begin: BeginUpload) {
    this.#rows = rows;
    this.#parked = parked;
    this.#begin = begin;
    this.request = firstPacketOf(parked);
    this.#sequence = new PacketSequence(this.request, parked);
    this.#number = parked.packets;
  }

  get isOpen(): boolean {
    return this.#whole?.isOpen ?? true;
  }

  isOf({ clientId, fileName }: SendFile): boolean {
    const { accountId, name } = this.#parked;
    return decodeTextField(fileName) === name && equalBytes(clientId, accountId);
  }

  detach(): void {
    this.#whole?.detach();
  }

  handOver(): void {
    this.#whole?.handOver();
  }

  /** Throws `ProtocolError` `bad-packet`. */
  async continue(part: SendFile): Promise<void> {
    if (this.#content.size > 0) await this.keep();
    this.#sequence.continue(part);
    this.#number++;
    if (this.#number < (this.request.totalPackets ?? 1)) return;
    this.#whole = await this.#begin(this.request);
    await this.#replay(this.#whole);
    await this.#whole.continue(part);
  }

  async write(content: Bytes): Promise<void> {
    if (this.#whole === undefined) this.#content.add(this.#sequence.take(content));
    else await this.#whole.write(content);
  }

  async endPart(end: SendFile): Promise<Response | undefined> {
    if (this.#whole === undefined) {
      this.#sequence.endPacket();
      return undefined;
    }
    const response = await this.#whole.endPart(end);
    await this.#rows.remove(this.#parked.id);
    return this.#refusal ?? response;
  }

  /** Adds the packet to the catalog. Throws `ProtocolError` `bad-packet` if another connection has. */
  async keep(): Promise<void> {
    if (await this.#rows.append(this.#parked.id, this.#number, this.#content.take())) return;
    throw new ProtocolError("bad-packet", `packet ${this.#number} does not follow the one before`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#whole?.[Symbol.asyncDispose]();
  }

  /** Passes all earlier packets to an upload. */
  async #replay(whole: PendingUpload): Promise<void> {
    const { id } = this.#parked;
    const packets = this.#number - 1;
    for (let number = 0; number < packets;) {
      const page = await this.#rows.packets(id, number, Math.min(PAGE, packets - number));
      if (page.length === 0) {
        throw new ProtocolError("bad-packet", "the packets before the last one are gone");
      }
      for (const content of page) {
        const part = { ...this.request, packetNumber: ++number };
        if (number > 1) await whole.continue(part);
        await whole.write(content);
        this.#refusal ??= await whole.endPart(part);
        if (this.#refusal !== undefined) return;
      }
    }
  }
}

function firstPacketOf(parked: FoundParked): SendFile {
  const { accountId: clientId, fileName, contentSize } = parked;
  const { originalSize, totalPackets, plaintextSize } = parked;
  return {
    ...{ kind: "sendFile" as const, clientId, fileName, contentSize, packetNumber: 1 },
    ...(originalSize === undefined ? {} : { originalSize }),
    ...(totalPackets === undefined ? {} : { totalPackets }),
    ...(plaintextSize === undefined ? {} : { plaintextSize }),
  };
}
