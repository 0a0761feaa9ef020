import assert from "node:assert/strict";
import {
  type Bytes,
  CbcDecryptor,
  cksum,
  concatBytes,
  edition2023c,
  importAesKey,
  NO_HABITS,
  partsOf,
} from "../../mod.ts";
import { Link } from "../../client/link.ts";
import { sendContent } from "../../client/send_content.ts";
import { SourceFile } from "../../client/source_file.ts";
import { pseudoRandomBytes } from "../helpers/bytes.ts";
import { TemporaryFolder } from "../helpers/temporary.ts";

const PROFILE = { edition: edition2023c, habits: NO_HABITS };
const aesKey = await importAesKey(pseudoRandomBytes(32));

/** Sends a file to whoever takes it, and returns what was said of it and what arrived. */
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
  const file = await SourceFile.inspect(path, PROFILE);
  const progress: number[] = [];
  using link = new Link({
    server: listener.addr as Deno.NetAddr,
    profile: PROFILE,
    timeouts: { connectMs: 5000, responseMs: 5000 },
    onConnected: () => {},
  });
  const upload = { clientId: new Uint8Array(16), fileName: file.nameField, size: file.size };
  const parts = [...partsOf(PROFILE, upload)];
  const told = await sendContent(link, parts, {
    ...{ file, aesKey, habits: NO_HABITS, crc },
    buffers: [new Uint8Array(pieceSize), new Uint8Array(pieceSize)],
    onProgress: (sent) => progress.push(sent),
  });
  link.close();
  const ciphertext = (await arriving).slice(parts[0]?.head.length);
  return { told, progress, plaintext: await new CbcDecryptor(aesKey).whole(ciphertext) };
}

for (const size of [0, 1, 4095, 4096, 4097, 8192, 100_000]) {
  Deno.test(`a file of ${size} bytes arrives as it is, with its checksum, and is reported on the way`, async () => {
    const content = pseudoRandomBytes(size);
    const { told, progress, plaintext } = await send(content);
    assert.deepEqual(plaintext, content);
    assert.equal(told, cksum(content));
    assert.equal(progress.length, Math.ceil(size / 4096));
    assert.equal(progress.at(-1) ?? 0, size);
  });
}

Deno.test("a checksum that is known already is not found again", async () => {
  const content = pseudoRandomBytes(10_000);
  const { told, plaintext } = await send(content, 42);
  assert.equal(told, 42);
  assert.deepEqual(plaintext, content);
});
