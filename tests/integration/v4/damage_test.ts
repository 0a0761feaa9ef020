/** A file that is damaged on the server never counts as unchanged: it is uploaded again, which repairs it. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { join } from "node:path";
import { backup } from "../../../server/operator/mod.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { putAll } from "../../support/v4/put_all.ts";
import { verify } from "../../../server/operator/verify.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { tamper } from "../../support/store/database.ts";
import { RawClient } from "../../support/v3/raw_client.ts";
import { Fixture, got, ON_DISK, put } from "../../support/v4/fixture.ts";
import { watched } from "../../support/v4/traced.ts";
import {
  blobOf,
  contentOf,
  flipByte,
  isWhole,
  markOf,
  mended,
  NAMES,
  putFirst,
  PUTS,
  SIZE,
  spoil,
} from "../../support/v4/damage.ts";

const VISIBLE: Readonly<Record<string, (path: string) => Promise<void>>> = {
  missing: (path) => Deno.remove(path),
  cut: (path) => Deno.truncate(path, SIZE - 1),
  emptied: (path) => Deno.truncate(path, 0),
  longer: (path) => Deno.truncate(path, SIZE + 1),
  "a folder": async (path) => {
    await Deno.remove(path);
    await Deno.mkdir(path);
  },
  ...Deno.build.os === "windows" ? {} : {
    "a link": async (path) => {
      await Deno.rename(path, `${path}-elsewhere`);
      await Deno.symlink(`${path}-elsewhere`, path);
    },
  },
};

for (const what of Object.keys(PUTS) as (keyof typeof PUTS)[]) {
  Deno.test(`put of ${what}: a file whose blob is missing or has another size is stored again`, async () => {
    for (const [how, damage] of Object.entries(VISIBLE)) {
      await using fixture = await Fixture.create(ON_DISK);
      const { again, name } = await putFirst(fixture, what);
      const path = await blobOf(fixture, name);
      await damage(path);
      mended(await again());
      // A link or folder in the place of a blob is not a blob, and stays.
      if (how.startsWith("a ")) await Deno.remove(path).catch(() => undefined);
      await Deno.remove(`${path}-elsewhere`).catch(() => undefined);
      await isWhole(fixture, name, contentOf("a"));
      assert.deepEqual(new Set(Object.values(await again())), new Set(["unchanged"]), how);
    }
  });

  Deno.test(`put of ${what}: a file found damaged by a download is stored again`, async () => {
    for (const size of [SIZE, 2 * CHUNK_SIZE + 5]) {
      await using fixture = await Fixture.create(ON_DISK);
      const { again, name } = await putFirst(fixture, what, size);
      await flipByte(await blobOf(fixture, name), size - 1);
      using client = await fixture.client("Alice");
      await assert.rejects(got(client, name), { name: "RefusedError", code: "damaged" });
      mended(await again());
      await isWhole(fixture, name, contentOf("a", size));
    }
  });

  Deno.test(`put of ${what}: a damaged file kept in the catalog is stored again`, async () => {
    const damages = {
      "its content is gone": "NULL",
      "its content is shorter": "substr(content, 2)",
      "a download found a changed byte": "CAST(x'00' || substr(content, 2) AS BLOB)",
    };
    for (const [how, value] of Object.entries(damages)) {
      await using fixture = await Fixture.create();
      const { again, name } = await putFirst(fixture, what);
      tamper(
        join(fixture.data, "catalog.db"),
        `UPDATE contents SET content = ${value}
         WHERE file = (SELECT id FROM files WHERE name = ?)`,
        name,
      );
      if (how.startsWith("a download")) {
        using client = await fixture.client("Alice");
        await assert.rejects(got(client, name), { code: "damaged" });
      }
      mended(await again());
      await isWhole(fixture, name, contentOf("a"));
    }
  });
}

/** Operations that read a whole file on the server, each with a way to find a changed byte. */
const FINDERS: Readonly<Record<string, (fixture: Fixture, name: string) => Promise<unknown>>> = {
  verify: (fixture) => verify({ dataFolder: fixture.data }),
  export: async (fixture, fileName) => {
    const target = fixture.folder.join("exported");
    const request = { dataFolder: fixture.data, userName: "Alice", fileName, target };
    await assert.rejects(exportFile(request), { code: "stored-file-damaged" });
  },
  backup: (fixture) => backup(fixture.data, fixture.folder.join("backup")),
};

for (const [finder, find] of Object.entries(FINDERS)) {
  for (const [where, limits] of Object.entries({ "on disk": ON_DISK, "in the catalog": {} })) {
    Deno.test(`a file ${where} found damaged by ${finder} is refused, and stored again`, async () => {
      await using fixture = await Fixture.create(limits);
      const { again, name } = await putFirst(fixture, "a folder");
      await spoil(fixture, name);
      await find(fixture, name);
      assert.equal(markOf(fixture, name), "content");
      using client = await fixture.client("Alice");
      const refused = { code: "damaged", category: "refused" };
      await assert.rejects(client.stat(name), refused);
      await assert.rejects(got(client, name), refused);
      const listed: string[] = [];
      await assert.rejects(client.list("", (file) => listed.push(file.name)), refused);
      assert.deepEqual(listed, ["photos", ...NAMES.slice(1).map((name) => `photos/${name}`)]);
      mended(await again());
      await isWhole(fixture, name, contentOf("a"));
    });
  }
}

Deno.test("with old versions: a damaged version is deleted when its content is stored again; others stay", async () => {
  await using fixture = await Fixture.create({ ...ON_DISK, historyMs: Infinity });
  const { again, name } = await putFirst(fixture, "one file");
  const source = fixture.folder.join("photos", "a");
  await Deno.writeFile(source, contentOf("x"));
  assert.deepEqual(Object.values(await again()), ["stored"]);
  const old = (await listStored(fixture.data)).flatMap(({ files }) => files)
    .find(({ version }) => version === 1);
  await Deno.remove(join(fixture.data, old?.content.id ?? assert.fail()));
  await flipByte(await blobOf(fixture, name));
  assert.equal((await verify({ dataFolder: fixture.data })).findings, 2);
  assert.deepEqual(Object.values(await again()), ["stored"]);
  const kept = (await listStored(fixture.data)).flatMap(({ files }) => files);
  assert.deepEqual(kept.map(({ version, damage }) => [version, damage]), [
    ...[[1, "missing"], [3, undefined]],
  ]);
  await Deno.writeFile(source, contentOf("a"));
  assert.deepEqual(Object.values(await again()), ["stored"]);
  await isWhole(fixture, name, contentOf("a"));
});

Deno.test("with history: a damaged file that is repaired does not become history, even within the quota", async () => {
  const limits = { ...ON_DISK, historyMs: Infinity, quota: 1.5 * SIZE };
  await using fixture = await Fixture.create(limits);
  const { again, name } = await putFirst(fixture, "one file");
  await Deno.remove(await blobOf(fixture, name));
  assert.deepEqual(Object.values(await again()), ["stored"]);
  await isWhole(fixture, name, contentOf("a"));
  assert.equal(fixture.blobs("files").length, 1);
  using client = await fixture.client("Alice");
  const other = { file: await fixture.source("other", contentOf("x")), name };
  assert.deepEqual(await put(client, [other]), [cksum(contentOf("x"))]);
  assert.equal(fixture.blobs("files").length, 1, "history has no room in the quota");
});

Deno.test("files of protocol 3: one damaged after its digest was computed is stored again", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  (await fixture.client("Alice"))[Symbol.dispose]();
  {
    using peer = await RawClient.connect(fixture.server.address);
    await peer.enrol("Before");
    await peer.sendFile("a", contentOf("a"));
    await peer.judge("crcValid", "a");
  }
  tamper(
    join(fixture.data, "catalog.db"),
    `UPDATE files SET client_id = (SELECT id FROM clients WHERE name = 'Alice')`,
  );
  const source = await fixture.folder.write("a", contentOf("a"));
  const options = { connect: await fixture.options("Alice"), paths: [source] };
  const states = async () => (await putAll(options)).map(({ state }) => state);
  // The server does not know the file's own time.
  assert.deepEqual(await states(), ["updated"]);
  assert.deepEqual(await states(), ["unchanged"]);
  await Deno.truncate(await blobOf(fixture, "a"), 10);
  assert.deepEqual(await states(), ["stored"]);
  await isWhole(fixture, "a", contentOf("a"));
});

Deno.test("put: each unchanged blob is checked once on disk, and files kept in the catalog never", async () => {
  for (const [limits, looksPerFile] of [[ON_DISK, 1], [{}, 0]] as [Partial<Limits>, number][]) {
    await using fixture = await Fixture.create(limits);
    const { again } = await putFirst(fixture, "a folder");
    const watch = await watched(fixture);
    let looks = 0;
    watch.before = () => Promise.resolve(void looks++);
    assert.deepEqual(new Set(Object.values(await again())), new Set(["unchanged"]));
    // The check at the start runs at the same time and looks at each blob, too.
    assert.ok(looks <= 2 * looksPerFile * NAMES.length, `${looks} looks`);
    assert.equal(watch.opened, 0);
  }
});
