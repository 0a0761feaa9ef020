/** Mutated conversations of protocol 4, as bytes and as messages, the same for the same seed. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { ContentsReader } from "../../../protocol/v4/contents.ts";
import { EntriesReader } from "../../../protocol/v4/entries.ts";
import { FetchReader } from "../../../protocol/v4/fetch.ts";
import { FileRecordReader } from "../../../protocol/v4/file_record.ts";
import { FrameReader } from "../../../protocol/v4/frame_reader.ts";
import { MAX_PACKED_SIZE, PackReader } from "../../../protocol/v4/pack.ts";
import { PackedReader, PackedWriter } from "../../../protocol/v4/packed.ts";
import type { RecordReader } from "../../../protocol/v4/record_reader.ts";
import { UpdateReader } from "../../../protocol/v4/update.ts";
import {
  encodeMessage,
  FRAME_HEADER_SIZE,
  MAX_BULK,
  type Message,
  type MessageKind,
  type MessageOf,
  MESSAGES,
} from "../../../protocol/v4/messages.ts";
import { CHUNK_SIZE, digestChunk } from "../../../protocol/v4/merkle_tree.ts";
import { ENTRY_KINDS, LIST_SCOPES, MODE_BITS } from "../../../protocol/entry.ts";
import { MAX_NANOSECONDS } from "../../../protocol/nanoseconds.ts";
import { areEqual, pseudoRandomBytes, utf8 } from "../bytes.ts";
import type { Dice } from "../v3/fuzz.ts";
import { chunkOf } from "./chunks.ts";
import { contentsOf, entriesOf, fetchOf, packOf, updateOf } from "./records.ts";
import { FILE, FILE_PUT, REMOVE, STORED } from "./message_fields.ts";

const id = pseudoRandomBytes(16, 3);
const key = pseudoRandomBytes(32, 4);
const signature = pseudoRandomBytes(64, 5);
const hash = pseudoRandomBytes(32, 6);

type PutFields = Partial<Omit<MessageOf<"put">, "kind" | "tag">>;

/** An entry in one `put`: its chunks, and its end. */
export function putOf(tag: number, name: string, content: Bytes, more: PutFields = {}): Message[] {
  const sums = new ChunkDigests(content.length);
  const chunks: Message[] = [];
  for (let offset = 0; offset < content.length; offset += CHUNK_SIZE) {
    const bytes = content.subarray(offset, offset + CHUNK_SIZE);
    sums.add(offset, bytes);
    chunks.push(chunkOf(tag, offset, bytes));
  }
  const put: Message = {
    ...FILE_PUT,
    kind: "put",
    tag,
    name,
    size: content.length,
    resume: 0,
    ...more,
  };
  return [put, ...chunks, { kind: "end", tag, ...sums.sums() }];
}

/** A client's requests after signing in. */
export function requests(): Message[] {
  return [
    ...putOf(1, "a", pseudoRandomBytes(1000)),
    ...putOf(2, "b/c", new Uint8Array(0)),
    ...putOf(3, "b/d", pseudoRandomBytes(CHUNK_SIZE + 5)),
    { kind: "get", tag: 4, name: "a", version: 0, from: 0, to: Number.MAX_SAFE_INTEGER },
    { kind: "get", tag: 5, name: "b/d", version: 1, from: CHUNK_SIZE, to: CHUNK_SIZE + 1 },
    { kind: "list", tag: 6, prefix: "b/", scope: "below" },
    { kind: "stat", tag: 7, name: "a", version: 0 },
    { kind: "versions", tag: 8, name: "a" },
    { kind: "list", tag: 14, prefix: "", scope: "level" },
    { kind: "list", tag: 15, prefix: "", scope: "removed" },
    ...putOf(16, "dir", new Uint8Array(0), { entry: "folder", mode: 0o755 }),
    ...putOf(17, "dir/link", utf8("../b"), { entry: "link", mode: 0o777 }),
    ...putOf(18, "dir/pipe", pseudoRandomBytes(CHUNK_SIZE + 7), { size: undefined }),
    updateOf(19, "a", 1, 0o600, -1n),
    packOf(24, [
      { name: "pack", content: new Uint8Array(0), entry: "folder", mode: 0o755 },
      { name: "pack/a", content: pseudoRandomBytes(3000), mode: 0o644 },
      { name: "pack/a", content: pseudoRandomBytes(70, 2) },
      { name: "pack/link", content: utf8("a"), entry: "link" },
      { name: "a/below a file", content: utf8("x") },
    ]),
    packOf(25, [{ name: "pack/b", content: pseudoRandomBytes(MAX_PACKED_SIZE) }]),
    updateOf(26, "pack/a", 2, 0o600, -1n),
    fetchOf(27, [["pack/a", 0], ["pack/a", 1], ["b/d", 0], ["none", 0], ["pack/link", 0]]),
    { kind: "recheck", tag: 28, name: "pack/b", version: 0, offset: 0 },
    { kind: "usage", tag: 20 },
    { kind: "rename", tag: 9, oldName: "a", newName: "e" },
    { ...REMOVE, tag: 10, name: "b/c" },
    { kind: "restore", tag: 21, name: "b/c", version: 0, since: 0 },
    { ...REMOVE, tag: 22, name: "dir", recursive: 1 },
    { ...REMOVE, tag: 23, name: "dir", recursive: 1, forever: 1 },
    ...BROKEN_OFF,
    { kind: "join", tag: 12, transfer: id },
    { kind: "link", tag: 13 },
  ];
}

const BROKEN_OFF: readonly Message[] = [
  { ...FILE_PUT, kind: "put", tag: 11, name: "f", size: 2 * CHUNK_SIZE, resume: 1 },
  { kind: "cancel", tag: 11 },
];
/** Messages that may come at another place. */
const STRAY: readonly Message[] = [
  ...BROKEN_OFF,
  { kind: "leave", tag: 12 },
  { kind: "unsealed", tag: 1, proof: hash },
  chunkOf(11, 0, pseudoRandomBytes(CHUNK_SIZE)),
  packOf(29, [{ name: "stray", content: pseudoRandomBytes(40) }]),
  fetchOf(30, [["stray", 0]]),
];

/** All messages of a client, the introduction first. */
export function clientConversation(): Message[] {
  return [
    { kind: "register", tag: 0, name: "Alice", key, signature, token: "" },
    { kind: "login", tag: 0, clientId: id, key, signature },
    { kind: "claim", tag: 0, clientId: id, name: "Bob", key, signature },
    { kind: "unsealed", tag: 0, proof: hash },
    ...requests(),
    ...STRAY,
  ];
}

/** All messages of a server, once each. */
export function serverConversation(): Message[] {
  const content = pseudoRandomBytes(1000);
  const sums = new ChunkDigests(content.length);
  sums.add(0, content);
  const { cksum, digest } = sums.sums();
  const file = { ...FILE, name: "a", size: content.length };
  return [
    { kind: "challenge", tag: 0, version: 0x0400, nonce: hash },
    { kind: "sealed", tag: 0, bytes: pseudoRandomBytes(128) },
    { kind: "welcome", tag: 0, clientId: id, name: "Alice", window: 32 },
    { kind: "held", tag: 1, transfer: id, offset: 0, digest: hash },
    { ...STORED, kind: "stored", tag: 1, cksum, digest },
    { kind: "mismatch", tag: 1, cksum, digest },
    { kind: "file", tag: 1, ...file, cksum, digest },
    { kind: "digests", tag: 1, bytes: digestChunk(content) },
    { kind: "data", tag: 1, offset: 0, bytes: content },
    entriesOf(1, [{ ...file, cksum, digest }, { damaged: "b", version: 3 }]),
    contentsOf(1, [{ ...file, cksum, digest, content }]),
    { kind: "packed", tag: 1, bytes: results() },
    { kind: "done", tag: 1 },
    { kind: "changed", tag: 1, entries: 2, bytes: content.length },
    {
      ...{ kind: "totals", tag: 1, entries: 1, bytes: content.length, historyBytes: 0 },
      ...{ quotaEntries: 5, quotaBytes: undefined, historyTime: 1000 },
    },
    { kind: "token", tag: 1, token: "abcdefghijklmnopqrstuvwxyz", expiresAt: 7 },
    { kind: "error", tag: 1, code: "no-such-file", message: "no such file" },
  ];
}

function results(): Bytes {
  const writer = new PackedWriter();
  writer.addStored(2, 1, true);
  writer.addMismatch({ cksum: 7, digest: hash });
  writer.addRefused("over-limit", "your quota is full");
  return writer.payload;
}

const NUMBERS = [
  ...[0, 1, 2, 31, 255, 65_535, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 ** 31, 2 ** 32 - 1],
  ...[2 ** 40, 2 ** 53 - 1],
];
const TEXTS = ["", "a", "b", "b/c", "b/c/d", "..", "/", "../x", "\0", "\x1b[2J", "é".repeat(3000)];
const MAX_OF: Readonly<Record<string, number>> = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff };
const TIMES = [0n, -1n, 999_999_999n, MAX_NANOSECONDS, -MAX_NANOSECONDS];

/** Another value of a field. `size`: the present size of bytes. */
function anyValue(dice: Dice, type: string, size: number): unknown {
  switch (type) {
    case "text":
      return dice.pick(TEXTS);
    case "kind":
      return dice.pick(ENTRY_KINDS);
    case "scope":
      return dice.pick(LIST_SCOPES);
    case "mode":
      return dice.pick([undefined, 0, 0o644, MODE_BITS]);
    case "time":
      return dice.pick(TIMES);
    case "u64?":
      return dice.pick([undefined, ...NUMBERS]);
    case "rest":
      return pseudoRandomBytes(dice.roll(dice.pick([2, 40, 3000])), dice.roll(2 ** 31));
    case "id":
    case "hash":
    case "key":
    case "signature":
      return pseudoRandomBytes(size, dice.roll(2 ** 31));
    default:
      return Math.min(dice.pick(NUMBERS), MAX_OF[type] ?? Infinity);
  }
}

/** A message with another value in a field or its tag. */
function misstated(dice: Dice, message: Message): Message {
  const fields = [["tag", "u32"], ...MESSAGES[message.kind].fields] as [string, string][];
  const [name, type] = dice.pick(fields);
  const before = (message as unknown as Record<string, unknown>)[name];
  if (type === "rest" && before instanceof Uint8Array && dice.roll(2) === 0) {
    return { ...message, [name]: damaged(dice, before.slice()) } as Message;
  }
  const size = before instanceof Uint8Array ? before.length : 0;
  return { ...message, [name]: anyValue(dice, type, size) } as Message;
}

type Mutation = (dice: Dice, messages: Message[]) => Message[];

const MUTATIONS: readonly Mutation[] = [
  (dice, messages) =>
    messages.map((message) => dice.roll(12) === 0 ? misstated(dice, message) : message),
  // Two messages swapped.
  (dice, messages) => {
    const [i, j] = [dice.roll(messages.length), dice.roll(messages.length)];
    const changed = [...messages];
    [changed[i], changed[j]] = [messages[j] as Message, messages[i] as Message];
    return changed;
  },
  // One message is removed, or repeated.
  (dice, messages) => messages.toSpliced(dice.roll(messages.length), 1),
  (dice, messages) => {
    const at = dice.roll(messages.length);
    return messages.toSpliced(at, 0, messages[at] as Message);
  },
  // All messages share few tags.
  (dice, messages) => messages.map((message) => ({ ...message, tag: 1 + dice.roll(3) })),
];

/** A conversation that violates the protocol. */
export function mutated(dice: Dice, messages: readonly Message[]): Message[] {
  let changed = [...messages];
  for (let count = 1 + dice.roll(3); count > 0 && changed.length > 0; count--) {
    changed = dice.pick(MUTATIONS)(dice, changed);
  }
  return changed;
}

/**
 * Feeds the bytes of a mutated conversation to a reader, in pieces of any size. Throws if it fails with another than
 * the typed error, holds more than a frame, or reads what would be encoded differently. Returns whether the bytes were
 * refused.
 */
export function fuzzFrames(dice: Dice): boolean {
  const from = dice.pick(["client", "server"] as const);
  const messages = mutated(dice, from === "client" ? clientConversation() : serverConversation());
  const input = damaged(dice, concatBytes(...messages.map(encodeMessage)));
  const reader = new FrameReader(from);
  let read = 0;
  try {
    for (let given = 0; given < input.length;) {
      const size = 1 + dice.roll(dice.pick([1, 9, 2000, 100_000, 2_000_000]));
      reader.push(input.subarray(given, given + size));
      given = Math.min(input.length, given + size);
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        readRecords(next);
        const bytes = encodeMessage(next);
        assertSame(bytes, input.subarray(read, read + bytes.length), next);
        read += bytes.length;
      }
      assert.ok(given - read < FRAME_HEADER_SIZE + MAX_BULK, "it holds more than a frame");
    }
    return false;
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "bad-frame") return true;
    throw error;
  }
}

const READERS: Readonly<Partial<Record<MessageKind, new (payload: Bytes) => RecordReader>>> = {
  ...{ pack: PackReader, packed: PackedReader, update: UpdateReader },
  ...{ fetch: FetchReader, contents: ContentsReader, entries: EntriesReader },
};

/** Reads the records of a message, with all of their fields. Only a broken layout may be an error. */
function readRecords(message: Message): void {
  const Reader = READERS[message.kind];
  if (Reader === undefined || !("bytes" in message) || typeof message.bytes === "number") return;
  const before = message.bytes.slice();
  try {
    for (const reader = new Reader(message.bytes); reader.next();) {
      if (reader instanceof PackReader) assert.ok(reader.content.length === reader.size);
      if (reader instanceof ContentsReader && reader.isRefused) continue;
      if (reader instanceof EntriesReader && reader.isDamaged) continue;
      if (reader instanceof FileRecordReader) assert.ok(reader.file.size >= 0);
      if (reader instanceof PackReader || reader instanceof ContentsReader) reader.findDifference();
    }
  } catch (error) {
    if (!(error instanceof ProtocolError && error.code === "bad-frame")) throw error;
  }
  assert.ok(areEqual(message.bytes, before), "reading changes nothing");
}

/** Except for numbers beyond any file or time, which are read as the largest valid one. */
function assertSame(written: Bytes, came: Bytes, message: Message): void {
  if (areEqual(written, came)) return;
  const reader = new FrameReader(MESSAGES[message.kind].from === "server" ? "server" : "client");
  reader.push(written);
  assert.deepEqual(reader.next(), message);
  const fields = MESSAGES[message.kind].fields as readonly (readonly [string, string])[];
  assert.ok(fields.some(([, type]) => ["u64", "u64?", "i64", "time"].includes(type)), message.kind);
}

/** Mutates bytes like a faulty network or a malicious peer. */
export function damaged(dice: Dice, bytes: Bytes): Bytes {
  switch (dice.roll(4)) {
    case 0:
      return bytes; // Its messages are invalid enough.
    case 1:
      return bytes.subarray(0, dice.roll(bytes.length + 1));
    case 2: {
      const [from, size] = [dice.roll(bytes.length + 1), dice.roll(64)];
      return concatBytes(bytes.subarray(0, from), bytes.subarray(from + size));
    }
  }
  for (let count = 1 + dice.roll(8); count > 0 && bytes.length > 0; count--) {
    const at = dice.roll(Math.min(bytes.length, dice.pick([200, 3000, bytes.length])));
    bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.roll(8));
  }
  return bytes;
}
