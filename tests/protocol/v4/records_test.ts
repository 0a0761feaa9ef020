/** The records of messages: packs, results, updates, fetches, contents, entries. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { ENTRY_KINDS, MODE_BITS } from "../../../protocol/entry.ts";
import { MAX_NANOSECONDS, splitNanoseconds } from "../../../protocol/nanoseconds.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { sumsInPlace } from "../../../protocol/v4/content_sums.ts";
import { ContentsReader, ContentsWriter } from "../../../protocol/v4/contents.ts";
import { EntriesReader, EntriesWriter } from "../../../protocol/v4/entries.ts";
import { FetchReader, FetchWriter } from "../../../protocol/v4/fetch.ts";
import { MAX_TIME } from "../../../protocol/v4/fields.ts";
import type { FileFields } from "../../../protocol/v4/file_record.ts";
import { FrameReader } from "../../../protocol/v4/frame_reader.ts";
import { MAX_BULK, MESSAGES } from "../../../protocol/v4/messages.ts";
import { MAX_PACKED_SIZE, PackReader, PackWriter } from "../../../protocol/v4/pack.ts";
import { MAX_RESULT_MESSAGE, PackedReader, PackedWriter } from "../../../protocol/v4/packed.ts";
import { MAX_RECORDS } from "../../../protocol/v4/record_reader.ts";
import type { RecordWriter } from "../../../protocol/v4/record_writer.ts";
import { UpdateReader, UpdateWriter } from "../../../protocol/v4/update.ts";
import { pseudoRandomBytes, splitAt, utf8 } from "../../support/bytes.ts";
import { FILE } from "../../support/v4/message_fields.ts";
import { all, NO_DIGEST, NOTHING, packed } from "./read_records.ts";

const name = fc.string({ unit: "grapheme", maxLength: 100 });
const u32 = fc.nat(0xffff_ffff);
const mode = fc.option(fc.nat(MODE_BITS), { nil: undefined });
const mtime = fc.bigInt({ min: -MAX_NANOSECONDS, max: MAX_NANOSECONDS });
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes.slice());
const content = fc.uint8Array({ maxLength: 600 }).map((bytes) => bytes.slice());
const entry = fc.constantFrom(...ENTRY_KINDS);
const date = fc.integer({ min: -MAX_TIME, max: MAX_TIME });
const many = <T>(record: fc.Arbitrary<T>) => fc.array(record, { minLength: 1, maxLength: 20 });
const plain = { noNullPrototype: true } as const;

const anyFile: fc.Arbitrary<FileFields> = fc.record({
  ...{ name, version: u32, entry, mode, size: fc.maxSafeNat(), mtime },
  ...{ storedAt: date, endedAt: date, cksum: u32, digest, confirmedAt: date },
}, plain);

/** The payload of a frame that a reader of frames has received in pieces. */
function sent(writer: RecordWriter, cuts: readonly number[]): Bytes {
  const { from } = MESSAGES[writer.messageKind];
  const reader = new FrameReader(from === "server" ? "server" : "client");
  let payload: Bytes | undefined;
  for (const piece of splitAt(writer.frame(7).slice(), cuts)) {
    reader.push(piece);
    const message = reader.next();
    if (message === undefined) continue;
    assert.ok(message.kind === writer.messageKind && message.tag === 7 && "bytes" in message);
    payload = message.bytes;
  }
  assert.deepEqual(payload, writer.payload);
  return payload as Bytes;
}

Deno.test("records: a pack is read as written, however it was cut", () => {
  const record = fc.record({ name, content, entry, mode, mtime, spare: fc.nat(100) }, plain);
  fc.assert(fc.property(many(record), fc.array(fc.nat()), (records, cuts) => {
    const writer = new PackWriter();
    for (const { name, content, spare, ...attributes } of records) {
      // An entry that was begun and not added leaves nothing.
      writer.begin(`${name}.part`, spare)?.fill(0xff);
      writer.begin(name, content.length + spare)?.set(content);
      const sums = writer.add(attributes, content.length);
      assert.equal(sums.cksum, cksum(content));
    }
    assert.equal(writer.count, records.length);
    const payload = sent(writer, cuts);
    const read = all(new PackReader(payload), (reader) => {
      const digests = new ChunkDigests(reader.size);
      if (reader.size > 0) digests.add(0, reader.content);
      const { cksum, digest } = digests.sums();
      assert.deepEqual([reader.cksum, reader.digest], [cksum, digest]);
      const { ms, ns } = splitNanoseconds(reader.mtime);
      assert.deepEqual([reader.mtimeMs, reader.mtimeNs], [ms, ns]);
      const { name, entry, mode, mtime } = reader;
      return { name, content: reader.content.slice(), entry, mode, mtime };
    });
    assert.deepEqual(read, records.map(({ spare: _, ...record }) => record));
  }));
});

Deno.test("records: a changed content of a pack is found, an intact one is not touched", () => {
  fc.assert(
    fc.property(content, fc.nat(), fc.integer({ min: 1, max: 255 }), (content, at, flip) => {
      const { payload } = packed([{ name: "a", content }, { name: "b", content }]);
      const before = payload.slice();
      const reader = new PackReader(payload);
      reader.next();
      assert.equal(reader.findDifference(), undefined);
      assert.deepEqual(payload, before);
      if (content.length === 0) return;
      const view = reader.content;
      view[at % view.length] = (view[at % view.length] as number) ^ flip;
      const changed = view.slice();
      assert.deepEqual(
        reader.findDifference(),
        sumsInPlace(concatBytes(Uint8Array.of(9), changed), 1, 1 + changed.length),
      );
      reader.next();
      assert.equal(reader.findDifference(), undefined);
    }),
  );
});

Deno.test("records: the digest of an entry and each of its sums count", () => {
  for (const at of [0, 4]) {
    const { payload } = packed([{ name: "", content: utf8("content") }]);
    // Name (2), kind, mode, time and size (19), then the sums.
    payload[21 + at] = (payload[21 + at] as number) ^ 1;
    const reader = new PackReader(payload);
    reader.next();
    assert.equal(reader.findDifference()?.cksum, cksum(utf8("content")));
  }
});

Deno.test("records: results are read as written, however they were cut", () => {
  const result = fc.oneof(
    fc.record({ version: u32, replaced: u32, byOther: fc.boolean() }, plain),
    fc.record({ cksum: u32, digest }, plain),
    fc.record({ code: fc.constantFrom("over-limit", "bad-file-name"), message: name }, plain),
  );
  fc.assert(fc.property(many(result), fc.array(fc.nat()), (results, cuts) => {
    const writer = new PackedWriter();
    for (const result of results) {
      if ("code" in result) writer.addRefused(result.code, result.message);
      else if ("digest" in result) writer.addMismatch(result);
      else writer.addStored(result.version, result.replaced, result.byOther);
    }
    const read = all(new PackedReader(sent(writer, cuts)), (reader) => {
      const { code, message } = reader;
      if (reader.status === "refused") return { code, message };
      assert.deepEqual([code, message], ["", ""]);
      const { version, replaced, byOther, cksum, digest } = reader;
      return reader.status === "stored" ? { version, replaced, byOther } : { cksum, digest };
    });
    assert.deepEqual(read, results);
  }));
});

Deno.test("records: the most results, with the longest texts, fit into one message", () => {
  const writer = new PackedWriter();
  const long = `${"é".repeat(2000)}!`;
  for (let i = 0; i < MAX_RECORDS; i++) writer.addRefused("x".repeat(1000), long);
  assert.throws(() => writer.addStored(1), RangeError);
  assert.ok(writer.size <= MAX_BULK);
  const read = all(new PackedReader(writer.payload), ({ message }) => message);
  assert.equal(read.length, MAX_RECORDS);
  assert.deepEqual(new Set(read), new Set(["é".repeat(MAX_RESULT_MESSAGE / 2)]));
});

Deno.test("records: updates and fetches are read as written, however they were cut", () => {
  const record = fc.record({ name, version: u32, mode, mtime }, plain);
  fc.assert(fc.property(many(record), fc.array(fc.nat()), (records, cuts) => {
    const [update, fetch] = [new UpdateWriter(), new FetchWriter()];
    for (const { name, version, mode, mtime } of records) {
      assert.ok(update.add(name, version, { mode, mtime }) && fetch.add(name, version));
    }
    assert.deepEqual(
      all(new UpdateReader(sent(update, cuts)), (reader) => {
        const { ms, ns } = splitNanoseconds(reader.mtime);
        assert.deepEqual([reader.mtimeMs, reader.mtimeNs], [ms, ns]);
        const { name, version, mode, mtime } = reader;
        return { name, version, mode, mtime };
      }),
      records,
    );
    assert.deepEqual(
      all(new FetchReader(sent(fetch, cuts)), ({ name, version }) => ({ name, version })),
      records.map(({ name, version }) => ({ name, version })),
    );
  }));
});

Deno.test("records: contents and refusals are read as written, however they were cut", () => {
  const found = fc.tuple(anyFile, content).map(([file, content]) => ({
    ...{ file: { ...file, size: content.length }, content },
  }));
  const refusal = fc.record({ code: fc.constant("no-such-file"), message: name }, plain);
  fc.assert(fc.property(many(fc.oneof(found, refusal)), fc.array(fc.nat()), (results, cuts) => {
    const writer = new ContentsWriter();
    for (const result of results) {
      assert.ok(
        "file" in result
          ? writer.add(result.file, result.content)
          : writer.addRefused(result.code, result.message),
      );
    }
    const read = all(new ContentsReader(sent(writer, cuts)), (reader) => {
      const { code, message, file, content } = reader;
      return reader.isRefused ? { code, message } : { file, content: content.slice() };
    });
    assert.deepEqual(read, results);
  }));
});

Deno.test("records: contents are compared with the sums of their entry", () => {
  const bytes = concatBytes(Uint8Array.of(0), utf8("content"));
  const sums = sumsInPlace(bytes, 1, bytes.length);
  const writer = new ContentsWriter();
  const file = { ...FILE, name: "a", size: 7, ...sums };
  writer.add(file, utf8("content"));
  writer.add(file, utf8("Content"));
  writer.add({ ...file, cksum: 1 }, utf8("content"));
  writer.add({ ...file, digest: NO_DIGEST }, utf8("content"));
  assert.deepEqual(
    all(new ContentsReader(writer.payload), (reader) => reader.findDifference() === undefined),
    [true, false, false, false],
  );
});

Deno.test("records: entries and damaged ones are read as written, however they were cut", () => {
  const damaged = fc.record({ damaged: name, version: u32 }, plain);
  fc.assert(fc.property(many(fc.oneof(anyFile, damaged)), fc.array(fc.nat()), (entries, cuts) => {
    const writer = new EntriesWriter();
    for (const entry of entries) {
      assert.ok(
        "damaged" in entry ? writer.addDamaged(entry.damaged, entry.version) : writer.add(entry),
      );
    }
    const read = all(new EntriesReader(sent(writer, cuts)), (reader) => {
      const { name: damaged, version } = reader;
      return reader.isDamaged ? { damaged, version } : reader.file;
    });
    assert.deepEqual(read, entries);
  }));
});

Deno.test("records: a writer is full at the largest payload, and is used again", () => {
  const content = pseudoRandomBytes(MAX_PACKED_SIZE);
  const writer = new PackWriter(MAX_BULK);
  for (let round = 0; round < 2; round++) {
    let count = 0;
    for (; writer.begin(`file ${count}`, content.length) !== undefined; count++) {
      writer.begin(`file ${count}`, content.length)?.set(content);
      writer.add({ entry: "file", mode: 0o644, mtime: 0n }, content.length);
    }
    assert.equal(count, Math.floor(MAX_BULK / (content.length + 100)));
    assert.equal(all(new PackReader(writer.payload), () => 0).length, count);
    writer.reset();
    assert.deepEqual([writer.size, writer.count], [0, 0]);
  }
});

Deno.test("records: a message has at most 1,024 records, a list as many as fit", () => {
  const [fetch, entries] = [new FetchWriter(), new EntriesWriter()];
  for (let i = 0; i < MAX_RECORDS; i++) assert.ok(fetch.add("a", 1));
  assert.ok(!fetch.add("a", 1));
  assert.equal(all(new FetchReader(fetch.payload), () => 0).length, MAX_RECORDS);
  while (entries.addDamaged("a", 1));
  assert.ok(entries.count > MAX_RECORDS && entries.size > MAX_BULK - 10);
  assert.equal(all(new EntriesReader(entries.payload), () => 0).length, entries.count);
});

Deno.test("records: a record that cannot be encoded is not added", () => {
  const pack = new PackWriter();
  const attributes = { entry: "file", mode: 0o644, mtime: 0n } as const;
  assert.throws(() => pack.begin("a", MAX_PACKED_SIZE + 1), RangeError);
  assert.throws(() => pack.begin("x".repeat(0x10000), 1), RangeError);
  assert.throws(() => pack.begin("x".repeat(MAX_BULK), 1), RangeError);
  assert.throws(() => pack.add(attributes, 1), RangeError);
  pack.begin("a", 1);
  assert.throws(() => pack.add({ ...attributes, mode: MODE_BITS + 1 }, 1), RangeError);
  pack.begin("a", 1);
  assert.throws(() => pack.add(attributes, 2), RangeError);
  assert.equal(pack.count, 0);
  const contents = new ContentsWriter();
  const file = { ...FILE, name: "a", size: 2, cksum: 0, digest: NO_DIGEST };
  assert.throws(() => contents.add(file, Uint8Array.of(1)), RangeError);
  assert.throws(() => contents.add({ ...file, digest: NOTHING }, new Uint8Array(2)), RangeError);
  assert.equal(contents.count, 0);
});
