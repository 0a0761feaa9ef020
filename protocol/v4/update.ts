/**
 * Changes of modes and times of many entries, in one message (docs/protocol-4.md, "Packs").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import type { PackedAttributes } from "./pack.ts";
import { TIME_SIZE } from "./record_reader.ts";
import { RecordWriter } from "./record_writer.ts";
import { TimedRecordReader } from "./timed_record_reader.ts";

/** Writes an update. */
export class UpdateWriter extends RecordWriter {
  constructor() {
    super("update");
  }

  /** Adds a change of the version that must be the current one. Returns `false` if the message is full. */
  add(name: string, version: number, { mode, mtime }: Omit<PackedAttributes, "entry">): boolean {
    if (!this.beginRecord(4 + 2 + TIME_SIZE, name)) return false;
    this.text(name);
    this.u32(version);
    this.mode(mode);
    this.time(mtime);
    this.endRecord();
    return true;
  }
}

/** Reads an update. Throws `ProtocolError` `bad-frame`, as every {@link TimedRecordReader} does. */
export class UpdateReader extends TimedRecordReader {
  /** Of the current record. */
  name = "";
  /** Of the current record. */
  version = 0;
  /** `undefined` if it is unknown. */
  mode: number | undefined;

  /** Reads the payload of one message. */
  constructor(payload: Bytes) {
    super("update", payload);
  }

  /** Reads one record. */
  protected override read(): void {
    this.name = this.takeText();
    this.version = this.view.getUint32(this.take(4), true);
    this.mode = this.takeMode();
    this.takeMtime();
  }
}
