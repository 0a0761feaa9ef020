/** Protocol 4: packs and fetches, as the server answers them. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import { UnavailableError } from "../../../protocol/errors.ts";
import { ContentsReader } from "../../../protocol/v4/contents.ts";
import { FetchWriter } from "../../../protocol/v4/fetch.ts";
import type { MessageOf } from "../../../protocol/v4/messages.ts";
import { PackedReader } from "../../../protocol/v4/packed.ts";
import type { AccessMode } from "../../../server/catalog/accounts.ts";
import { setUserAccess, setUserDisabled } from "../../../server/operator/users.ts";
import type { Access } from "../../../server/limits/access.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { pseudoRandomBytes, utf8 } from "../../support/bytes.ts";
import { readWholeFolder } from "../../faults/data_folder.ts";
import { FaultySystem } from "../../support/store/faulty_file_system.ts";
import { ServerLog } from "../../support/server_log.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { Fixture } from "../../support/v4/fixture.ts";
import { packOf, type PackRecord } from "../../support/v4/records.ts";
import { missing, Uploader } from "../../support/v4/raw_client.ts";

async function createFixture(limits: Partial<Limits> = {}): Promise<Fixture> {
  const fixture = await Fixture.create(limits);
  (await fixture.client("Alice"))[Symbol.dispose]();
  return fixture;
}

const text = (name: string, content: string, more: Partial<PackRecord> = {}): PackRecord => ({
  ...{ name, content: utf8(content), ...more },
});

/** The results in words: `stored 2>1` is version 2, which replaces version 1. */
function words({ bytes }: MessageOf<"packed">): string[] {
  const all: string[] = [];
  for (const result = new PackedReader(bytes); result.next();) {
    const { status } = result;
    if (status === "refused") all.push(result.code);
    else if (status === "mismatch") all.push("mismatch");
    else all.push(`${result.version}${result.replaced === 0 ? "" : `>${result.replaced}`}`);
  }
  return all;
}

async function send(
  { mux }: Uploader,
  records: readonly PackRecord[],
  change: (bytes: Bytes) => void = () => undefined,
): Promise<string[]> {
  const pack = packOf(mux.nextTag(), records);
  const bytes = pack.bytes.slice();
  change(bytes);
  return words(await mux.askFor({ ...pack, bytes }, "packed"));
}

/** The contents of current entries, or why they were refused. */
async function fetchAll({ mux }: Uploader, names: readonly string[]) {
  const writer = new FetchWriter();
  for (const name of names) assert.ok(writer.add(name, 0));
  const found: { name: string; content: Bytes | string }[] = [];
  const request = { kind: "fetch", tag: mux.nextTag(), bytes: writer.payload.slice() } as const;
  await mux.ask(request, (message) => {
    if (message.kind !== "contents") return message.kind === "done";
    for (const result = new ContentsReader(message.bytes); result.next();) {
      const { isRefused, code, name } = result;
      assert.equal(isRefused ? undefined : result.findDifference(), undefined);
      found.push({ name, content: isRefused ? code : result.content.slice() });
    }
    return false;
  });
  return found;
}

for (const inlineSize of [0, 1000, 64 * 1024]) {
  Deno.test(`v4 packs: entries of all sizes come back, if ${inlineSize} bytes are kept in the catalog`, async () => {
    await using fixture = await createFixture({ inlineSize });
    using alice = await Uploader.login(fixture, "Alice");
    const records = [0, 1, 999, 1000, 1001, 40_000, 64 * 1024].map((size, i) => ({
      ...{ name: `f/${i}`, content: pseudoRandomBytes(size, i) },
    }));
    const link = text("link", "target", { entry: "link" });
    const folder = text("f", "", { entry: "folder", mode: 0o700 });
    const all = [...records, link, folder];
    assert.deepEqual(await send(alice, all), all.map(() => "1"));
    assert.deepEqual(await send(alice, all), all.map(() => "1"), "nothing changes");
    const names = all.map(({ name }) => name);
    const expected = all.map(({ name, content }) => ({ name, content }));
    assert.deepEqual(await fetchAll(alice, names), expected);
    const { size, confirmedAt, storedAt } = await alice.mux.askFor(
      { kind: "stat", tag: alice.mux.nextTag(), name: "f/4", version: 0 },
      "file",
    );
    assert.equal(size, 1001);
    assert.ok(confirmedAt >= storedAt, "the server has computed the digest");
    const large = all.filter(({ content }) => content.length > inlineSize);
    assert.equal(fixture.blobs("files").length, large.length);
    await fixture.server.close();
    assert.equal(readWholeFolder(fixture.data).get("Alice")?.size, all.length);
  });
}

for (const inlineSize of [0, 64 * 1024]) {
  Deno.test(`v4 packs: downloads are logged, and the access log has each file, if ${inlineSize} bytes are kept in the catalog`, async () => {
    await using log = await ServerLog.take();
    const accesses: Access[] = [];
    const onAccess = (access: Access) => void accesses.push(access);
    await using fixture = await Fixture.create({ inlineSize }, { onAccess });
    (await fixture.client("Alice"))[Symbol.dispose]();
    using alice = await Uploader.login(fixture, "Alice");
    const records = Array.from({ length: 9 }, (_, i) => text(`f/${i}`, "x".repeat(i)));
    await send(alice, records);
    const names = records.map(({ name }) => name);
    await fetchAll(alice, [names[0] ?? "", "missing", names[8] ?? ""]);
    await fetchAll(alice, [...names, "missing"]);
    const few = log.of("file.downloaded");
    assert.deepEqual(few.map(({ file, bytes, user }) => [file, bytes, user]), [
      ["f/0", 0, "Alice"],
      ["f/8", 8, "Alice"],
    ]);
    const [many] = log.of("pack.downloaded");
    assert.deepEqual([many?.["files"], many?.["first"], many?.["last"]], [9, "f/0", "f/8"]);
    const of = (wanted: string) =>
      accesses.filter(({ method }) => method === wanted).map(({ name, bytes }) => [name, bytes]);
    const isMissing = ([name]: readonly (string | number)[]) => name === "missing";
    const each = names.map((name, i) => [name, i]);
    assert.deepEqual(of("put"), each);
    // The order depends on where contents are.
    const [missing, found] = [
      of("get").filter(isMissing),
      of("get").filter((one) => !isMissing(one)),
    ];
    assert.deepEqual(found, [each[0], each[8], ...each]);
    assert.equal(missing.length, 2);
  });
}

Deno.test("v4 packs: each record is stored or refused by itself", async () => {
  await using fixture = await createFixture({ maxFileSize: 100, historyMs: 0 });
  using alice = await Uploader.login(fixture, "Alice");
  await send(alice, [text("file", "x"), text("\u00c5", "y")]);
  const records = [
    text("a", "1"),
    text("../a", "2"),
    text("file/below", "3"),
    text("A\u030a", "4"),
    text("folder", "content", { entry: "folder" }),
    text("link", "\0", { entry: "link" }),
    text("large", "x".repeat(101)),
    text("file", "other"),
    text("changed", "here"),
  ];
  const flip = (bytes: Bytes) => void ((bytes[bytes.length - 1] as number) ^= 1);
  assert.deepEqual(await send(alice, records, flip), [
    ...["1", "bad-file-name", "bad-file-name", "other-form", "bad-entry", "bad-entry"],
    ...["over-limit", "2>1", "mismatch"],
  ]);
  assert.deepEqual(
    (await fetchAll(alice, ["a", "file", "large", "changed"])).map(({ content }) =>
      typeof content === "string" ? content : new TextDecoder().decode(content)
    ),
    ["1", "other", "no-such-file", "no-such-file"],
  );
});

Deno.test("v4 packs: packs that are sent without waiting are stored in their order", async () => {
  await using fixture = await createFixture({ inlineSize: 100 });
  using alice = await Uploader.login(fixture, "Alice");
  const { mux } = alice;
  // Larger contents go to the blob store, which takes longer.
  const contents = [50_000, 10, 40_000, 20].map((size, i) => pseudoRandomBytes(size, i));
  const answers = contents.map((content) => {
    const pack = packOf(mux.nextTag(), [{ name: "a", content }]);
    return mux.askFor({ ...pack, bytes: pack.bytes.slice() }, "packed");
  });
  const results = (await Promise.all(answers)).flatMap(words);
  assert.deepEqual(results, ["1", "2>1", "3>2", "4>3"]);
  assert.deepEqual((await fetchAll(alice, ["a"]))[0]?.content, contents[3]);
});

Deno.test("v4 packs: one that is sent again while the first is being stored makes no second version", async () => {
  await using fixture = await createFixture({ inlineSize: 100 });
  const clients = await Promise.all([1, 2].map(() => Uploader.login(fixture, "Alice")));
  const records = [50, 50_000, 40_000].map((size) => ({
    ...{ name: `f/${size}`, content: pseudoRandomBytes(size, size) },
  }));
  const [first, second] = clients as [Uploader, Uploader];
  const results = await Promise.all([send(first, records), send(second, records)]);
  assert.deepEqual(results, [["1", "1", "1"], ["1", "1", "1"]]);
  for (const client of clients) client[Symbol.dispose]();
});

Deno.test("v4 packs: one that is sent twice over one connection makes no second version", async () => {
  await using fixture = await createFixture({ inlineSize: 100 });
  using alice = await Uploader.login(fixture, "Alice");
  const records = [{ name: "a", content: pseudoRandomBytes(50_000) }];
  const results = await Promise.all([send(alice, records), send(alice, records)]);
  assert.deepEqual(results, [["1"], ["1"]]);
  assert.equal(fixture.blobs("files").length, 1);
});

Deno.test("v4: a large file that is stored again with the same content makes no second version", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  const content = pseudoRandomBytes(300_000);
  const put = async () => {
    const tag = await alice.begin(content);
    await alice.send(tag, content, ...missing(content, 0));
    return await alice.end(tag, content);
  };
  for (let i = 0; i < 2; i++) {
    const { version, replaced } = await put();
    assert.deepEqual([version, replaced], [1, 0]);
  }
  assert.equal(fixture.blobs("files").length, 1);
  const [blob] = fixture.blobs("files") as [string];
  await Deno.truncate(blob, 10);
  const { version } = await put();
  assert.equal(version, 1);
  assert.deepEqual((await Deno.stat(fixture.blobs("files")[0] as string)).size, content.length);
});

Deno.test("v4 packs: the quota applies record by record, also to contents with blobs", async () => {
  await using fixture = await createFixture({ inlineSize: 100, quota: 1000 });
  using alice = await Uploader.login(fixture, "Alice");
  const sized = (name: string, size: number) => ({ name, content: pseudoRandomBytes(size) });
  assert.deepEqual(await send(alice, [sized("a", 600), sized("b", 500), sized("c", 50)]), [
    ...["1", "over-limit", "1"],
  ]);
  assert.equal(fixture.blobs("files").length, 1);
  await fixture.server.close();
  assert.equal(readWholeFolder(fixture.data).get("Alice")?.size, 2);
});

Deno.test("v4 packs: those of a disabled account are not stored", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  await setUserDisabled(fixture.data, "Alice", true);
  const answer = send(alice, [text("a", "x")]).catch(({ code }) => [code]);
  assert.deepEqual(await answer, ["account-disabled"]);
  await fixture.server.close();
  assert.deepEqual(readWholeFolder(fixture.data), new Map());
});

Deno.test("v4 packs: the access log has each file of a pack or fetch that is refused as a whole", async () => {
  await using fixture = await createFixture();
  const accesses: Access[] = [];
  const refuse = async (access: AccessMode, ask: (alice: Uploader) => Promise<unknown>) => {
    await setUserAccess(fixture.data, "Alice", access);
    await fixture.restart({ onAccess: (one) => void accesses.push(one) });
    using alice = await Uploader.login(fixture, "Alice");
    await assert.rejects(ask(alice), { code: "not-allowed" });
  };
  await refuse("read-only", (alice) => send(alice, [text("a", "x"), text("b", "y")]));
  await refuse("drop-box", (alice) => fetchAll(alice, ["c"]));
  assert.deepEqual(accesses.map(({ method, name, code }) => [method, name, code]), [
    ...[["put", "a", "not-allowed"], ["put", "b", "not-allowed"], ["get", "c", "not-allowed"]],
  ]);
});

Deno.test("v4 packs: the access log has each file of a fetch that fails in between once", async () => {
  const accesses: Access[] = [];
  const failure = new UnavailableError("unavailable", "another process has locked the catalog");
  await using fixture = await Fixture.create({}, {
    onAccess: (one) => void accesses.push(one),
    openCatalog: async (path) =>
      interceptedCatalog(await openInThisThread(path), async (method, args, next) => {
        if (method === "files.fetchPack" && args[2] !== 0) throw failure;
        return await next();
      }),
  });
  (await fixture.client("Alice"))[Symbol.dispose]();
  using alice = await Uploader.login(fixture, "Alice");
  await send(alice, [text("a", "1"), text("b", "2"), text("c", "3")]);
  accesses.length = 0;
  // A page ends after the entries that the catalog could not encode.
  await assert.rejects(fetchAll(alice, ["a", "missing", "b", "c"]), { code: "unavailable" });
  assert.deepEqual(accesses.map(({ method, name, code }) => [method, name, code]), [
    ...[["get", "a", undefined], ["get", "missing", "no-such-file"]],
    ...[["get", "b", "unavailable"], ["get", "c", "unavailable"]],
  ]);
});

Deno.test("v4 packs: a fetch refuses what is large or damaged, and finds other versions", async () => {
  await using fixture = await createFixture({ inlineSize: 100 });
  using alice = await Uploader.login(fixture, "Alice");
  await send(alice, [{ name: "blob", content: pseudoRandomBytes(2000) }, text("small", "x")]);
  const large = pseudoRandomBytes(300_000);
  const tag = await alice.begin(large, { name: "large" });
  await alice.send(tag, large, 0);
  await alice.end(tag, large);
  for (const path of fixture.blobs("files")) {
    if ((await Deno.stat(path)).size === 2000) await Deno.remove(path);
  }
  const found = await fetchAll(alice, ["small", "blob", "large", "none", "small"]);
  assert.deepEqual(found.map(({ content }) => typeof content === "string" ? content : "found"), [
    ...["found", "damaged", "over-limit", "no-such-file", "found"],
  ]);
  assert.deepEqual(await send(alice, [{ name: "blob", content: pseudoRandomBytes(2000) }]), [
    "2>1",
  ], "a damaged version is stored again");
  assert.deepEqual((await fetchAll(alice, ["blob"]))[0]?.content, pseudoRandomBytes(2000));
});

Deno.test("v4 packs: a file that the server cannot read fails alone in a fetch", async () => {
  const system = new FaultySystem();
  const { fileSystem } = system;
  await using fixture = await Fixture.create({ inlineSize: 100 }, { fileSystem });
  (await fixture.client("Alice"))[Symbol.dispose]();
  using alice = await Uploader.login(fixture, "Alice");
  await send(alice, [text("a", "x"), { name: "blob", content: pseudoRandomBytes(2000) }]);
  await send(alice, [{ name: "other", content: pseudoRandomBytes(3000) }, text("z", "y")]);
  const small = fixture.blobs("files").find((path) => Deno.statSync(path).size === 2000);
  system.plan = ({ operation, target }) =>
    operation === "open" && target === small
      ? { type: "fail", error: "EIO", when: "before" }
      : undefined;
  const found = await fetchAll(alice, ["a", "blob", "other", "z"]);
  assert.deepEqual(found.map(({ content }) => typeof content === "string" ? content : "found"), [
    ...["found", "cannot-store", "found", "found"],
  ]);
});
