/**
 * A file in numbered packets. Each must follow the previous one, and together they are the ciphertext.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { SendFile } from "./messages.ts";
import { type Bytes, equalBytes } from "../bytes.ts";

/** How much of a file has arrived. */
export interface PacketProgress {
  readonly packets: number;
  /** The bytes of ciphertext. */
  readonly bytes: number;
}

/** Checks packets in order. A file in one message counts as a single packet. */
export class PacketSequence {
  first: SendFile;
  #number: number;
  #missing: number;

  /**
   * Begins with the first packet, or after the given number of packets and bytes. Throws `ProtocolError` `bad-packet` if
   * `first` cannot be the first packet of a file.
   */
  constructor(first: SendFile, after: PacketProgress = { packets: 1, bytes: 0 }) {
    const { contentSize, originalSize = 0, packetNumber = 1, totalPackets = 1 } = first;
    if (packetNumber !== 1 || totalPackets < 1) {
      throw badPacket(`the first is packet ${packetNumber} of ${totalPackets}`);
    }
    if (originalSize >= contentSize) {
      throw badPacket(`a file of ${originalSize} bytes cannot have a ciphertext of ${contentSize}`);
    }
    this.first = first;
    this.#number = after.packets;
    this.#missing = contentSize - after.bytes;
  }

  /** Accepts the header of the next packet. Throws `ProtocolError` `bad-packet` if it does not follow. */
  continue(packet: SendFile): void {
    const { first } = this;
    if (packet.packetNumber !== this.#number + 1) {
      throw badPacket(`packet ${packet.packetNumber} follows packet ${this.#number}`);
    }
    if (packet.totalPackets !== first.totalPackets || this.#number >= (first.totalPackets ?? 1)) {
      throw badPacket(`packet ${packet.packetNumber} counts ${packet.totalPackets} packets`);
    }
    if (
      packet.contentSize !== first.contentSize || packet.originalSize !== first.originalSize ||
      !equalBytes(packet.fileName, first.fileName) || !equalBytes(packet.clientId, first.clientId)
    ) {
      throw badPacket(`packet ${packet.packetNumber} belongs to another file`);
    }
    this.#number++;
  }

  /** Returns the ciphertext in a packet's content. Some clients pad the last packet. */
  take(content: Bytes): Bytes {
    const ciphertext = content.subarray(0, this.#missing);
    this.#missing -= ciphertext.length;
    return ciphertext;
  }

  /**
   * Ends a packet. Returns `true` after the last. `end`: the packet's header at its end, when the file may have become
   * smaller. Throws `ProtocolError` `bad-packet` if bytes are missing after the last.
   */
  endPacket(end: SendFile = this.first): boolean {
    if (end.contentSize < this.first.contentSize) {
      this.#missing -= this.first.contentSize - end.contentSize;
      this.first = { ...this.first, contentSize: end.contentSize };
    }
    const last = this.#number === (this.first.totalPackets ?? 1);
    if (last && this.#missing > 0) {
      throw badPacket(`${this.#missing} bytes are missing after the last`);
    }
    return last;
  }
}

function badPacket(what: string): ProtocolError {
  return new ProtocolError("bad-packet", `cannot assemble the packets: ${what}`);
}
