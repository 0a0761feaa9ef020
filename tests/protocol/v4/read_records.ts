/** Reads and writes records for tests. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import { PackWriter } from "../../../protocol/v4/pack.ts";
import type { RecordReader } from "../../../protocol/v4/record_reader.ts";

export const NOTHING: Bytes = new Uint8Array(0);
export const NO_DIGEST = new Uint8Array(32);

/** Reads all records of a reader. */
export function all<R extends RecordReader, T>(reader: R, read: (reader: R) => T): T[] {
  const records: T[] = [];
  while (reader.next()) {
    assert.equal(reader.index, records.length);
    records.push(read(reader));
  }
  return records;
}

/** A pack of files. */
export function packed(records: readonly { name: string; content: Bytes }[]): PackWriter {
  const writer = new PackWriter();
  for (const { name, content } of records) {
    writer.begin(name, content.length)?.set(content);
    writer.add({ entry: "file", mode: undefined, mtime: 0n }, content.length);
  }
  return writer;
}
