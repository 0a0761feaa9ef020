/** Small files, whose content is in the catalog: they behave like files with blobs. */
import assert from "node:assert/strict";
import { backup, restore } from "../../../server/operator/mod.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { removeUser } from "../../../server/operator/users.ts";
import { verify } from "../../../server/operator/verify.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import { audit } from "../../../server/data_folder/audit.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import { DataFolder } from "../../../server/data_folder/data_folder.ts";
import { MAX_INLINE } from "../../../server/catalog/bounds.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { tamper } from "../../support/store/database.ts";
import { readFiles, readWholeFolder } from "../../faults/data_folder.ts";
import { connectRaw, Fixture, got, loginRaw, put } from "../../support/v4/fixture.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";

const INLINE = 5000;

async function store(fixture: Fixture, client: V4Client, name: string, size: number, seed = 1) {
  const content = pseudoRandomBytes(size, seed);
  const [outcome] = await put(client, [{ file: await fixture.source("source", content), name }]);
  assert.equal(outcome, cksum(content));
  return content;
}

for (const size of [0, 1, INLINE - 1, INLINE, INLINE + 1, 2 * INLINE]) {
  Deno.test(`inline: a file of ${size} bytes, if ${INLINE} are kept in the catalog`, async () => {
    await using fixture = await Fixture.create({ inlineSize: INLINE });
    using client = await fixture.client("Alice");
    const content = await store(fixture, client, "a", size);
    assert.deepEqual(await got(client, "a"), content);
    if (size > 0) {
      const range = { from: size - 1, to: size };
      assert.deepEqual(await got(client, "a", range), content, "the chunk that contains the range");
    }
    assert.equal(fixture.blobs("files").length, size > INLINE ? 1 : 0);
    assert.deepEqual(fixture.blobs("staging"), []);
    const replaced = await store(fixture, client, "a", 10, 2);
    assert.deepEqual(await got(client, "a"), replaced);
    await fixture.restart();
    using again = await fixture.client("Alice");
    assert.deepEqual(await got(again, "a"), replaced);
    await again.rename("a", "b");
    assert.deepEqual(await got(again, "b"), replaced);
    await again.remove("b");
    await fixture.server.close();
    assert.deepEqual(readWholeFolder(fixture.data), new Map());
  });
}

Deno.test("inline: however large the setting, files that can be resumed have blobs", async () => {
  await using fixture = await Fixture.create({ inlineSize: Infinity });
  using client = await fixture.client("Alice");
  await store(fixture, client, "a", MAX_INLINE);
  assert.equal(fixture.blobs("files").length, 0);
  await store(fixture, client, "a", MAX_INLINE + 1);
  assert.equal(fixture.blobs("files").length, 1);
});

Deno.test("inline: a file moves from the catalog to a blob and back, with its versions", async () => {
  await using fixture = await Fixture.create({ inlineSize: INLINE, historyMs: Infinity });
  using client = await fixture.client("Alice");
  const contents = [];
  for (const [i, size] of [10, 9000, 20, 9001, 30].entries()) {
    contents.push(await store(fixture, client, "a", size, i));
  }
  for (const version of [3, 4, 5]) {
    assert.deepEqual(await got(client, "a", { version }), contents[version - 1]);
  }
  assert.equal(fixture.blobs("files").length, 2, "versions 2 and 4");
  await fixture.server.close();
  readWholeFolder(fixture.data);
});

Deno.test("inline: such files count for the quota and for the limit of uploads in progress", async () => {
  await using fixture = await Fixture.create({ quota: 2500, maxStagedPerClient: 1 });
  using client = await fixture.client("Alice");
  await store(fixture, client, "a", 1500);
  const file = await fixture.source("b", pseudoRandomBytes(1001));
  assert.deepEqual(await put(client, [{ file }]), ["over-limit"]);
  using raw = await connectRaw(fixture.server.address);
  await loginRaw(raw, fixture.folder.join("Alice"));
  const request = { ...FILE_PUT, kind: "put", tag: 1, name: "c", size: 10, resume: 1 } as const;
  await raw.mux.askFor(request, "held");
  const small = await fixture.source("d", pseudoRandomBytes(10));
  assert.deepEqual(await put(client, [{ file: small }]), ["over-limit"]);
});

Deno.test("inline: export, backup, restore and verify; a damaged file is found, excluded and quarantined", async () => {
  await using fixture = await Fixture.create();
  const contents = new Map<string, Uint8Array>();
  {
    using client = await fixture.client("Alice");
    for (const [i, name] of ["a", "b", "c"].entries()) {
      contents.set(name, await store(fixture, client, name, 100 + i, i));
    }
  }
  await fixture.server.close();
  const dataFolder = fixture.data;
  const target = fixture.folder.join("exported");
  await exportFile({ dataFolder, userName: "Alice", fileName: "b", target });
  assert.deepEqual(new Uint8Array(await Deno.readFile(target)), contents.get("b"));
  const [client] = await listStored(dataFolder);
  assert.equal(client?.hasKey, true);
  assert.deepEqual(client?.files.map(({ content: { kind } }) => kind), [
    "inline",
    "inline",
    "inline",
  ]);
  assert.equal((await verify({ dataFolder })).findings, 0);

  const [copy, restored] = [fixture.folder.join("backup"), fixture.folder.join("restored")];
  const report = await backup(dataFolder, copy);
  assert.deepEqual([report.files, report.bytes, report.damaged], [3, 303, []]);
  assert.deepEqual(await restore(copy, restored), { files: 3, bytes: 303, damaged: [] });
  assert.deepEqual(
    readFiles(restored).get("Alice"),
    readFiles(dataFolder).get("Alice"),
  );

  tamper(
    `${restored}/catalog.db`,
    `UPDATE contents SET content = CAST(x'00' || substr(content, 2) AS BLOB)
     WHERE file = (SELECT id FROM files WHERE name = 'a')`,
  );
  tamper(
    `${restored}/catalog.db`,
    `UPDATE contents SET content = NULL
     WHERE file = (SELECT id FROM files WHERE name = 'b')`,
  );
  await assert.rejects(
    exportFile({
      ...{ dataFolder: restored, userName: "Alice", fileName: "a", target: `${target}2` },
    }),
    { code: "stored-file-damaged" },
  );
  const again = await backup(restored, fixture.folder.join("backup of a damaged file"));
  assert.deepEqual([again.files, again.damaged.map(({ name }) => name).sort()], [1, ["a", "b"]]);

  const found: string[] = [];
  const moved: (string | undefined)[] = [];
  await verify({
    ...{ dataFolder: restored, repair: true },
    onFinding: ({ finding, movedTo }) => {
      found.push(`${finding.kind} ${finding.kind === "stray" ? "" : finding.file.name}`);
      moved.push(movedTo);
    },
  });
  assert.deepEqual(found.sort(), ["changed a", "missing b"]);
  const [movedTo = ""] = moved.filter((path) => path !== undefined);
  const kept = new Uint8Array(await Deno.readFile(`${restored}/${movedTo}`));
  assert.deepEqual(kept.subarray(1), contents.get("a")?.subarray(1), "nothing of it is lost");
  assert.deepEqual([...readFiles(restored).get("Alice")?.keys() ?? []], ["c"]);

  assert.equal(await removeUser(dataFolder, "Alice"), 3);
  assert.deepEqual(readWholeFolder(dataFolder), new Map());
});

Deno.test("inline: a download of a damaged file is refused", async () => {
  await using fixture = await Fixture.create();
  using client = await fixture.client("Alice");
  await store(fixture, client, "a", 100);
  await store(fixture, client, "b", 100);
  tamper(
    `${fixture.data}/catalog.db`,
    `UPDATE contents SET content = NULL
     WHERE file = (SELECT id FROM files WHERE name = 'a')`,
  );
  tamper(
    `${fixture.data}/catalog.db`,
    `UPDATE contents SET content = substr(content, 2)
     WHERE file = (SELECT id FROM files WHERE name = 'b')`,
  );
  await assert.rejects(got(client, "a"), { code: "damaged" });
  await assert.rejects(got(client, "b"), { code: "damaged" });
});

Deno.test("inline: the start compares sizes and reads no content", async () => {
  await using fixture = await Fixture.create();
  {
    using client = await fixture.client("Alice");
    for (const [i, name] of ["a", "b"].entries()) await store(fixture, client, name, 100 * i);
  }
  await fixture.server.close();
  const looks = { read: 0, counted: 0 };
  const openCatalog = async (path: string): Promise<Catalog> => {
    const catalog = await openInThisThread(path);
    return interceptedCatalog(catalog, (method, _args, next) => {
      if (method === "files.content") looks.read++;
      if (method === "files.contentSize") looks.counted++;
      return next();
    });
  };
  await using folder = await DataFolder.openToServe(fixture.data, Deno, openCatalog);
  for await (const { kind } of audit(folder, { contents: false })) assert.fail(kind);
  assert.deepEqual(looks, { read: 0, counted: 2 });
});
