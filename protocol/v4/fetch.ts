/**
 * Requests for the contents of many small entries, in one message (docs/protocol-4.md, "Downloading").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import { RecordReader } from "./record_reader.ts";
import { RecordWriter } from "./record_writer.ts";

/** Writes a fetch. */
export class FetchWriter extends RecordWriter {
  constructor() {
    super("fetch");
  }

  /** `version`: 0 for the current one. Returns `false` if the message is full. */
  add(name: string, version: number): boolean {
    if (!this.beginRecord(4, name)) return false;
    this.text(name);
    this.u32(version);
    this.endRecord();
    return true;
  }
}

/** Reads a fetch. Throws `ProtocolError` `bad-frame`, as every {@link RecordReader} does. */
export class FetchReader extends RecordReader {
  /** Of the current record. */
  name = "";
  /** 0 for the current one. */
  version = 0;

  /** Reads the payload of one message. */
  constructor(payload: Bytes) {
    super("fetch", payload);
  }

  /** Reads one record. */
  protected override read(): void {
    this.name = this.takeText();
    this.version = this.view.getUint32(this.take(4), true);
  }
}
