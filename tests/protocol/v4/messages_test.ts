import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, toHex } from "../../../protocol/bytes.ts";
import { ENTRY_KINDS, LIST_SCOPES, MODE_BITS } from "../../../protocol/entry.ts";
import { MAX_NANOSECONDS } from "../../../protocol/nanoseconds.ts";
import { type FieldType, MAX_TIME } from "../../../protocol/v4/fields.ts";
import { FrameReader } from "../../../protocol/v4/frame_reader.ts";
import {
  BULK,
  chunkHeader,
  dataHeader,
  encodeMessage,
  frameHeader,
  MAX_BULK,
  MAX_PAYLOAD,
  type Message,
  type MessageKind,
  MESSAGES,
} from "../../../protocol/v4/messages.ts";
import { pseudoRandomBytes, splitAt } from "../../support/bytes.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const text = fc.string({ unit: "grapheme", maxLength: 200 });
/** Any value of each type of field. */
const ANY: Readonly<Record<FieldType, fc.Arbitrary<unknown>>> = {
  ...{ u8: fc.nat(0xff), u16: fc.nat(0xffff), u32: fc.nat(0xffff_ffff) },
  u64: fc.maxSafeNat(),
  i64: fc.integer({ min: -MAX_TIME, max: MAX_TIME }),
  "u64?": fc.option(fc.maxSafeNat(), { nil: undefined }),
  time: fc.bigInt({ min: -MAX_NANOSECONDS, max: MAX_NANOSECONDS }),
  mode: fc.option(fc.nat(MODE_BITS), { nil: undefined }),
  ...{ kind: fc.constantFrom(...ENTRY_KINDS), scope: fc.constantFrom(...LIST_SCOPES) },
  ...{ id: bytes(16), hash: bytes(32), signature: bytes(64), text },
  rest: fc.uint8Array({ maxLength: 1000 }),
};

const anyMessage = fc.oneof(
  ...(Object.keys(MESSAGES) as MessageKind[]).map((kind) =>
    fc.record({
      ...{ kind: fc.constant(kind), tag: fc.nat(0xffff_ffff) },
      ...Object.fromEntries(MESSAGES[kind].fields.map(([name, type]) => [name, ANY[type]])),
    }, { noNullPrototype: true }) as unknown as fc.Arbitrary<Message>
  ),
);

const senderOf = ({ kind }: Message) => MESSAGES[kind].from;

Deno.test("v4 messages: they are decoded as encoded, however they were cut", () => {
  fc.assert(fc.property(anyMessage, fc.array(fc.nat()), (message, cuts) => {
    const reader = new FrameReader(senderOf(message));
    const read: Message[] = [];
    for (const piece of splitAt(encodeMessage(message), cuts)) {
      reader.push(piece);
      for (let next = reader.next(); next !== undefined; next = reader.next()) read.push(next);
    }
    assert.deepEqual(read, [message]);
    assert.ok(reader.betweenFrames);
  }));
});

Deno.test("v4 messages: the bytes of a frame are those of the specification", () => {
  const put: Message = {
    kind: "put",
    tag: 258,
    name: "a/ü",
    entry: "link",
    mode: 0o4755,
    size: 2 ** 33 + 1,
    mtime: -1n,
    resume: 1,
  };
  assert.equal(
    toHex(encodeMessage(put)),
    // Type, tag, length; name; kind, mode; seconds and nanoseconds; size; resume.
    "08" + "02010000" + "1e000000" + "0400" + "612fc3bc" + "02" + "ed09" +
      "ffffffffffffffff" + "ffc99a3b" + "0100000002000000" + "01",
  );
  const data = encodeMessage({ kind: "data", tag: 7, offset: 3, bytes: Uint8Array.of(1, 2) });
  assert.deepEqual(concatBytes(dataHeader(7, 3, 2), Uint8Array.of(1, 2)), data);
  const sums = { cksum: 0xffff_fffe, digest: pseudoRandomBytes(32) };
  const about = { tag: 7, offset: 2 ** 40, ...sums };
  assert.deepEqual(
    concatBytes(chunkHeader(about, 2), Uint8Array.of(1, 2)),
    encodeMessage({ kind: "chunk", ...about, bytes: Uint8Array.of(1, 2) }),
  );
  assert.deepEqual(frameHeader("done", 258, 0), encodeMessage({ kind: "done", tag: 258 }));
});

const frame = (type: number, length: number, payload = "") =>
  Uint8Array.from([
    ...[
      type,
      0,
      0,
      0,
      0,
      length & 0xff,
      (length >> 8) & 0xff,
      (length >> 16) & 0xff,
      length >>> 24,
    ],
    ...new TextEncoder().encode(payload),
  ]);

const REFUSED: readonly [what: string, from: "client" | "server", bytes: Uint8Array][] = [
  ["an unknown type", "client", frame(0, 0)],
  ["a type that a client doesn't send", "client", frame(MESSAGES.stored.type, 36)],
  ["a type that a server doesn't send", "server", frame(MESSAGES.put.type, 30)],
  ["a payload beyond the bound", "client", frame(MESSAGES.list.type, MAX_PAYLOAD + 1)],
  ["a chunk beyond the bound", "client", frame(MESSAGES.chunk.type, MAX_BULK + 1)],
  ["the largest length", "client", frame(MESSAGES.chunk.type, 0xffff_ffff)],
  ["a payload that is cut off", "client", frame(MESSAGES.stat.type, 3, "\x05\0a")],
  ["a payload with a surplus", "client", frame(MESSAGES.stat.type, 4, "\x01\0ab")],
  ["no payload for a message with fields", "client", frame(MESSAGES.stat.type, 0)],
  ["a payload for a message without fields", "server", frame(MESSAGES.done.type, 1, "x")],
  ["a text that is not UTF-8", "client", Uint8Array.of(16, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0xff)],
];

Deno.test("v4 messages: messages of records and chunks have at most one chunk with its sums", () => {
  for (const kind of BULK) {
    const from = MESSAGES[kind].from === "server" ? "server" : "client";
    const header = frame(MESSAGES[kind].type, MAX_BULK);
    const reader = new FrameReader(from);
    reader.push(header);
    assert.equal(reader.next(), undefined);
    const longer = new FrameReader(from);
    longer.push(frame(MESSAGES[kind].type, MAX_BULK + 1));
    assert.throws(() => longer.next(), { code: "bad-frame" }, kind);
  }
});

for (const [what, from, bytes] of REFUSED) {
  Deno.test(`v4 messages: ${what} is refused`, () => {
    const reader = new FrameReader(from);
    reader.push(Uint8Array.from(bytes));
    assert.throws(() => reader.next(), { name: "ProtocolError", code: "bad-frame" });
  });
}

Deno.test("v4 messages: for any bytes the reader fails with its own error only", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, fromClient) => {
    const reader = new FrameReader(fromClient ? "client" : "server");
    reader.push(Uint8Array.from(bytes));
    try {
      while (reader.next() !== undefined);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "bad-frame");
    }
  }));
});

Deno.test("v4 messages: mutated frames are read or refused", () => {
  fc.assert(fc.property(anyMessage, fc.nat(), fc.nat(255), (message, at, value) => {
    const bytes = encodeMessage(message);
    bytes[at % bytes.length] = value;
    const reader = new FrameReader(senderOf(message));
    reader.push(bytes);
    try {
      reader.next();
    } catch (error) {
      assert.equal((error as { code?: string }).code, "bad-frame");
    }
  }));
});

Deno.test("v4 messages: a message that does not fit into a frame is not encoded", () => {
  const digest = pseudoRandomBytes(31);
  assert.throws(
    () => encodeMessage({ kind: "end", tag: 1, size: 0, cksum: 0, digest }),
    RangeError,
  );
  const name = "x".repeat(0x10000);
  assert.throws(() => encodeMessage({ kind: "stat", tag: 1, name, version: 0 }), RangeError);
  const put = { ...FILE_PUT, kind: "put", tag: 1, name: "a", size: 1, resume: 0 } as const;
  assert.throws(() => encodeMessage({ ...put, mode: MODE_BITS + 1 }), RangeError);
  assert.throws(() => encodeMessage({ ...put, mode: -1 }), RangeError);
});
