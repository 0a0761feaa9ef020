/**
 * The fields of messages: their types on the wire and in TypeScript (docs/protocol-4.md, "Types").
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { ByteReader, ByteWriter } from "../cursor.ts";
import type { Bytes } from "../bytes.ts";
import { ENTRY_KINDS, type EntryKind, LIST_SCOPES, type ListScope, MODE_BITS } from "../entry.ts";
import { clampNanoseconds } from "../nanoseconds.ts";

/** The types of fields, with their values in TypeScript. Numbers are little endian. */
export interface FieldTypes {
  /** Unsigned, 1 byte. */
  u8: number;
  /** Unsigned, 2 bytes. */
  u16: number;
  /** Unsigned, 4 bytes. */
  u32: number;
  /** Unsigned, 8 bytes. Numbers above 2^53 − 1 are read as 2^53 − 1, because no file is that large. */
  u64: number;
  /** A `u64`, or none: all bits are set. */
  "u64?": number | undefined;
  /** Signed, 8 bytes: milliseconds since the epoch, limited to the range of a `Date`. */
  i64: number;
  /** 12 bytes: nanoseconds since the epoch, limited to the range of a `Date`. On the wire, seconds and nanoseconds. */
  time: bigint;
  /** 1 byte. */
  kind: EntryKind;
  /** 1 byte. */
  scope: ListScope;
  /** 2 bytes: permission bits, or 0xffff if they are unknown. */
  mode: number | undefined;
  /** 16 bytes. */
  id: Bytes;
  /** 32 bytes. */
  hash: Bytes;
  /** 64 bytes. */
  signature: Bytes;
  /** UTF-8 after its length in bytes, a u16. */
  text: string;
  /** The rest of the payload. */
  rest: Bytes;
}

/** The type of a field. */
export type FieldType = keyof FieldTypes;
/** Fields of a message in order: name and type. */
export type FieldList = readonly (readonly [name: string, type: FieldType])[];

/** The time furthest from 1970 that a `Date` can hold, in milliseconds. Every database can store it. */
export const MAX_TIME = 8_640_000_000_000_000;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const SIZES: Readonly<Partial<Record<FieldType, number>>> = {
  ...{ u8: 1, u16: 2, u32: 4, u64: 8, "u64?": 8, i64: 8, time: 12, kind: 1, scope: 1, mode: 2 },
  ...{ id: 16, hash: 32, signature: 64 },
};

/** All bits of a `u64?` and of a `mode`. */
const NO_NUMBER = 0xffff_ffff_ffff_ffffn;
const NO_MODE = 0xffff;
/** Nanoseconds of a second. */
const SECOND = 1_000_000_000n;

/** The size of an encoded field in bytes. */
export function sizeOf(type: FieldType, value: unknown): number {
  const fixed = SIZES[type];
  if (fixed !== undefined) return fixed;
  const { length } = value as Bytes;
  return type === "text" ? 2 + length : length;
}

/** Reads a field. Throws `ProtocolError`, and `TypeError` for a text that is not UTF-8. */
export const READ: { readonly [T in FieldType]: (reader: ByteReader) => FieldTypes[T] } = {
  u8: (reader) => reader.u8(),
  u16: (reader) => reader.u16(),
  u32: (reader) => reader.u32(),
  u64: (reader) => toNumber(reader.u64()),
  "u64?"(reader) {
    const value = reader.u64();
    return value === NO_NUMBER ? undefined : toNumber(value);
  },
  i64(reader) {
    const value = Number(BigInt.asIntN(64, reader.u64()));
    // A time outside the range of a `Date` becomes the nearest one inside.
    return Math.max(-MAX_TIME, Math.min(value, MAX_TIME));
  },
  time(reader) {
    const seconds = BigInt.asIntN(64, reader.u64());
    const nanoseconds = reader.u32();
    if (nanoseconds >= SECOND) throw badFrame(`a time has ${nanoseconds} nanoseconds`);
    return clampNanoseconds(seconds * SECOND + BigInt(nanoseconds));
  },
  kind: (reader) => oneOf(ENTRY_KINDS, reader.u8()),
  scope: (reader) => oneOf(LIST_SCOPES, reader.u8()),
  mode(reader) {
    const mode = reader.u16();
    if (mode === NO_MODE) return undefined;
    if (mode > MODE_BITS) throw badFrame(`${mode} is no mode`);
    return mode;
  },
  id: (reader) => reader.bytes(16),
  hash: (reader) => reader.bytes(32),
  signature: (reader) => reader.bytes(64),
  text: (reader) => strict.decode(reader.bytes(reader.u16())),
  rest: (reader) => reader.rest(),
};

const fixed = (size: number) => (writer: ByteWriter, value: Bytes): void => {
  if (value.length !== size) throw new RangeError(`cannot encode ${value.length} bytes as ${size}`);
  writer.put(value);
};

/** Writes a field, a text as its bytes. Throws `RangeError` for bytes of another size. */
export const WRITE: { readonly [T in FieldType]: (writer: ByteWriter, value: never) => void } = {
  u8: (writer, value: number) => void writer.u8(value),
  u16: (writer, value: number) => void writer.u16(value),
  u32: (writer, value: number) => void writer.u32(value),
  u64: (writer, value: number) => void writer.u64(BigInt(value)),
  "u64?": (writer, value: number | undefined) =>
    void writer.u64(value === undefined ? NO_NUMBER : BigInt(value)),
  i64: (writer, value: number) => void writer.u64(BigInt.asUintN(64, BigInt(Math.trunc(value)))),
  time(writer, value: bigint) {
    const time = clampNanoseconds(value);
    const nanoseconds = ((time % SECOND) + SECOND) % SECOND;
    const seconds = (time - nanoseconds) / SECOND;
    writer.u64(BigInt.asUintN(64, seconds)).u32(Number(nanoseconds));
  },
  kind: (writer, value: EntryKind) => void writer.u8(ENTRY_KINDS.indexOf(value)),
  scope: (writer, value: ListScope) => void writer.u8(LIST_SCOPES.indexOf(value)),
  mode(writer, value: number | undefined) {
    if (value !== undefined && (value & ~MODE_BITS) !== 0) {
      throw new RangeError(`cannot encode ${value} as a mode`);
    }
    writer.u16(value ?? NO_MODE);
  },
  id: fixed(16),
  hash: fixed(32),
  signature: fixed(64),
  text: (writer, value: Bytes) => {
    if (value.length > 0xffff) {
      throw new RangeError("cannot encode a text of more than 65,535 bytes");
    }
    writer.u16(value.length).put(value);
  },
  rest: (writer, value: Bytes) => void writer.put(value),
};

function oneOf<T>(values: readonly T[], number: number): T {
  const value = values[number];
  if (value === undefined) throw badFrame(`${number} is not one of ${values.join(", ")}`);
  return value;
}

/** The end of a range may be any number. Nothing else is ever larger than 2^53 − 1. */
function toNumber(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

/** The error for bytes that are no message. */
export function badFrame(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError(
    "bad-frame",
    `cannot read a frame: ${what}`,
    cause === undefined ? {} : { cause },
  );
}
