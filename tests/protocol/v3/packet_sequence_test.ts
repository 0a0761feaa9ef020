import assert from "node:assert/strict";
import { concatBytes } from "../../../protocol/bytes.ts";
import { edition2024 } from "../../../protocol/v3/editions/edition_2024.ts";
import { edition2024early } from "../../../protocol/v3/editions/edition_2024early.ts";
import { maxFileSize, partsOf } from "../../../protocol/v3/file_parts.ts";
import { PacketSequence } from "../../../protocol/v3/packet_sequence.ts";
import type { Quirk } from "../../../protocol/v3/editions/quirks.ts";
import type { SendFile } from "../../../protocol/v3/messages.ts";
import { field } from "../../support/v3/raw_client.ts";

const clientId = new Uint8Array(16).fill(3);
const fileName = field("a.bin");

const packet = (packetNumber: number, changes: Partial<SendFile> = {}): SendFile => ({
  kind: "sendFile",
  clientId,
  contentSize: 48,
  fileName,
  originalSize: 40,
  packetNumber,
  totalPackets: 3,
  ...changes,
});

Deno.test("packets: in order they make a file; padding of the last one is cut off", () => {
  const sequence = new PacketSequence(packet(1));
  assert.equal(sequence.take(new Uint8Array(20)).length, 20);
  assert.equal(sequence.endPacket(), false);
  sequence.continue(packet(2));
  assert.equal(sequence.take(new Uint8Array(20)).length, 20);
  assert.equal(sequence.endPacket(), false);
  sequence.continue(packet(3));
  assert.equal(sequence.take(new Uint8Array(20)).length, 8);
  assert.equal(sequence.endPacket(), true);
});

Deno.test("packets: a sequence continues after packets that others have checked", () => {
  const sequence = new PacketSequence(packet(1), { packets: 2, bytes: 40 });
  const refused = { name: "ProtocolError", code: "bad-packet" };
  assert.throws(() => sequence.continue(packet(2)), refused);
  sequence.continue(packet(3));
  assert.equal(sequence.take(new Uint8Array(20)).length, 8);
  assert.equal(sequence.endPacket(), true);
});

Deno.test("packets: those that don't belong together are refused", () => {
  const refused = { name: "ProtocolError", code: "bad-packet" };
  const cases: [string, Partial<SendFile>][] = [
    ["a gap", { packetNumber: 3 }],
    ["a repeat", { packetNumber: 1 }],
    ["another total", { totalPackets: 4 }],
    ["another file name", { fileName: field("b.bin") }],
    ["another client", { clientId: new Uint8Array(16) }],
    ["another content size", { contentSize: 64 }],
    ["another original size", { originalSize: 41 }],
  ];
  for (const [what, changes] of cases) {
    const sequence = new PacketSequence(packet(1));
    assert.throws(() => sequence.continue(packet(2, changes)), refused, what);
  }
  const beginnings: [string, SendFile][] = [
    ["not from 1", packet(2)],
    ["from 0", packet(0)],
    ["of none", packet(1, { totalPackets: 0 })],
    ["larger than its ciphertext", packet(1, { originalSize: 48 })],
  ];
  for (const [what, first] of beginnings) {
    assert.throws(() => new PacketSequence(first), refused, what);
  }
  const beyond = new PacketSequence(packet(1, { totalPackets: 1 }));
  assert.throws(() => beyond.continue(packet(2, { totalPackets: 1 })), refused, "one too many");
  const short = new PacketSequence(packet(1, { totalPackets: 1 }));
  short.take(new Uint8Array(16));
  assert.throws(() => short.endPacket(), refused, "the last leaves something missing");
});

const profile = (...quirks: readonly Quirk[]) => ({
  edition: edition2024,
  quirks: new Set(quirks),
});

Deno.test("packets: the number fits in 16 bits for the largest file of the edition", () => {
  const strict = profile();
  const size = maxFileSize(strict);
  assert.equal(size, 2 ** 32 - 17);
  let count = 0;
  let content = 0;
  for (const part of partsOf(strict, { clientId, fileName, size })) {
    count++;
    content += part.content;
    assert.equal(part.padding, 0);
  }
  assert.equal(content, 2 ** 32 - 16);
  assert.ok(count <= 0xffff);
});

Deno.test("packets: those of fixed size are padded, and their number limits the file's size", () => {
  const cases: [Quirk, number, number][] = [["packets-1291", 1024, 1291], [
    "packets-65536",
    65_269,
    65_536,
  ]];
  for (const [quirk, content, payload] of cases) {
    const padded = profile(quirk);
    const parts = [...partsOf(padded, { clientId, fileName, size: 3 * content })];
    for (const part of parts) {
      assert.equal(part.content + part.padding, content);
      assert.equal(new DataView(part.head.buffer).getUint32(19, true), payload);
    }
    assert.equal(parts.length, 4);
    const max = maxFileSize(padded);
    assert.equal(Math.ceil((max + 1) / content) <= 0xffff, true);
  }
});

Deno.test("packets: 2024early has those of 2024", () => {
  const upload = { clientId, fileName, size: 100 };
  const body = (edition: typeof edition2024) =>
    concatBytes(
      ...[...partsOf({ edition, quirks: new Set() }, upload)].map(({ head }) => head.subarray(23)),
    );
  assert.deepEqual(body(edition2024early), body(edition2024));
});
