/**
 * Contents of small entries, in the order in which they were requested (docs/protocol-4.md, "Downloading").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import type { ContentSums } from "./content_sums.ts";
import { badFrame } from "./fields.ts";
import {
  FILE_FIELDS_SIZE,
  FileRecordReader,
  FileRecordWriter,
  type FileToEncode,
} from "./file_record.ts";
import { MAX_PACKED_SIZE } from "./pack.ts";
import { MAX_RESULT_CODE, MAX_RESULT_MESSAGE } from "./packed.ts";

const FOUND = 0;
const REFUSED = 2;

/** Writes contents. */
export class ContentsWriter extends FileRecordWriter {
  /** `capacity`: the size of the message to expect, in bytes. */
  constructor(capacity?: number) {
    super("contents", capacity);
  }

  /** Adds an entry with its content. Returns `false` if the message is full. */
  add(file: FileToEncode, content: Bytes): boolean {
    if (content.length !== file.size || content.length > MAX_PACKED_SIZE) {
      throw new RangeError(`cannot encode a content of ${content.length} bytes`);
    }
    if (!this.beginRecord(1 + FILE_FIELDS_SIZE + content.length, file.name)) return false;
    this.u8(FOUND);
    this.file(file);
    this.put(content);
    this.endRecord();
    return true;
  }

  /** Adds a refusal, whose texts are cut if they are long. Returns `false` if the message is full. */
  addRefused(code: string, message: string): boolean {
    if (!this.beginRecord(1 + 4 + MAX_RESULT_CODE + MAX_RESULT_MESSAGE)) return false;
    this.u8(REFUSED);
    this.text(code, MAX_RESULT_CODE);
    this.text(message, MAX_RESULT_MESSAGE);
    this.endRecord();
    return true;
  }
}

/** Reads contents. Throws `ProtocolError` `bad-frame`, as every {@link RecordReader} does. */
export class ContentsReader extends FileRecordReader {
  /** Whether the current record is a refusal. Its other fields then have no meaning. */
  isRefused = false;
  /** Why it was refused; empty if it was not. */
  code = "";
  /** Why it was refused, for people; empty if it was not. */
  message = "";
  #content = 0;

  /** Reads the payload of one message. */
  constructor(payload: Bytes) {
    super("contents", payload);
  }

  /** Reads one record. */
  protected override read(): void {
    const status = this.view.getUint8(this.take(1));
    if (status !== FOUND && status !== REFUSED) throw badFrame(`contents have status ${status}`);
    this.isRefused = status === REFUSED;
    this.code = "";
    this.message = "";
    if (this.isRefused) {
      this.code = this.takeText();
      this.message = this.takeText();
      return;
    }
    this.takeFile();
    if (this.size > MAX_PACKED_SIZE) throw badFrame(`contents have one of ${this.size} bytes`);
    this.#content = this.take(this.size);
  }

  /** The content. */
  get content(): Bytes {
    return this.bytes.subarray(this.#content, this.#content + this.size);
  }

  /** Compares the content with its sums. Returns its real sums if they differ. */
  findDifference(): ContentSums | undefined {
    return this.differenceAt(this.#content, this.size, this.sums);
  }
}
