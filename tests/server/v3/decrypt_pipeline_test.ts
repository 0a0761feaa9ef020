/** The stages of an upload over protocol 3: their order, their bound, and their failures. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { CbcDecryptor, importAesKey } from "../../../protocol/cipher/aes_cbc.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { PiecesDecryptor } from "../../../protocol/v3/pieces_cipher.ts";
import { DecryptPipeline } from "../../../server/v3/decrypt_pipeline.ts";
import type { StagedUpload } from "../../../server/uploads/staging_area.ts";
import { pseudoRandomBytes, splitAt } from "../../support/bytes.ts";
import { encrypt } from "../../support/v3/raw_client.ts";

const MIB = 1024 * 1024;
const key = await importAesKey(pseudoRandomBytes(32));

/** An upload in memory. `before` runs before each write. */
function memoryUpload(before: (written: number) => Promise<void> = () => Promise.resolve()) {
  const written: Bytes[] = [];
  let end = 0;
  const staged: Pick<StagedUpload, "write"> = {
    write: async (offset, bytes) => {
      await before(written.length);
      assert.equal(offset, end);
      end += bytes.length;
      written.push(bytes.slice());
    },
  };
  return { staged, written };
}

Deno.test("decrypt pipeline: files of any size, in any pieces, next to any number of others, arrive whole", async () => {
  const plaintext = pseudoRandomBytes(3 * MIB);
  const size = fc.oneof(fc.nat(100), fc.nat(3 * MIB));
  const count = fc.constantFrom(1, 2, 64, 1000);
  await fc.assert(
    fc.asyncProperty(size, count, fc.array(fc.nat()), async (size, count, cuts) => {
      const sent = plaintext.slice(0, size);
      const ciphertext = await encrypt(sent, key);
      const { staged, written } = memoryUpload();
      const decryptor = new CbcDecryptor(key);
      const pipeline = new DecryptPipeline({
        decryptor,
        staged,
        size: ciphertext.length,
        count: () => count,
      });
      for (const piece of splitAt(ciphertext, cuts)) await pipeline.write(piece);
      await pipeline.end();
      assert.deepEqual(concatBytes(...written), sent);
      assert.equal(pipeline.checksum.size, size);
      assert.equal(pipeline.checksum.digest(), cksum(sent));
    }),
    { numRuns: 30 },
  );
});

Deno.test("decrypt pipeline: a file that others join continues in smaller pieces", async () => {
  const plaintext = pseudoRandomBytes(5 * MIB);
  const ciphertext = await encrypt(plaintext, key);
  const { staged, written } = memoryUpload();
  let count = 1;
  const decryptor = new CbcDecryptor(key);
  const pipeline = new DecryptPipeline({
    decryptor,
    staged,
    size: ciphertext.length,
    count: () => count,
  });
  for (let at = 0; at < ciphertext.length; at += MIB) {
    await pipeline.write(ciphertext.slice(at, at + MIB));
    count *= 10;
  }
  await pipeline.end();
  assert.deepEqual(concatBytes(...written), plaintext);
  assert.ok((written[0]?.length ?? 0) > MIB / 2);
  assert.ok(written.slice(-10).every(({ length }) => length <= 65_536));
});

Deno.test("decrypt pipeline: if the disk stalls, input stops after a few pieces", async () => {
  const going = Promise.withResolvers<void>();
  const ciphertext = await encrypt(pseudoRandomBytes(16 * MIB), key);
  const { staged, written } = memoryUpload(() => going.promise);
  const decryptor = new CbcDecryptor(key);
  const pipeline = new DecryptPipeline({
    decryptor,
    staged,
    size: ciphertext.length,
    count: () => 1,
  });
  let taken = 0;
  const sending = (async () => {
    for (let at = 0; at < ciphertext.length; at += MIB) {
      await pipeline.write(ciphertext.slice(at, at + MIB));
      taken++;
    }
    await pipeline.end();
  })();
  // Everything that does not wait for the disk is done after a few turns of WebCrypto.
  for (let i = 0; i < 20; i++) await crypto.subtle.digest("SHA-256", new Uint8Array(MIB));
  assert.ok(taken > 0 && taken < 4, `${taken} MiB were accepted`);
  going.resolve();
  await sending;
  assert.equal(concatBytes(...written).length, 16 * MIB);
});

for (const failing of [0, 3]) {
  Deno.test(`decrypt pipeline: a failure of write ${failing} is reported, and nothing is written after it`, async () => {
    const ciphertext = await encrypt(pseudoRandomBytes(8 * MIB), key);
    const { staged, written } = memoryUpload((count) =>
      count === failing ? Promise.reject(new Error("the disk is full")) : Promise.resolve()
    );
    const decryptor = new CbcDecryptor(key);
    const pipeline = new DecryptPipeline({
      decryptor,
      staged,
      size: ciphertext.length,
      count: () => 1,
    });
    await assert.rejects(async () => {
      for (let at = 0; at < ciphertext.length; at += MIB) {
        await pipeline.write(ciphertext.slice(at, at + MIB));
      }
      await pipeline.end();
    }, /the disk is full/);
    await pipeline.settle();
    assert.equal(written.length, failing);
  });
}

for (const [name, Decryptor] of Object.entries({ CbcDecryptor, PiecesDecryptor })) {
  Deno.test(`decrypt pipeline: wrong padding is found after all before it is written: ${name}`, async () => {
    const plaintext = pseudoRandomBytes(2 * MIB);
    const ciphertext = (await encrypt(plaintext, key)).slice(0, -16);
    const { staged, written } = memoryUpload();
    const decryptor = new Decryptor(key);
    const pipeline = new DecryptPipeline({
      decryptor,
      staged,
      size: ciphertext.length,
      count: () => 1,
    });
    await pipeline.write(ciphertext);
    await assert.rejects(pipeline.end(), { code: "bad-padding" });
    assert.deepEqual(concatBytes(...written), plaintext.slice(0, -16));
  });
}
