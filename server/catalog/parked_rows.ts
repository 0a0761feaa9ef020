/**
 * Files of protocol 3 whose packets arrive on separate connections, at any server, in a catalog that several servers use.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";

/** A file as its first packet describes it. */
export interface ParkedFile {
  readonly accountId: Bytes;
  /** The name of the file. */
  readonly name: string;
  /** The field with the name. */
  readonly fileName: Bytes;
  /** The size of the ciphertext in bytes. */
  readonly contentSize: number;
  readonly originalSize: number | undefined;
  readonly totalPackets: number | undefined;
  readonly plaintextSize: number | undefined;
}

/** A file between two packets. */
export interface FoundParked extends ParkedFile {
  readonly id: number;
  /** The number of packets that have arrived. */
  readonly packets: number;
  /** The bytes of ciphertext that have arrived. */
  readonly bytes: number;
}

/** The most files between two packets: of all accounts, and of one. */
export interface ParkedBounds {
  readonly max: number;
  readonly maxPerAccount: number;
}

/** Rows of files between two packets. Each method is one transaction. Times are those of the catalog's clock. */
export interface ParkedRows {
  /** Begins a file with its first packet. It replaces the one of its name. If there are too many, the oldest make room. */
  begin(file: ParkedFile, packet: Bytes, bounds: ParkedBounds): Promise<void>;
  /** The file of a name. */
  find(accountId: Bytes, name: string): Promise<FoundParked | undefined>;
  /** Adds the packet with a number. Returns `false` if it is not the next one, or the file is gone. */
  append(id: number, number: number, packet: Bytes): Promise<boolean>;
  /** At most `limit` packets after a number, in order. */
  packets(id: number, after: number, limit: number): Promise<Bytes[]>;
  /** Removes a file. */
  remove(id: number): Promise<void>;
  /** Removes files without a packet for `ttlMs`. */
  expire(ttlMs: number): Promise<void>;
}
