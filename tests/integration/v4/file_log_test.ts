/** What a server logs about files: who, which, from where; and the access log, file by file. */
import assert from "node:assert/strict";
import type { Access } from "../../../server/limits/access.ts";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { ServerLog } from "../../support/server_log.ts";
import { Fixture, got, put } from "../../support/v4/fixture.ts";
import { putAll } from "../../support/v4/put_all.ts";

const MIB = 1024 * 1024;
const SIZE = 3 * MIB;

Deno.test("file log: every use of a file has a line with its user, its name and the address", async () => {
  await using log = await ServerLog.take("debug");
  const accesses: Access[] = [];
  const onAccess = (access: Access) => void accesses.push(access);
  const limits = { maxFileSize: SIZE, historyMs: DEFAULT_LIMITS.historyMs };
  await using fixture = await Fixture.create(limits, { onAccess });
  using alice = await fixture.client("Alice");
  const content = pseudoRandomBytes(SIZE);
  await put(alice, [{ file: await fixture.source("large", content), name: "a/large" }]);
  await got(alice, "a/large");
  await got(alice, "a/large", { from: 0, to: 1 });
  await alice.rename("a/large", "b");
  await alice.remove("b");
  await alice.restore("b");
  await assert.rejects(got(alice, "none"), { code: "no-such-file" });
  const tooLarge = await fixture.source("too-large", pseudoRandomBytes(SIZE + 1));
  assert.deepEqual(await put(alice, [{ file: tooLarge }]), ["over-limit"]);

  const lines = log.of(
    ...["file.stored", "file.downloaded", "file.renamed", "file.removed", "file.restored"],
    ...["request.refused", "limit.reached"],
  );
  const [address, client] = [lines[0]?.["address"], lines[0]?.["client"]];
  assert.match(String(address), /^127\.0\.0\.1:\d+$/);
  for (const line of lines) {
    const where = [line["user"], line["client"], line["address"]];
    assert.deepEqual(where, ["Alice", client, address], line.event);
  }
  assert.deepEqual(lines.map(({ event, file, oldName, bytes }) => [event, file, oldName, bytes]), [
    ["file.stored", "a/large", undefined, undefined],
    ["file.downloaded", "a/large", undefined, SIZE],
    ["file.downloaded", "a/large", undefined, MIB],
    ["file.renamed", "b", "a/large", SIZE],
    ["file.removed", "b", undefined, SIZE],
    ["file.restored", "b", undefined, SIZE],
    ["request.refused", "none", undefined, undefined],
    ["limit.reached", "too-large", undefined, undefined],
  ]);

  const found = accesses.map(({ method, name, bytes, isPart, code }) => [
    ...[method, name, bytes, isPart === true ? "part" : code],
  ]);
  assert.deepEqual(found, [
    ["put", "a/large", SIZE, undefined],
    ["get", "a/large", SIZE, undefined],
    ["get", "a/large", MIB, "part"],
    ["rename", "a/large", 0, undefined],
    ["remove", "b", 0, undefined],
    ["restore", "b", 0, undefined],
    ["get", "none", 0, "no-such-file"],
    ["put", "too-large", 0, "over-limit"],
  ]);
  for (const { user, address: from, protocol } of accesses) {
    assert.deepEqual([user, from, protocol], ["Alice", address, 4]);
  }
});

Deno.test({
  name: "file log: folders and links are named as such",
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using log = await ServerLog.take();
  await using fixture = await Fixture.create();
  await Deno.mkdir(fixture.folder.join("d/empty"), { recursive: true });
  await Deno.symlink("a", fixture.folder.join("d/b"));
  await fixture.folder.write("d/a", "content");
  await putAll({ connect: await fixture.options("Alice"), paths: [fixture.folder.join("d")] });
  const lines = log.of("file.stored").map(({ kind, file }) => `${kind} ${file}`);
  assert.deepEqual(lines.sort(), ["file d/a", "folder d", "folder d/empty", "link d/b"]);
});
