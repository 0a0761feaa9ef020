/** Payloads of records that end early, are empty, too large, or mutated. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { ContentsReader, ContentsWriter } from "../../../protocol/v4/contents.ts";
import { EntriesReader, EntriesWriter } from "../../../protocol/v4/entries.ts";
import { FetchReader, FetchWriter } from "../../../protocol/v4/fetch.ts";
import { MAX_PACKED_SIZE, PackReader } from "../../../protocol/v4/pack.ts";
import { PackedReader, PackedWriter } from "../../../protocol/v4/packed.ts";
import type { RecordReader } from "../../../protocol/v4/record_reader.ts";
import { UpdateReader, UpdateWriter } from "../../../protocol/v4/update.ts";
import { utf8 } from "../../support/bytes.ts";
import { FILE } from "../../support/v4/message_fields.ts";
import { all, NO_DIGEST, NOTHING, packed } from "./read_records.ts";

const READERS = [
  PackReader,
  PackedReader,
  UpdateReader,
  FetchReader,
  ContentsReader,
  EntriesReader,
];

/** A payload that each reader reads, with its reader. */
function valid(): readonly (readonly [payload: Bytes, reader: (typeof READERS)[number]])[] {
  const [results, update, fetch] = [new PackedWriter(), new UpdateWriter(), new FetchWriter()];
  results.addStored(1, 2, true);
  results.addMismatch({ cksum: 3, digest: NO_DIGEST });
  results.addRefused("over-limit", "ü");
  update.add("ü", 1, { mode: 0o644, mtime: -1n });
  fetch.add("ü", 1);
  fetch.add("b", 0);
  const [contents, entries] = [new ContentsWriter(), new EntriesWriter()];
  contents.add({ ...FILE, name: "ü", size: 3, cksum: 0, digest: NO_DIGEST }, utf8("abc"));
  contents.addRefused("no-such-file", "ü");
  entries.add({ ...FILE, name: "ü", size: 2 ** 40, cksum: 0, digest: NO_DIGEST });
  entries.addDamaged("b", 4);
  const pack = packed([{ name: "ü", content: utf8("abc") }, { name: "b", content: NOTHING }]);
  return [
    ...[[pack.payload, PackReader], [results.payload, PackedReader]] as const,
    ...[[update.payload, UpdateReader], [fetch.payload, FetchReader]] as const,
    ...[[contents.payload, ContentsReader], [entries.payload, EntriesReader]] as const,
  ].map(([payload, reader]) => [payload.slice(), reader] as const);
}

Deno.test("records: a payload that ends within a record is refused, wherever it ends", () => {
  for (const [payload, Reader] of valid()) {
    const whole = all(new Reader(payload), () => 0).length;
    let readable = 0;
    for (let size = 0; size < payload.length; size++) {
      try {
        all(new Reader(payload.subarray(0, size)), () => 0);
        readable++;
      } catch (error) {
        assert.equal((error as { code?: string }).code, "bad-frame");
      }
    }
    // Between two records, a payload has fewer of them.
    assert.equal(readable, whole - 1, Reader.name);
  }
});

Deno.test("records: a payload without a record is refused", () => {
  for (const Reader of READERS) {
    assert.throws(() => new Reader(NOTHING).next(), { code: "bad-frame" }, Reader.name);
  }
});

Deno.test("records: a content of more than 64 KiB is refused", () => {
  const room = new Uint8Array(MAX_PACKED_SIZE + 1);
  const { payload } = packed([{ name: "", content: NOTHING }]);
  const size = new DataView(payload.buffer, payload.byteOffset);
  for (
    const [bytes, isAccepted] of [[MAX_PACKED_SIZE, true], [MAX_PACKED_SIZE + 1, false]] as const
  ) {
    // After name (2), kind, mode and time (15).
    size.setUint32(17, bytes, true);
    const reader = new PackReader(concatBytes(payload, room.subarray(0, bytes)));
    if (isAccepted) assert.ok(reader.next());
    else assert.throws(() => reader.next(), { code: "bad-frame" });
  }
});

Deno.test("records: mutated payloads are read or refused", () => {
  const mutation = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(fc.nat(5), fc.array(mutation, { maxLength: 4 }), (which, mutations) => {
      const [payload, Reader] = valid()[which] as ReturnType<typeof valid>[number];
      for (const [at, value] of mutations) payload[at % payload.length] = value;
      try {
        all(new Reader(payload) as RecordReader, (reader) => {
          if (reader instanceof PackReader) reader.findDifference();
          if (reader instanceof ContentsReader && !reader.isRefused) reader.findDifference();
          if (reader instanceof EntriesReader && !reader.isDamaged) assert.ok(reader.file);
        });
      } catch (error) {
        assert.equal((error as { code?: string }).code, "bad-frame");
      }
    }),
    { numRuns: 1000 },
  );
});
