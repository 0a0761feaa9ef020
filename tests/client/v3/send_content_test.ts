import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { CbcDecryptor, importAesKey } from "../../../protocol/cipher/aes_cbc.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { NO_QUIRKS } from "../../../protocol/v3/editions/quirks.ts";
import { partsOf } from "../../../protocol/v3/file_parts.ts";
import type { Profile } from "../../../protocol/v3/server_session.ts";
import { ReconnectingConnection } from "../../../client/v3/reconnecting_connection.ts";
import { PIECE_SIZE, sendContent } from "../../../client/v3/send_content.ts";
import { inspectFile } from "../../../client/v3/inspect_file.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { OBSERVED_PROFILES } from "../../support/v3/observed_profiles.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const PROFILE = { edition: edition2023c, quirks: NO_QUIRKS };
const aesKey = await importAesKey(pseudoRandomBytes(32));

/** Sends a file to a receiver in memory. Returns the events and the received bytes. */
async function send(content: Bytes, crc?: number, pieceSize = 4096) {
  await using folder = await TemporaryFolder.create();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const arriving = (async () => {
    using socket = await listener.accept();
    const chunks: Bytes[] = [];
    for await (const chunk of socket.readable) chunks.push(chunk.slice());
    return concatBytes(...chunks);
  })();
  const path = await folder.write("a.bin", content);
  const { file, nameField } = await inspectFile(path, PROFILE);
  const progress: number[] = [];
  using link = new ReconnectingConnection({
    server: listener.addr as Deno.NetAddr,
    profile: PROFILE,
    timeouts: { connectMs: 5000, responseMs: 5000 },
    onConnected: () => {},
  });
  const upload = { clientId: new Uint8Array(16), fileName: nameField, size: file.size };
  const parts = [...partsOf(PROFILE, upload)];
  const checksum = await sendContent(link, parts, {
    ...{ file, aesKey, quirks: NO_QUIRKS, crc },
    buffers: [new Uint8Array(pieceSize), new Uint8Array(pieceSize)],
    onProgress: (sent) => progress.push(sent),
  });
  link.close();
  const ciphertext = (await arriving).slice(parts[0]?.head.length);
  return { checksum, progress, plaintext: await new CbcDecryptor(aesKey).whole(ciphertext) };
}

for (const size of [0, 1, 4095, 4096, 4097, 8192, 100_000]) {
  Deno.test(`a file of ${size} bytes arrives unchanged, with its checksum, and reports progress`, async () => {
    const content = pseudoRandomBytes(size);
    const { checksum, progress, plaintext } = await send(content);
    assert.deepEqual(plaintext, content);
    assert.equal(checksum, cksum(content));
    assert.equal(progress.length, Math.ceil(size / 4096));
    assert.equal(progress.at(-1) ?? 0, size);
  });
}

Deno.test("a known checksum is not computed again", async () => {
  const content = pseudoRandomBytes(10_000);
  const { checksum, plaintext } = await send(content, 42);
  assert.equal(checksum, 42);
  assert.deepEqual(plaintext, content);
});

/** The writes of a file, by message. */
async function writesOf(profile: Profile, content: Bytes, pieceSize: number): Promise<Bytes[][]> {
  await using folder = await TemporaryFolder.create();
  const { file, nameField } = await inspectFile(await folder.write("a.bin", content), profile);
  const messages: Bytes[][] = [[]];
  const link = {
    begin: () => Promise.resolve(),
    write: (bytes: Bytes) => {
      messages.at(-1)?.push(bytes.slice());
      return Promise.resolve(true);
    },
    traceSent: () => {},
    nextPart: () => {
      messages.push([]);
      return Promise.resolve(true);
    },
  };
  const upload = { clientId: new Uint8Array(16), fileName: nameField, size: file.size };
  await sendContent(link, partsOf(profile, upload), {
    ...{ file, aesKey, quirks: profile.quirks, crc: undefined },
    buffers: [new Uint8Array(pieceSize), new Uint8Array(pieceSize)],
    onProgress: () => {},
  });
  return messages;
}

const TOGETHER = 64 * 1024;

/** Sizes around the boundaries of blocks, writes, packets and pieces. */
const BOUNDARIES = [
  ...[0, 1, 15, 16, 300, 734, 7900, 7909, 7925],
  ...[TOGETHER - 17, TOGETHER - 16, TOGETHER - 1, TOGETHER, TOGETHER + 1, 2 * TOGETHER],
  ...[PIECE_SIZE - 16, PIECE_SIZE - 1, PIECE_SIZE, PIECE_SIZE + 1, PIECE_SIZE + 15],
  ...[PIECE_SIZE + 16, PIECE_SIZE + TOGETHER, 2 * PIECE_SIZE, 2 * PIECE_SIZE + 3],
];

for (const [name, profile] of Object.entries(OBSERVED_PROFILES)) {
  Deno.test(`profile ${name}: a small message is sent in one write, and a large one in writes of at least 64 KiB`, async () => {
    // Frames are for small files.
    const sizes = profile.quirks.has("frames") ? BOUNDARIES.slice(0, 9) : BOUNDARIES;
    for (const size of sizes) {
      const messages = await writesOf(profile, pseudoRandomBytes(size), PIECE_SIZE);
      const parts = [...partsOf(profile, {
        ...{ clientId: new Uint8Array(16), fileName: new Uint8Array(255), size },
      })].filter(({ head }) => head.length > 0);
      assert.equal(messages.length, parts.length, `${size} bytes in ${parts.length} messages`);
      for (const [index, writes] of messages.entries()) {
        const { head, content, padding } = parts[index] ?? assert.fail();
        // A long file is sent as a frame and the pieces after it.
        if (profile.quirks.has("pieces") && size > 720) continue;
        const sizesOf = writes.map(({ length }) => length);
        const whole = head.length + content + padding;
        assert.equal(sizesOf.reduce((sum, one) => sum + one, 0), whole);
        const what = `${size} bytes, message ${index + 1}: ${sizesOf}`;
        if (content <= 2 * TOGETHER) assert.deepEqual(sizesOf, [whole], what);
        else assert.ok(Math.min(...sizesOf) >= TOGETHER, what);
      }
    }
  });
}

Deno.test("a file that is read in small pieces is also sent in one write", async () => {
  for (const size of [300, 4096, 10_000]) {
    const [writes, ...others] = await writesOf(PROFILE, pseudoRandomBytes(size), 4096);
    assert.equal(others.length, 0);
    assert.equal(writes?.length, 1);
  }
});
