/**
 * The results of a pack or an update, one for each record (docs/protocol-4.md, "Packs").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import type { ContentSums } from "./content_sums.ts";
import { badFrame } from "./fields.ts";
import { DIGEST_SIZE } from "./merkle_tree.ts";
import { RecordReader } from "./record_reader.ts";
import { RecordWriter } from "./record_writer.ts";

/** The outcomes of a record in the order of their numbers on the wire. */
export const PACKED_STATUSES = ["stored", "mismatch", "refused"] as const;

/** The outcome of a record. */
export type PackedStatus = (typeof PACKED_STATUSES)[number];

/** The longest code of a refusal, in bytes. Every result of a message must fit into one frame. */
export const MAX_RESULT_CODE = 64;
/** The longest message of a refusal, in bytes. */
export const MAX_RESULT_MESSAGE = 900;

const STORED_SIZE = 4 + 4 + 1;
const SUMS_SIZE = 4 + DIGEST_SIZE;

/** Writes results. They always fit into one message: texts of refusals are cut. */
export class PackedWriter extends RecordWriter {
  constructor() {
    super("packed");
  }

  /** `replaced`: the version before, or 0; `byOther`: whether another key had stored that one. */
  addStored(version: number, replaced = 0, byOther = false): void {
    this.#begin("stored", STORED_SIZE);
    this.u32(version);
    this.u32(replaced);
    this.u8(Number(byOther));
    this.endRecord();
  }

  /** The sums of the content that was received. */
  addMismatch({ cksum, digest }: ContentSums): void {
    this.#begin("mismatch", SUMS_SIZE);
    this.u32(cksum);
    this.digest(digest);
    this.endRecord();
  }

  /** Adds why the record was refused. */
  addRefused(code: string, message: string): void {
    this.#begin("refused", 4 + MAX_RESULT_CODE + MAX_RESULT_MESSAGE);
    this.text(code, MAX_RESULT_CODE);
    this.text(message, MAX_RESULT_MESSAGE);
    this.endRecord();
  }

  #begin(status: PackedStatus, size: number): void {
    if (!this.beginRecord(1 + size)) throw new RangeError("cannot add a result: too many");
    this.u8(PACKED_STATUSES.indexOf(status));
  }
}

/** Reads results. Throws `ProtocolError` `bad-frame`, as every {@link RecordReader} does. */
export class PackedReader extends RecordReader {
  /** Of the current result. */
  status: PackedStatus = "stored";
  /** Why it was refused; empty if it was not. */
  code = "";
  /** Why it was refused, for people; empty if it was not. */
  message = "";
  #fields = 0;

  /** Reads the payload of one message. */
  constructor(payload: Bytes) {
    super("packed", payload);
  }

  /** Reads one record. */
  protected override read(): void {
    const number = this.view.getUint8(this.take(1));
    const status = PACKED_STATUSES[number];
    if (status === undefined) throw badFrame(`a result has the status ${number}`);
    this.status = status;
    this.code = "";
    this.message = "";
    if (status === "refused") {
      this.code = this.takeText();
      this.message = this.takeText();
    } else this.#fields = this.take(status === "stored" ? STORED_SIZE : SUMS_SIZE);
  }

  /** Of a stored record: the version that has its content. */
  get version(): number {
    return this.view.getUint32(this.#fields, true);
  }

  /** Of a stored record: the version that it replaced, or 0. */
  get replaced(): number {
    return this.view.getUint32(this.#fields + 4, true);
  }

  /** Of a stored record: whether another key had stored the replaced version. */
  get byOther(): boolean {
    return this.view.getUint8(this.#fields + 8) === 1;
  }

  /** Of a mismatch: the POSIX cksum of the received content. */
  get cksum(): number {
    return this.view.getUint32(this.#fields, true);
  }

  /** Of a mismatch: the digest of the received content. */
  get digest(): Bytes {
    return this.digestAt(this.#fields + 4);
  }
}
