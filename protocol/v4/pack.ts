/**
 * Packs: many small entries to store, in one message (docs/protocol-4.md, "Packs").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import type { EntryKind } from "../entry.ts";
import { type ContentSums, sumsInPlace } from "./content_sums.ts";
import { badFrame } from "./fields.ts";
import { DIGEST_SIZE } from "./merkle_tree.ts";
import { RecordWriter } from "./record_writer.ts";
import { TimedRecordReader } from "./timed_record_reader.ts";

/** The largest content in a pack or in `contents`, in bytes. Larger files have messages of their own. */
export const MAX_PACKED_SIZE = 256 * 1024;

/** The size of a record without name and content: kind, mode, mtime, size, cksum, digest. */
const FIXED_SIZE = 1 + 2 + 12 + 4 + 4 + DIGEST_SIZE;

/** The properties of an entry in a pack, besides its name and content. */
export interface PackedAttributes {
  /** The kind of the entry. */
  readonly entry: EntryKind;
  /** Permission bits; `undefined` if they are unknown. */
  readonly mode: number | undefined;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
}

/**
 * Writes a pack. Contents are read straight into its buffer.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { PackReader, PackWriter } from "@xfer/xfer/protocol/v4";
 *
 * const writer = new PackWriter();
 * const content = new TextEncoder().encode("Hello.");
 * writer.begin("notes/a.txt", content.length)?.set(content);
 * writer.add({ entry: "file", mode: 0o644, mtime: 0n }, content.length);
 * const reader = new PackReader(writer.payload);
 * assert(reader.next() && reader.name === "notes/a.txt" && reader.size === 6);
 * assert(reader.findDifference() === undefined);
 * assert(!reader.next());
 * ```
 */
export class PackWriter extends RecordWriter {
  #content = 0;
  /** The room for the content of the entry that was begun; −1 if none was. */
  #room = -1;

  /** `capacity`: the size of the pack to expect, in bytes. */
  constructor(capacity?: number) {
    super("pack", capacity);
  }

  /**
   * Begins an entry. Returns room for its content of at most `maxSize` bytes, which is complete with {@link add};
   * `undefined` if the pack is full. Dropped if another begins first. Throws `RangeError` for more than
   * {@link MAX_PACKED_SIZE}, and for a name of more than 65,535 bytes.
   */
  begin(name: string, maxSize: number): Bytes | undefined {
    this.#room = -1;
    if (maxSize > MAX_PACKED_SIZE) throw new RangeError(`cannot pack ${maxSize} bytes`);
    if (!this.beginRecord(FIXED_SIZE + maxSize, name)) return undefined;
    this.text(name);
    this.#content = this.skip(0) + FIXED_SIZE;
    this.#room = maxSize;
    return this.bytes.subarray(this.#content, this.#content + maxSize);
  }

  /**
   * Adds the entry that was begun, with the first `size` bytes of its room. Returns the sums of the content; the digest
   * is a view of the record.
   */
  add({ entry, mode, mtime }: PackedAttributes, size: number): ContentSums {
    if (size > this.#room) throw new RangeError("cannot add an entry that was not begun");
    this.#room = -1;
    const [bytes, content] = [this.bytes, this.#content];
    const digest = bytes.subarray(content - DIGEST_SIZE, content);
    const sums = sumsInPlace(bytes, content, content + size, digest);
    this.kind(entry);
    this.mode(mode);
    this.time(mtime);
    this.u32(size);
    this.u32(sums.cksum);
    this.skip(DIGEST_SIZE + size);
    this.endRecord();
    return sums;
  }
}

/** Reads a pack. Throws `ProtocolError` `bad-frame`, as every {@link TimedRecordReader} does. */
export class PackReader extends TimedRecordReader {
  /** Of the current record. */
  name = "";
  /** The kind of the entry. */
  entry: EntryKind = "file";
  /** `undefined` if it is unknown. */
  mode: number | undefined;
  /** Of the content, in bytes. */
  size = 0;
  #sums = 0;
  #content = 0;

  /** Reads the payload of one message. */
  constructor(payload: Bytes) {
    super("pack", payload);
  }

  /** Reads one record. */
  protected override read(): void {
    this.name = this.takeText();
    this.entry = this.takeKind();
    this.mode = this.takeMode();
    this.takeMtime();
    this.size = this.view.getUint32(this.take(4), true);
    if (this.size > MAX_PACKED_SIZE) throw badFrame(`a pack has a content of ${this.size} bytes`);
    this.#sums = this.take(4 + DIGEST_SIZE);
    this.#content = this.take(this.size);
  }

  /** POSIX cksum of the content, as the client states it. */
  get cksum(): number {
    return this.view.getUint32(this.#sums, true);
  }

  /** The digest of the content, as the client states it. */
  get digest(): Bytes {
    return this.digestAt(this.#sums + 4);
  }

  /** The content. */
  get content(): Bytes {
    return this.bytes.subarray(this.#content, this.#content + this.size);
  }

  /** Compares the content with its sums. Returns its real sums if they differ. */
  findDifference(): ContentSums | undefined {
    return this.differenceAt(this.#content, this.size, this.#sums);
  }
}
