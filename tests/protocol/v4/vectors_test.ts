/** The published vectors, computed by other tools. */
import assert from "node:assert/strict";
import { type Bytes, fromHex, toHex } from "../../../protocol/bytes.ts";
import vectors from "../../../docs/protocol-4-vectors.json" with { type: "json" };
import { sign } from "../../../protocol/v4/authentication.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { certificateName, formatFingerprint } from "../../../protocol/v4/fingerprint.ts";
import type { FieldType } from "../../../protocol/v4/fields.ts";
import { FrameReader } from "../../../protocol/v4/frame_reader.ts";
import { BUSY, decodeHelloAnswer, encodeHelloAnswer, HELLO } from "../../../protocol/hello.ts";
import { encodeMessage, type Message, MESSAGES } from "../../../protocol/v4/messages.ts";
import { type EntryKind, linkTarget } from "../../../protocol/entry.ts";
import { ContentsReader } from "../../../protocol/v4/contents.ts";
import { EntriesReader } from "../../../protocol/v4/entries.ts";
import { FetchReader } from "../../../protocol/v4/fetch.ts";
import type { FileFields } from "../../../protocol/v4/file_record.ts";
import { PackReader, PackWriter } from "../../../protocol/v4/pack.ts";
import { PackedReader } from "../../../protocol/v4/packed.ts";
import type { RecordReader } from "../../../protocol/v4/record_reader.ts";
import { UpdateReader } from "../../../protocol/v4/update.ts";
import { comparedForm, pathNameFault } from "../../../protocol/v4/path_name.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";

const bytes = (hex: string): Bytes => fromHex(hex) ?? new Uint8Array(0);

Deno.test("vectors: hello and its answer", () => {
  const { request, busy, answer, answerNextPort, port, certificate } = vectors.hello;
  assert.equal(toHex(HELLO), request);
  assert.equal(toHex(BUSY), busy);
  assert.equal(toHex(encodeHelloAnswer({ port, certificate: bytes(certificate) })), answer);
  assert.deepEqual(decodeHelloAnswer(bytes(answer)), { port, certificate: bytes(certificate) });
  const next = { port: "next", certificate: bytes(certificate) } as const;
  assert.equal(toHex(encodeHelloAnswer(next)), answerNextPort);
  assert.deepEqual(decodeHelloAnswer(bytes(answerNextPort)), next);
});

Deno.test("vectors: a fingerprint and its forms", async () => {
  const { spki, fingerprint, shown, certificateName: name } = vectors.fingerprint;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes(spki)));
  assert.equal(toHex(digest), fingerprint);
  assert.deepEqual([formatFingerprint(digest), certificateName(digest)], [shown, name]);
});

Deno.test("vectors: signatures", async () => {
  const { privateKeySeed, publicKey, name, ...rest } = vectors.authentication;
  const pkcs8 = bytes(`302e020100300506032b657004220420${privateKeySeed}`);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]);
  const claim = {
    fingerprint: bytes(rest.fingerprint),
    nonce: bytes(rest.nonce),
    key: bytes(publicKey),
  };
  const clientId = bytes(rest.clientId);
  assert.equal(toHex(await sign(privateKey, { ...claim, name })), rest.register);
  assert.equal(toHex(await sign(privateKey, { ...claim, clientId })), rest.login);
  assert.equal(toHex(await sign(privateKey, { ...claim, clientId, name })), rest.claim);
});

for (const { size, cksum, digest } of vectors.sums.files) {
  Deno.test(`vectors: the sums of a file of ${size} bytes`, () => {
    const content = Uint8Array.from({ length: size }, (_, i) => i % 251);
    const sums = new ChunkDigests(size);
    for (let at = 0; at < size; at += CHUNK_SIZE) {
      sums.add(at, content.slice(at, at + CHUNK_SIZE));
    }
    assert.deepEqual(sums.sums(), { size, cksum, digest: bytes(digest) });
  });
}

Deno.test("vectors: names that a server accepts, and names that it refuses", () => {
  for (const { name, taken } of vectors.names) {
    assert.equal(pathNameFault(name) === undefined, taken, name.slice(0, 60));
  }
});

/** A message as the vectors write it: bytes in hexadecimal, times as texts, null for an unknown number. */
function toMessage(written: { readonly kind: string }): Message {
  const types = new Map<string, FieldType>(MESSAGES[written.kind as Message["kind"]].fields);
  const entries = Object.entries(written).map(([field, value]) => {
    const type = types.get(field) ?? "";
    if (["id", "hash", "signature", "rest"].includes(type)) return [field, bytes(value)];
    if (type === "time") return [field, BigInt(value)];
    return [field, value ?? undefined];
  });
  return Object.fromEntries(entries) as Message;
}

function readFrame(frame: string, from: "client" | "server"): Message | undefined {
  const reader = new FrameReader(from);
  reader.push(bytes(frame));
  return reader.next();
}

Deno.test("vectors: every message as a frame, and decoded again", () => {
  assert.deepEqual(
    [...new Set(vectors.frames.map(({ message }) => message.kind))],
    Object.keys(MESSAGES),
    "every kind of message has a vector",
  );
  for (const { message, frame } of vectors.frames) {
    const expected = toMessage(message);
    assert.equal(toHex(encodeMessage(expected)), frame, message.kind);
    const { from } = MESSAGES[expected.kind];
    assert.deepEqual(readFrame(frame, from), expected);
  }
});

interface PackedVector {
  readonly name: string;
  readonly entry: EntryKind;
  readonly mode: number | null;
  readonly mtime: string;
  readonly content: string;
}

/** The fields of a file, as the vectors write them. */
function written({ mode, mtime, digest, ...fields }: FileFields) {
  return { ...fields, mode: mode ?? null, mtime: `${mtime}`, digest: toHex(digest) };
}

function read<R extends RecordReader>(reader: R, toRecord: (reader: R) => unknown): unknown[] {
  const records: unknown[] = [];
  while (reader.next()) records.push(toRecord(reader));
  return records;
}

const READERS = {
  ...{ pack: PackReader, packed: PackedReader, update: UpdateReader },
  ...{ fetch: FetchReader, contents: ContentsReader, entries: EntriesReader },
};

/** The records of a payload, as the vectors write them. */
const RECORDS: { readonly [K in keyof typeof READERS]: (payload: Bytes) => unknown[] } = {
  pack: (payload) =>
    read(new PackReader(payload), (reader) => ({
      ...{ name: reader.name, entry: reader.entry, mode: reader.mode ?? null },
      ...{ mtime: `${reader.mtime}`, size: reader.size, cksum: reader.cksum },
      ...{ digest: toHex(reader.digest), content: toHex(reader.content) },
    })),
  packed: (payload) =>
    read(new PackedReader(payload), (reader) => {
      const { status, version, replaced, byOther, cksum, digest, code, message } = reader;
      if (status === "stored") return { status, version, replaced, byOther };
      if (status === "refused") return { status, code, message };
      return { status, cksum, digest: toHex(digest) };
    }),
  update: (payload) =>
    read(new UpdateReader(payload), (reader) => ({
      ...{ name: reader.name, version: reader.version },
      ...{ mode: reader.mode ?? null, mtime: `${reader.mtime}` },
    })),
  fetch: (payload) => read(new FetchReader(payload), ({ name, version }) => ({ name, version })),
  contents: (payload) =>
    read(
      new ContentsReader(payload),
      (reader) =>
        reader.isRefused
          ? { status: "refused", code: reader.code, message: reader.message }
          : { status: "found", file: written(reader.file), content: toHex(reader.content) },
    ),
  entries: (payload) =>
    read(
      new EntriesReader(payload),
      (reader) =>
        reader.isDamaged
          ? { status: "damaged", name: reader.name, version: reader.version }
          : { status: "intact", file: written(reader.file) },
    ),
};

for (const { kind, records, payload } of vectors.records) {
  Deno.test(`vectors: the records of ${kind}`, () => {
    assert.deepEqual(RECORDS[kind as keyof typeof RECORDS](bytes(payload)), records);
  });
}

Deno.test("vectors: the records of a pack, written", () => {
  const { records, payload } = vectors.records.find(({ kind }) => kind === "pack") as {
    readonly records: readonly PackedVector[];
    readonly payload: string;
  };
  const pack = new PackWriter();
  for (const { name, entry, mode, mtime, content } of records) {
    pack.begin(name, content.length / 2)?.set(bytes(content));
    const attributes = { entry, mode: mode ?? undefined, mtime: BigInt(mtime) };
    pack.add(attributes, content.length / 2);
  }
  assert.equal(toHex(pack.payload), payload);
});

for (const { kind, why, payload } of vectors.refusedRecords) {
  Deno.test(`vectors: ${kind} with ${why} is refused`, () => {
    const Reader = READERS[kind as keyof typeof READERS];
    const readAll = () => read<RecordReader>(new Reader(bytes(payload)), () => undefined);
    assert.throws(readAll, { code: "bad-frame" });
  });
}

for (const { about, mtime, frame } of vectors.clamped) {
  Deno.test(`vectors: ${about} is clamped`, () => {
    const message = readFrame(frame, "client");
    assert.equal(message?.kind === "put" && message.mtime, BigInt(mtime));
  });
}

for (const { why, from, frame } of vectors.refused) {
  Deno.test(`vectors: a frame of a ${from} with ${why} is refused`, () => {
    assert.throws(() => readFrame(frame, from as "client" | "server"), { code: "bad-frame" });
  });
}

Deno.test("vectors: names with the same form", () => {
  for (const { names } of vectors.forms) {
    assert.equal(new Set(names).size, names.length);
    assert.equal(new Set(names.map(comparedForm)).size, 1);
  }
});

Deno.test("vectors: targets of links that a server accepts, and those that it refuses", () => {
  for (const { content, taken } of vectors.links) {
    assert.equal(linkTarget(bytes(content)) !== undefined, taken, content.slice(0, 20));
  }
});
