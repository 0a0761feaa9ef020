/**
 * A file that comes in numbered packets: each belongs to the one before, and together they are the ciphertext.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { SendFile } from "./messages.ts";
import { type Bytes, equalBytes } from "../bytes.ts";

/** Checks packets as they come. A file in one message is one packet of one. */
export class PacketSequence {
  first: SendFile;
  #number = 1;
  #missing: number;

  /** Throws `ProtocolError` `bad-packet` where `first` can't be the first of any. */
  constructor(first: SendFile) {
    const { contentSize, originalSize = 0, packetNumber = 1, totalPackets = 1 } = first;
    if (packetNumber !== 1 || totalPackets < 1) {
      throw badPacket(`the first is packet ${packetNumber} of ${totalPackets}`);
    }
    if (originalSize >= contentSize) {
      throw badPacket(`a file of ${originalSize} bytes cannot have a ciphertext of ${contentSize}`);
    }
    this.first = first;
    this.#missing = contentSize;
  }

  /** Takes the header of a further packet. Throws `ProtocolError` `bad-packet` where it does not follow. */
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

  /** The part of a packet's content that is ciphertext: some clients fill the last packet up. */
  take(content: Bytes): Bytes {
    const ciphertext = content.subarray(0, this.#missing);
    this.#missing -= ciphertext.length;
    return ciphertext;
  }

  /**
   * Ends a packet; `true` when it was the last. `end`: the packet as it was told at its end, when the file may have
   * turned out to be smaller. Throws `ProtocolError` `bad-packet` where the last leaves something missing.
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
