/**
 * Changes of modes and times of many entries, in one message (docs/protocol-4.md, "Packs").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import { joinNanoseconds } from "../nanoseconds.ts";
import type { PackedAttributes } from "./pack.ts";
import { RecordReader, TIME_SIZE } from "./record_reader.ts";
import { RecordWriter } from "./record_writer.ts";

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

/** Reads an update. Throws `ProtocolError` `bad-frame`, as every {@link RecordReader} does. */
export class UpdateReader extends RecordReader {
  /** Of the current record. */
  name = "";
  /** Of the current record. */
  version = 0;
  /** `undefined` if it is unknown. */
  mode: number | undefined;
  #time = 0;

  /** Reads the payload of one message. */
  constructor(payload: Bytes) {
    super("update", payload);
  }

  /** Reads one record. */
  protected override read(): void {
    this.name = this.takeText();
    this.version = this.view.getUint32(this.take(4), true);
    this.mode = this.takeMode();
    this.#time = this.takeTime();
  }

  /** Whole milliseconds since 1970, limited to the range of a `Date`. */
  get mtimeMs(): number {
    return this.msAt(this.#time);
  }

  /** The nanoseconds beyond {@link mtimeMs}, 0 to 999,999. */
  get mtimeNs(): number {
    return this.nsAt(this.#time);
  }

  /** Nanoseconds since 1970. */
  get mtime(): bigint {
    return joinNanoseconds(this.mtimeMs, this.mtimeNs);
  }
}
