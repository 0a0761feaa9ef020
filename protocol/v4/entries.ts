/**
 * Entries of a list, or versions of one (docs/protocol-4.md, "Listing and changing").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import { badFrame } from "./fields.ts";
import {
  FILE_FIELDS_SIZE,
  FileRecordReader,
  FileRecordWriter,
  type FileToEncode,
} from "./file_record.ts";

const INTACT = 0;
const DAMAGED = 1;

/** Writes entries. Only the size of the frame limits their number. */
export class EntriesWriter extends FileRecordWriter {
  /** `capacity`: the size of the message to expect, in bytes. */
  constructor(capacity?: number) {
    super("entries", capacity, Infinity);
  }

  /** Adds an entry. Returns `false` if the message is full. */
  add(file: FileToEncode): boolean {
    if (!this.beginRecord(1 + FILE_FIELDS_SIZE, file.name)) return false;
    this.u8(INTACT);
    this.file(file);
    this.endRecord();
    return true;
  }

  /** Adds a damaged version. Returns `false` if the message is full. */
  addDamaged(name: string, version: number): boolean {
    if (!this.beginRecord(1 + 4, name)) return false;
    this.u8(DAMAGED);
    this.text(name);
    this.u32(version);
    this.endRecord();
    return true;
  }
}

/** Reads entries. Throws `ProtocolError` `bad-frame`, as every {@link RecordReader} does. */
export class EntriesReader extends FileRecordReader {
  /** Whether the current entry is damaged. Then only its name and version have a meaning. */
  isDamaged = false;

  /** Reads the payload of one message. */
  constructor(payload: Bytes) {
    super("entries", payload, Infinity);
  }

  /** Reads one record. */
  protected override read(): void {
    const status = this.view.getUint8(this.take(1));
    if (status !== INTACT && status !== DAMAGED) throw badFrame(`an entry has status ${status}`);
    this.isDamaged = status === DAMAGED;
    if (!this.isDamaged) return this.takeFile();
    this.name = this.takeText();
    this.version = this.view.getUint32(this.take(4), true);
  }
}
