/**
 * The fields of `file` as a record, in `entries` and `contents`.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../bytes.ts";
import type { EntryKind } from "../entry.ts";
import { MAX_TIME } from "./fields.ts";
import { DIGEST_SIZE } from "./merkle_tree.ts";
import type { MessageOf } from "./messages.ts";
import { TIME_SIZE } from "./record_reader.ts";
import { RecordWriter, type SplitTime } from "./record_writer.ts";
import { TimedRecordReader } from "./timed_record_reader.ts";

/** The fields of `file`. */
export type FileFields = Omit<MessageOf<"file">, "kind" | "tag">;

/** The same to encode. A split time saves arithmetic with large numbers. */
export type FileToEncode = Omit<FileFields, "mtime"> & { readonly mtime: bigint | SplitTime };

/** The size of the fields besides the name. */
export const FILE_FIELDS_SIZE: number = 4 + 1 + 2 + 8 + TIME_SIZE + 8 + 8 + 4 + DIGEST_SIZE + 8;

/** Writes records that begin with a status and contain the fields of a file. */
export abstract class FileRecordWriter extends RecordWriter {
  /** Writes the fields. */
  protected file(fields: FileToEncode): void {
    this.text(fields.name);
    this.u32(fields.version);
    this.kind(fields.entry);
    this.mode(fields.mode);
    this.u64(fields.size);
    this.time(fields.mtime);
    this.u64(Math.trunc(fields.storedAt));
    this.u64(Math.trunc(fields.endedAt));
    this.u32(fields.cksum);
    this.digest(fields.digest);
    this.u64(Math.trunc(fields.confirmedAt));
  }
}

/** Reads records that contain the fields of a file. */
export abstract class FileRecordReader extends TimedRecordReader {
  /** Of the current record. */
  name = "";
  /** Of the current record. */
  version = 0;
  /** The kind of the entry. */
  entry: EntryKind = "file";
  /** `undefined` if it is unknown. */
  mode: number | undefined;
  #size = 0;
  #times = 0;
  #sums = 0;
  #confirmed = 0;

  /** Takes the fields. */
  protected takeFile(): void {
    this.name = this.takeText();
    this.version = this.view.getUint32(this.take(4), true);
    this.entry = this.takeKind();
    this.mode = this.takeMode();
    this.#size = this.take(8);
    this.takeMtime();
    this.#times = this.take(16);
    this.#sums = this.take(4 + DIGEST_SIZE);
    this.#confirmed = this.take(8);
  }

  /** In bytes. */
  get size(): number {
    return this.unsignedAt(this.#size);
  }

  /** Milliseconds since 1970. */
  get storedAt(): number {
    return this.#dateAt(this.#times);
  }

  /** Milliseconds since 1970; 0 for the current version. */
  get endedAt(): number {
    return this.#dateAt(this.#times + 8);
  }

  /** POSIX cksum. */
  get cksum(): number {
    return this.view.getUint32(this.#sums, true);
  }

  /** Where the checksum and the digest are. */
  protected get sums(): number {
    return this.#sums;
  }

  /** A view of 32 bytes. */
  get digest(): Bytes {
    return this.digestAt(this.#sums + 4);
  }

  /** Milliseconds since 1970; 0 if the server has not confirmed it yet. */
  get confirmedAt(): number {
    return this.#dateAt(this.#confirmed);
  }

  /** The fields in an object of their own, which can be kept. */
  get file(): FileFields {
    return this.#fieldsWith(this.digest.slice());
  }

  /** The same, for a payload that does not change while they are kept: the digest is a view of it. */
  get fileInPlace(): FileFields {
    return this.#fieldsWith(this.digest);
  }

  /** Whether these are the fields. */
  isFile(file: FileFields): boolean {
    return this.name === file.name && this.version === file.version && this.entry === file.entry &&
      this.mode === file.mode && this.size === file.size && this.mtime === file.mtime &&
      this.storedAt === file.storedAt && this.endedAt === file.endedAt &&
      this.cksum === file.cksum && this.confirmedAt === file.confirmedAt &&
      equalBytes(this.digest, file.digest);
  }

  #fieldsWith(digest: Bytes): FileFields {
    const { name, version, entry, mode, size, mtime, storedAt, endedAt, cksum, confirmedAt } = this;
    return {
      ...{ name, version, entry, mode, size, mtime, storedAt, endedAt, cksum },
      ...{ digest, confirmedAt },
    };
  }

  #dateAt(begin: number): number {
    return Math.max(-MAX_TIME, Math.min(this.signedAt(begin), MAX_TIME));
  }
}
