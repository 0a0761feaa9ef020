/**
 * The messages of protocol 4 as values, encoded and decoded by one table (docs/protocol-4.md, "Frames").
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { ByteReader, ByteWriter } from "../cursor.ts";
import type { Bytes } from "../bytes.ts";
import { CHUNK_SIZE, DIGEST_SIZE } from "./merkle_tree.ts";
import { badFrame, type FieldList, type FieldTypes, READ, sizeOf, WRITE } from "./fields.ts";

const utf8 = new TextEncoder();

/** The number of bytes of a payload before its chunk: of `data` an offset, of `chunk` the sums too. */
const OFFSET_SIZE = 8;
const CHUNK_HEADER_SIZE: number = OFFSET_SIZE + 4 + DIGEST_SIZE;
/** The largest payload of a message of {@link BULK}, in bytes: one chunk with its offset and sums. */
export const MAX_BULK: number = CHUNK_SIZE + CHUNK_HEADER_SIZE;
/** The largest payload of any other frame, in bytes. */
export const MAX_PAYLOAD = 64 * 1024;

const FILE = [
  ["name", "text"],
  ["version", "u32"],
  ["entry", "kind"],
  ["mode", "mode"],
  ["size", "u64"],
  ["mtime", "time"],
  ["storedAt", "i64"],
  ["endedAt", "i64"],
  ["cksum", "u32"],
  ["digest", "hash"],
  ["confirmedAt", "i64"],
] as const;

const SUMS = [["cksum", "u32"], ["digest", "hash"]] as const;
/** Records, which readers and writers of their own handle in place. */
const RECORDS = [["bytes", "rest"]] as const;

const C = "client";
const S = "server";

/** Every message by kind: its type on the wire, its sender, its fields in order. */
export const MESSAGES = {
  challenge: { type: 1, from: S, fields: [["version", "u16"], ["nonce", "hash"]] },
  register: {
    ...{ type: 2, from: C },
    fields: [["name", "text"], ["key", "hash"], ["signature", "signature"], ["token", "text"]],
  },
  login: {
    ...{ type: 3, from: C },
    fields: [["clientId", "id"], ["key", "hash"], ["signature", "signature"]],
  },
  claim: {
    ...{ type: 4, from: C },
    fields: [["clientId", "id"], ["name", "text"], ["key", "hash"], ["signature", "signature"]],
  },
  sealed: { type: 5, from: S, fields: [["bytes", "rest"]] },
  unsealed: { type: 6, from: C, fields: [["proof", "hash"]] },
  welcome: {
    ...{ type: 7, from: S },
    fields: [["clientId", "id"], ["name", "text"], ["window", "u16"]],
  },
  put: {
    ...{ type: 8, from: C },
    fields: [
      ["name", "text"],
      ["entry", "kind"],
      ["mode", "mode"],
      ["mtime", "time"],
      ["size", "u64?"],
      ["resume", "u8"],
    ],
  },
  held: {
    ...{ type: 9, from: S },
    fields: [["transfer", "id"], ["offset", "u64"], ["digest", "hash"]],
  },
  join: { type: 10, from: C, fields: [["transfer", "id"]] },
  data: { type: 11, from: S, fields: [["offset", "u64"], ["bytes", "rest"]] },
  leave: { type: 12, from: C, fields: [] },
  end: { type: 13, from: C, fields: [["size", "u64"], ...SUMS] },
  stored: {
    ...{ type: 14, from: S },
    fields: [...SUMS, ["version", "u32"], ["replaced", "u32"], ["byOther", "u8"]],
  },
  mismatch: { type: 15, from: S, fields: SUMS },
  cancel: { type: 16, from: C, fields: [] },
  get: {
    ...{ type: 17, from: C },
    fields: [["name", "text"], ["version", "u32"], ["from", "u64"], ["to", "u64"]],
  },
  file: { type: 18, from: S, fields: FILE },
  digests: { type: 19, from: S, fields: [["bytes", "rest"]] },
  done: { type: 20, from: S, fields: [] },
  list: { type: 21, from: C, fields: [["prefix", "text"], ["scope", "scope"]] },
  stat: { type: 22, from: C, fields: [["name", "text"], ["version", "u32"]] },
  versions: { type: 23, from: C, fields: [["name", "text"]] },
  remove: {
    ...{ type: 24, from: C },
    fields: [["name", "text"], ["recursive", "u8"], ["forever", "u8"]],
  },
  rename: { type: 25, from: C, fields: [["oldName", "text"], ["newName", "text"]] },
  link: { type: 26, from: C, fields: [] },
  token: { type: 27, from: S, fields: [["token", "text"], ["expiresAt", "i64"]] },
  error: { type: 28, from: S, fields: [["code", "text"], ["message", "text"]] },
  host: { type: 29, from: C, fields: [["name", "text"]] },
  update: { type: 31, from: C, fields: RECORDS },
  changed: { type: 32, from: S, fields: [["entries", "u64"], ["bytes", "u64"]] },
  restore: {
    ...{ type: 33, from: C },
    fields: [["name", "text"], ["version", "u32"], ["since", "i64"]],
  },
  usage: { type: 34, from: C, fields: [] },
  totals: {
    ...{ type: 35, from: S },
    fields: [
      ["entries", "u64"],
      ["bytes", "u64"],
      ["historyBytes", "u64"],
      ["quotaEntries", "u64?"],
      ["quotaBytes", "u64?"],
      ["historyTime", "i64"],
    ],
  },
  pack: { type: 36, from: C, fields: RECORDS },
  packed: { type: 37, from: S, fields: RECORDS },
  fetch: { type: 38, from: C, fields: RECORDS },
  contents: { type: 39, from: S, fields: RECORDS },
  chunk: { type: 40, from: C, fields: [["offset", "u64"], ...SUMS, ["bytes", "rest"]] },
  entries: { type: 41, from: S, fields: RECORDS },
  recheck: {
    ...{ type: 42, from: C },
    fields: [["name", "text"], ["version", "u32"], ["offset", "u64"]],
  },
} as const satisfies Record<
  string,
  { type: number; from: "client" | "server"; fields: FieldList }
>;

/** The name of a message. */
export type MessageKind = keyof typeof MESSAGES;

/** The messages whose payload can have {@link MAX_BULK} bytes. Their last field is `bytes`. */
export const BULK = [
  ...[
    "data",
    "digests",
    "pack",
    "packed",
    "update",
    "fetch",
    "contents",
    "chunk",
    "entries",
  ] as const,
] as const satisfies readonly MessageKind[];

/** A message whose payload can be large. */
export type BulkKind = (typeof BULK)[number];

const BULK_KINDS: ReadonlySet<MessageKind> = new Set(BULK);

/** The values of a list of fields, by name. */
export type FieldValues<L extends FieldList> = {
  readonly [F in L[number] as F[0]]: FieldTypes[F[1]];
};

/** A message: its kind, its tag, which groups a request with its answers, and its fields by name. */
export type Message = {
  [K in MessageKind]:
    & { readonly kind: K; readonly tag: number }
    & FieldValues<(typeof MESSAGES)[K]["fields"]>;
}[MessageKind];

/** A message of one kind. */
export type MessageOf<K extends MessageKind> = Extract<Message, { readonly kind: K }>;

/** The size of a frame's header in bytes: type (1), tag (4), length of the payload (4). */
export const FRAME_HEADER_SIZE = 9;

const KINDS: ReadonlyMap<number, MessageKind> = new Map(
  (Object.keys(MESSAGES) as MessageKind[]).map((kind) => [MESSAGES[kind].type, kind]),
);

/** The header of a frame. */
export interface FrameHeader {
  /** The kind of the message. */
  readonly kind: MessageKind;
  /** Groups a request with its answers. */
  readonly tag: number;
  /** The size of the payload in bytes. */
  readonly length: number;
}

/**
 * Decodes the header of a frame that `from` has sent. Throws `ProtocolError` `bad-frame` for an unknown type, a type
 * that only the other end sends, and a payload that is too long.
 */
export function decodeFrameHeader(bytes: Bytes, from: "client" | "server"): FrameHeader {
  const reader = new ByteReader(bytes);
  const type = reader.u8();
  const tag = reader.u32();
  const length = reader.u32();
  const kind = KINDS.get(type);
  if (kind === undefined) throw badFrame(`type ${type} is unknown`);
  if (MESSAGES[kind].from !== from) throw badFrame(`a ${from} must not send ${kind}`);
  const max = BULK_KINDS.has(kind) ? MAX_BULK : MAX_PAYLOAD;
  if (length > max) throw badFrame(`${kind} has ${length} bytes, at most ${max} are allowed`);
  return { kind, tag, length };
}

/**
 * Decodes a message from its header and payload. Throws `ProtocolError` `bad-frame` if the payload does not fit the
 * kind.
 */
export function decodeMessage({ kind, tag }: FrameHeader, payload: Bytes): Message {
  const reader = new ByteReader(payload);
  const message: Record<string, unknown> = { kind, tag };
  try {
    for (const [name, type] of MESSAGES[kind].fields as FieldList) {
      message[name] = READ[type](reader);
    }
  } catch (cause) {
    if (cause instanceof ProtocolError && cause.code === "bad-frame") throw cause;
    throw badFrame(`${kind} is truncated, or one of its texts is not UTF-8`, cause);
  }
  if (reader.remaining > 0) throw badFrame(`${kind} has ${reader.remaining} bytes too many`);
  return message as Message;
}

/** Encodes a message as a frame. Throws `RangeError` for a field of a wrong size. */
export function encodeMessage(message: Message): Bytes {
  const layout: FieldList = MESSAGES[message.kind].fields;
  const values = layout.map(([name, type]) => {
    const value = (message as unknown as Record<string, unknown>)[name];
    return [type, type === "text" ? utf8.encode(value as string) : value] as const;
  });
  const length = values.reduce((size, [type, value]) => size + sizeOf(type, value), 0);
  const writer = new ByteWriter(FRAME_HEADER_SIZE + length)
    .u8(MESSAGES[message.kind].type).u32(message.tag).u32(length);
  for (const [type, value] of values) WRITE[type](writer, value as never);
  return writer.bytes;
}

/** Encodes the header of a frame with `length` bytes of payload. */
export function frameHeader(kind: MessageKind, tag: number, length: number): Bytes {
  return new ByteWriter(FRAME_HEADER_SIZE).u8(MESSAGES[kind].type).u32(tag).u32(length).bytes;
}

/** Encodes the beginning of a `chunk` frame, before its chunk of `length` bytes. */
export function chunkHeader(
  { tag, offset, cksum, digest }: Omit<MessageOf<"chunk">, "kind" | "bytes">,
  length: number,
): Bytes {
  return new ByteWriter(FRAME_HEADER_SIZE + CHUNK_HEADER_SIZE)
    .u8(MESSAGES.chunk.type).u32(tag).u32(CHUNK_HEADER_SIZE + length)
    .u64(BigInt(offset)).u32(cksum).put(digest).bytes;
}

/** Encodes the beginning of a `data` frame, before its chunk of `length` bytes. */
export function dataHeader(tag: number, offset: number, length: number): Bytes {
  return new ByteWriter(FRAME_HEADER_SIZE + OFFSET_SIZE)
    .u8(MESSAGES.data.type).u32(tag).u32(OFFSET_SIZE + length).u64(BigInt(offset)).bytes;
}
