/** Protocol 4: upload, download, list, stat, rename, remove. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { readTime } from "../../../client/local/file_metadata.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import {
  connectRaw,
  Fixture,
  got,
  loginRaw,
  ON_DISK,
  put,
  startServer,
} from "../../support/v4/fixture.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";
import { sendChunk } from "../../support/v4/chunks.ts";

const SIZES = [0, 1, 1000, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 7];

Deno.test("v4 files: files of all sizes are downloaded as they were uploaded, also after a restart", async () => {
  await using fixture = await Fixture.create();
  const contents = SIZES.map((size) => pseudoRandomBytes(size, size + 1));
  {
    using client = await fixture.client("Alice");
    const files = await Promise.all(contents.map(async (content, i) => ({
      ...{ file: await fixture.source(`source${i}`, content), name: `folder/${SIZES[i]}.bin` },
    })));
    assert.deepEqual(await put(client, files), contents.map(cksum));
  }
  await fixture.server.close();
  fixture.server = await startServer(fixture.folder.join("data"));
  // Another port is another address: the server there is unknown, and the account is known.
  using client = await fixture.client("Alice");
  for (const [i, size] of SIZES.entries()) {
    const name = `folder/${size}.bin`;
    assert.deepEqual(await got(client, name), contents[i]);
    const { mtime, cksum: sum } = await client.stat(name);
    assert.equal(sum, cksum(contents[i] as Uint8Array));
    assert.equal(mtime, readTime(fixture.folder.join(`source${i}`)));
  }
  assert.deepEqual(fixture.blobs("staging"), []);
});

Deno.test("v4 files: a range is served as the chunks that contain it", async () => {
  await using fixture = await Fixture.create();
  using client = await fixture.client("Alice");
  const content = pseudoRandomBytes(3 * CHUNK_SIZE + 7);
  await put(client, [{ file: await fixture.source("a", content) }]);
  const cases: readonly [from: number, to: number, chunks: readonly [number, number]][] = [
    [0, 1, [0, 1]],
    [CHUNK_SIZE - 1, CHUNK_SIZE + 1, [0, 2]],
    [CHUNK_SIZE, 2 * CHUNK_SIZE, [1, 2]],
    [3 * CHUNK_SIZE + 6, 2 ** 50, [3, 4]],
    [5, 5, [0, 0]],
    [2 ** 40, 2 ** 41, [0, 0]],
  ];
  for (const [from, to, [first, end]] of cases) {
    const expected = content.subarray(first * CHUNK_SIZE, end * CHUNK_SIZE);
    assert.deepEqual(await got(client, "a", { from, to }), expected.slice(), `${from} to ${to}`);
  }
});

Deno.test("v4 files: 300 small files are sent without waiting for answers, and all are stored", async () => {
  await using fixture = await Fixture.create();
  using client = await fixture.client("Alice");
  const files = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => ({
      ...{ file: await fixture.source(`s${i}`, pseudoRandomBytes(i, i + 1)), name: `many/${i}` },
    })),
  );
  const outcomes = await put(client, files);
  assert.deepEqual(outcomes, files.map((_, i) => cksum(pseudoRandomBytes(i, i + 1))));
  const names: string[] = [];
  await client.list("many/1", ({ name }) => names.push(name));
  assert.equal(names.length, 111);
  assert.deepEqual(names, [...names].sort());
});

Deno.test("v4 files: list, stat, rename, remove", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  using client = await fixture.client("Alice");
  const file = await fixture.source("a", pseudoRandomBytes(10));
  await put(client, [{ file, name: "a/b" }, { file, name: "c" }]);
  const list = async (prefix: string) => {
    const names: string[] = [];
    await client.list(prefix, ({ name }) => names.push(name));
    return names;
  };
  assert.deepEqual(await list(""), ["a/b", "c"]);
  assert.deepEqual(await list("a/"), ["a/b"]);
  assert.deepEqual(await list("x"), []);
  await client.rename("a/b", "d/ü");
  await assert.rejects(client.rename("a/b", "e"), { code: "no-such-file" });
  await assert.rejects(client.rename("c", "d/ü"), { code: "file-exists" });
  await assert.rejects(client.rename("c", "../c"), { code: "bad-file-name" });
  await assert.rejects(client.rename("c", "d"), { code: "bad-file-name" }, "d is a folder");
  assert.deepEqual(await list(""), ["c", "d/ü"]);
  await client.remove("d/ü");
  await assert.rejects(client.remove("d/ü"), { code: "no-such-file" });
  await assert.rejects(client.stat("d/ü"), { code: "no-such-file" });
  await assert.rejects(got(client, "d/ü"), { code: "no-such-file" });
  assert.equal(fixture.blobs("files").length, 1);
});

Deno.test("v4 files: a refused file does not affect the files before and after it", async () => {
  await using fixture = await Fixture.create({ ...ON_DISK, maxFileSize: 5000, quota: 9000 });
  using client = await fixture.client("Alice");
  const small = await fixture.source("small", pseudoRandomBytes(3000));
  const large = await fixture.source("large", pseudoRandomBytes(3 * CHUNK_SIZE));
  const outcomes: (number | string)[] = [];
  const names = ["a", "../b", "c//d", "large", "a/b", "d", "e", "f"];
  for (const name of names) {
    const file = name === "large" ? large : small;
    await client.put([{ file, name }], (_, outcome) => {
      outcomes.push(
        typeof outcome === "number" ? outcome : (outcome as { code?: string }).code ?? "",
      );
    });
  }
  const sum = cksum(pseudoRandomBytes(3000));
  assert.deepEqual(outcomes, [
    sum,
    "bad-file-name",
    "bad-file-name",
    "over-limit",
    "bad-file-name", // "a" is a file.
    sum,
    sum,
    "over-limit", // The quota.
  ]);
  assert.deepEqual(fixture.blobs("staging"), []);
  assert.equal(fixture.blobs("files").length, 3);
});

Deno.test("v4 files: overwriting a file serves the new content and deletes the old blob", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  using client = await fixture.client("Alice");
  for (const seed of [1, 2]) {
    const content = pseudoRandomBytes(2000, seed);
    await put(client, [{ file: await fixture.source("a", content) }]);
    assert.deepEqual(await got(client, "a"), content);
  }
  assert.equal(fixture.blobs("files").length, 1);
});

Deno.test("v4 files: sums that differ are reported, and nothing is stored", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  using raw = await connectRaw(fixture.server.address);
  await loginRaw(raw, fixture.folder.join("Alice"));
  const { mux } = raw;
  const content = pseudoRandomBytes(100);
  const answers: string[] = [];
  const end = (digest: Uint8Array<ArrayBuffer>, sum: number) =>
    ({ kind: "end", tag: 7, size: 100, cksum: sum, digest }) as const;
  const answered = mux.answer(7, (message) => {
    answers.push(message.kind);
    return true;
  });
  await mux.send({ ...FILE_PUT, kind: "put", tag: 7, name: "a", size: 100, resume: 0 });
  await sendChunk(mux, 7, 0, content);
  await mux.send(end(pseudoRandomBytes(32), cksum(content)));
  await answered;
  assert.deepEqual(answers, ["mismatch"]);
  assert.deepEqual([fixture.blobs("staging"), fixture.blobs("files")], [[], []]);
});

Deno.test("v4 files: a client that disconnects within the first chunk of a file leaves nothing behind", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  {
    using raw = await connectRaw(fixture.server.address);
    await loginRaw(raw, fixture.folder.join("Alice"));
    const size = 3 * CHUNK_SIZE;
    await raw.mux.send({ ...FILE_PUT, kind: "put", tag: 1, name: "a", size, resume: 0 });
  }
  await fixture.server.close();
  assert.deepEqual([fixture.blobs("staging"), fixture.blobs("files")], [[], []]);
});
