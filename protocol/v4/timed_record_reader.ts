/**
 * Records with a modification time.
 *
 * @module
 */
import { joinNanoseconds } from "../nanoseconds.ts";
import { RecordReader } from "./record_reader.ts";

/**
 * Reads records that contain a modification time. Throws `ProtocolError` `bad-frame`, as every {@link RecordReader}
 * does.
 */
export abstract class TimedRecordReader extends RecordReader {
  #time = 0;

  /** Takes the time. */
  protected takeMtime(): void {
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
