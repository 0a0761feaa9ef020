/** Protocol 4: folders, links, modes and times as they are stored, listed and changed; forms of names. */
import assert from "node:assert/strict";
import { sendAttributes } from "../../../client/v4/update_attributes.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { ListScope } from "../../../protocol/entry.ts";
import { MAX_NANOSECONDS } from "../../../protocol/nanoseconds.ts";
import { EntriesReader } from "../../../protocol/v4/entries.ts";
import type { FileFields } from "../../../protocol/v4/file_record.ts";
import { DIGEST_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { MessageOf } from "../../../protocol/v4/messages.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { utf8 } from "../../support/bytes.ts";
import { Fixture } from "../../support/v4/fixture.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";
import { updateOf } from "../../support/v4/records.ts";
import { sumsOf, Uploader } from "../../support/v4/raw_client.ts";
import { sendChunk } from "../../support/v4/chunks.ts";

type Put = Partial<Omit<MessageOf<"put">, "kind" | "tag">>;

const NOTHING = new Uint8Array(0);

async function createFixture(limits: Partial<Limits> = {}): Promise<Fixture> {
  const fixture = await Fixture.create(limits);
  (await fixture.client("Alice"))[Symbol.dispose]();
  return fixture;
}

async function put(alice: Uploader, name: string, content: Bytes, more: Put = {}) {
  const tag = alice.mux.nextTag();
  const answer = alice.mux.answerOf(tag, "stored");
  answer.catch(() => undefined);
  const size = content.length;
  await alice.mux.send({ ...FILE_PUT, kind: "put", tag, name, size, resume: 0, ...more });
  if (content.length > 0) await sendChunk(alice.mux, tag, 0, content.slice());
  await alice.mux.send({ kind: "end", tag, ...sumsOf(content) });
  return await answer;
}

const putFolder = (alice: Uploader, name: string, more: Put = {}) =>
  put(alice, name, NOTHING, { entry: "folder", ...more });
const putLink = (alice: Uploader, name: string, target: Bytes, more: Put = {}) =>
  put(alice, name, target, { entry: "link", ...more });

async function stat(alice: Uploader, name: string): Promise<MessageOf<"file">> {
  return await alice.mux.askFor(
    { kind: "stat", tag: alice.mux.nextTag(), name, version: 0 },
    "file",
  );
}

async function list(alice: Uploader, prefix: string, scope: ListScope) {
  const files: FileFields[] = [];
  const request = { kind: "list", tag: alice.mux.nextTag(), prefix, scope } as const;
  await alice.mux.ask(request, (message) => {
    if (message.kind === "done") return true;
    assert.ok(message.kind === "entries");
    for (const reader = new EntriesReader(message.bytes); reader.next();) files.push(reader.file);
    return false;
  });
  return files;
}

async function update(
  alice: Uploader,
  name: string,
  version: number,
  mode: number | undefined,
  mtime: bigint,
) {
  await sendAttributes(alice.mux, name, version, { mode, mtime });
}

Deno.test("v4 entries: an update with a record that breaks its layout changes nothing", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  await put(alice, "a", utf8("content"), { mode: 0o644 });
  const { bytes } = updateOf(1, "a", 1, 0o600, 0n);
  const message = { kind: "update", tag: 1, bytes: concatBytes(bytes, Uint8Array.of(0)) } as const;
  await assert.rejects(alice.mux.askFor(message, "packed"), { code: "bad-frame" });
  using again = await Uploader.login(fixture, "Alice");
  assert.equal((await stat(again, "a")).mode, 0o644);
});

for (const where of ["in the catalog", "on disk"]) {
  Deno.test(`v4 entries: kind, mode, time and content of each are kept, ${where}`, async () => {
    await using fixture = await createFixture(where === "on disk" ? { inlineSize: 0 } : {});
    using alice = await Uploader.login(fixture, "Alice");
    const target = utf8("../ü/b");
    await putFolder(alice, "d", { mode: 0o1777, mtime: -1n });
    await putLink(alice, "d/l", target, { mode: 0o777, mtime: 1_764_000_000_123_456_789n });
    await put(alice, "d/f", utf8("hello"), { mode: 0o4755, mtime: -MAX_NANOSECONDS });
    await put(alice, "d/g", NOTHING, { mode: 0, mtime: 999_999n });
    const found = await list(alice, "", "below");
    assert.deepEqual(
      found.map(({ name, entry, mode, mtime, size }) => [name, entry, mode, mtime, size]),
      [
        ["d", "folder", 0o1777, -1n, 0],
        ["d/f", "file", 0o4755, -MAX_NANOSECONDS, 5],
        ["d/g", "file", 0, 999_999n, 0],
        ["d/l", "link", 0o777, 1_764_000_000_123_456_789n, target.length],
      ],
    );
    const link = await stat(alice, "d/l");
    assert.deepEqual([link.cksum, link.endedAt], [cksum(target), 0]);
    const got: Bytes[] = [];
    const request = {
      kind: "get",
      tag: alice.mux.nextTag(),
      name: "d/l",
      version: 0,
      from: 0,
      to: 9,
    };
    await alice.mux.ask({ ...request, kind: "get" }, (message) => {
      if (message.kind === "data") got.push(message.bytes.slice());
      return message.kind === "done";
    });
    assert.deepEqual(got, [target]);
  });
}

Deno.test("v4 entries: a folder over a folder changes its mode and time, and stays the same version", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  await putFolder(alice, "d", { mode: 0o755 });
  const again = await putFolder(alice, "d", { mode: 0o700, mtime: 5n });
  const { version, mode, mtime } = await stat(alice, "d");
  assert.deepEqual([again.version, version, mode, mtime], [1, 1, 0o700, 5n]);
});

Deno.test("v4 entries: another kind replaces an entry as a new version, except a folder with something below it", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  await put(alice, "a", utf8("hello"));
  assert.deepEqual(await versionsAfter(putLink(alice, "a", utf8("b"))), [2, 1]);
  assert.deepEqual(await versionsAfter(putFolder(alice, "a")), [3, 2]);
  await put(alice, "a/b", utf8("below"));
  for (const entry of ["file", "link"] as const) {
    await assert.rejects(put(alice, "a", utf8("x"), { entry }), { code: "bad-file-name" });
  }
  assert.equal((await stat(alice, "a")).entry, "folder");
});

async function versionsAfter(stored: Promise<MessageOf<"stored">>) {
  const { version, replaced } = await stored;
  return [version, replaced];
}

for (const kind of ["file", "link"] as const) {
  Deno.test(`v4 entries: nothing can be below a ${kind}`, async () => {
    await using fixture = await createFixture();
    using alice = await Uploader.login(fixture, "Alice");
    await put(alice, "a", utf8("x"), { entry: kind });
    await assert.rejects(put(alice, "a/b", utf8("y")), { code: "bad-file-name" });
    await assert.rejects(putFolder(alice, "a/b"), { code: "bad-file-name" });
  });
}

Deno.test("v4 entries: stored says which version was replaced, and whether another key had stored it", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  const first = await put(alice, "a", utf8("1"));
  assert.deepEqual([first.version, first.replaced, first.byOther], [1, 0, 0]);
  const second = await put(alice, "a", utf8("2"));
  assert.deepEqual([second.version, second.replaced, second.byOther], [2, 1, 0]);
  using owner = await fixture.client("Alice");
  const { token } = await owner.link();
  (await fixture.client("Other", { userName: "Alice", token }))[Symbol.dispose]();
  using other = await Uploader.login(fixture, "Other");
  const third = await put(other, "a", utf8("3"));
  assert.deepEqual([third.version, third.replaced, third.byOther], [3, 2, 1]);
  assert.equal((await put(other, "a", utf8("4"))).byOther, 0);
});

const BAD_ENTRIES: readonly [what: string, content: Bytes, put: Put][] = [
  ["a folder with content", utf8("x"), { entry: "folder" }],
  ["a folder of unknown size", NOTHING, { entry: "folder", size: undefined }],
  ["a link without a target", NOTHING, { entry: "link" }],
  ["a link with a target of 4,097 bytes", utf8("x".repeat(4097)), { entry: "link" }],
  ["a link of unknown size", utf8("x"), { entry: "link", size: undefined }],
  ["a link with a NUL in its target", utf8("a\0b"), { entry: "link" }],
  ["a link whose target is not UTF-8", Uint8Array.of(0x61, 0xff), { entry: "link" }],
];

for (const [what, content, more] of BAD_ENTRIES) {
  Deno.test(`v4 entries: ${what} is refused, and the next entry is stored`, async () => {
    await using fixture = await createFixture();
    using alice = await Uploader.login(fixture, "Alice");
    await assert.rejects(put(alice, "a", content, more), { code: "bad-entry" });
    await putLink(alice, "b", utf8("x".repeat(4096)));
    assert.deepEqual((await list(alice, "", "below")).map(({ name }) => name), ["b"]);
    assert.deepEqual(fixture.blobs("staging"), []);
  });
}

Deno.test("v4 update: mode and time change, and neither version nor content", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  await put(alice, "a", utf8("1"));
  await put(alice, "a", utf8("2"), { mode: 0o644 });
  const before = await stat(alice, "a");
  await update(alice, "a", 2, 0o600, -1n);
  const { tag: _, ...changed } = await stat(alice, "a");
  const { tag: __, ...expected } = { ...before, mode: 0o600, mtime: -1n };
  assert.deepEqual(changed, expected);
  await update(alice, "a", 2, undefined, 7n);
  assert.deepEqual([(await stat(alice, "a")).mode, (await stat(alice, "a")).mtime], [
    undefined,
    7n,
  ]);
});

Deno.test("v4 update: of another version than the current one, and of a missing name, it is refused", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  await put(alice, "a", utf8("1"));
  await put(alice, "a", utf8("2"));
  for (const version of [0, 1, 3]) {
    await assert.rejects(update(alice, "a", version, 0, 0n), { code: "file-changed" });
  }
  await assert.rejects(update(alice, "b", 1, 0, 0n), { code: "no-such-file" });
  assert.equal((await stat(alice, "a")).mtime, FILE_PUT.mtime);
});

Deno.test("v4 list: one level has its entries and its folders once each, with and without an entry of their own", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  for (const name of ["a", "b/x/1", "b/x/2", "b/y", "b-c", "c/1", "e/f/g/h"]) {
    await put(alice, name, utf8(name));
  }
  await putFolder(alice, "c", { mode: 0o700 });
  await putFolder(alice, "d");
  const level = async (prefix: string) =>
    (await list(alice, prefix, "level")).map(({ name, entry, version, mode }) =>
      [name, entry, version, mode].join(" ")
    );
  assert.deepEqual(
    await level(""),
    [
      "a file 1 ",
      "b-c file 1 ",
      "b folder 0 ",
      "c folder 1 448",
      "d folder 1 ",
      "e folder 0 ",
    ],
  );
  assert.deepEqual(await level("b/"), ["b/x folder 0 ", "b/y file 1 "]);
  assert.deepEqual(await level("b/x/"), ["b/x/1 file 1 ", "b/x/2 file 1 "]);
  assert.deepEqual(await level("d/"), []);
  assert.deepEqual(await level("none/"), []);
  await assert.rejects(level("b"), { code: "bad-file-name" });
  const [, , implicit] = await list(alice, "", "level");
  assert.deepEqual(implicit, {
    ...{ name: "b", version: 0, entry: "folder", mode: undefined, size: 0 },
    ...{ mtime: 0n, storedAt: 0, endedAt: 0, cksum: 0, digest: new Uint8Array(DIGEST_SIZE) },
    confirmedAt: 0,
  });
});

const [COMPOSED, DECOMPOSED] = ["\u00fc", "u\u0308"];

for (const [first, second] of [[COMPOSED, DECOMPOSED], [DECOMPOSED, COMPOSED]] as const) {
  Deno.test(`v4 names: ${JSON.stringify(first)} is kept as given, found in any form, and refused in another`, async () => {
    await using fixture = await createFixture();
    using alice = await Uploader.login(fixture, "Alice");
    await put(alice, `d/${first}`, utf8("1"));
    for (const form of [first, second]) {
      assert.equal((await stat(alice, `d/${form}`)).name, `d/${first}`);
    }
    await assert.rejects(put(alice, `d/${second}`, utf8("2")), { code: "other-form" });
    assert.equal((await put(alice, `d/${first}`, utf8("3"))).version, 2);
    assert.deepEqual((await list(alice, "", "below")).map(({ name }) => name), [`d/${first}`]);
  });
}

Deno.test("v4 names: two uploads of two forms of one name at a time: one is stored, the other refused", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  using other = await Uploader.login(fixture, "Alice");
  const outcomes = await Promise.allSettled([
    put(alice, COMPOSED, utf8("1")),
    put(other, DECOMPOSED, utf8("2")),
  ]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal((await list(alice, "", "below")).length, 1);
});

for (const name of ["a\\b", "c:d", "nul", "e.", " f ", "-rf", "\x1b[2J", "\u202eg", "\n"]) {
  Deno.test(`v4 names: ${JSON.stringify(name)} is stored as it is`, async () => {
    await using fixture = await createFixture();
    using alice = await Uploader.login(fixture, "Alice");
    await put(alice, name, utf8("1"));
    assert.equal((await stat(alice, name)).name, name);
  });
}
