/** A file that is damaged on the server never counts as unchanged: it is uploaded again, which repairs it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { backup } from "../../../server/operator/backup.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { putFiles } from "../../../client/v4/put_files.ts";
import { verify } from "../../../server/operator/verify.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { tamper } from "../../support/store/database.ts";
import { Peer } from "../../support/v3/raw_client.ts";
import { got, ON_DISK, put, Scene } from "../../support/v4/fixture.ts";
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
      await using scene = await Scene.create(ON_DISK);
      const { again, name } = await putFirst(scene, what);
      const path = await blobOf(scene, name);
      await damage(path);
      mended(await again());
      // A link or folder in the place of a blob is not a blob, and stays.
      if (how.startsWith("a ")) await Deno.remove(path).catch(() => undefined);
      await Deno.remove(`${path}-elsewhere`).catch(() => undefined);
      await isWhole(scene, name, contentOf("a"));
      assert.deepEqual(new Set(Object.values(await again())), new Set(["unchanged"]), how);
    }
  });

  Deno.test(`put of ${what}: a file found damaged by a download is stored again`, async () => {
    for (const size of [SIZE, 2 * CHUNK_SIZE + 5]) {
      await using scene = await Scene.create(ON_DISK);
      const { again, name } = await putFirst(scene, what, size);
      await flipByte(await blobOf(scene, name), size - 1);
      using client = await scene.client("Alice");
      await assert.rejects(got(client, name), { name: "RefusedError", code: "damaged" });
      mended(await again());
      await isWhole(scene, name, contentOf("a", size));
    }
  });

  Deno.test(`put of ${what}: a damaged file kept in the catalog is stored again`, async () => {
    const damages = {
      "its content is gone": "NULL",
      "its content is shorter": "substr(content, 2)",
      "a download found a changed byte": "CAST(x'00' || substr(content, 2) AS BLOB)",
    };
    for (const [how, value] of Object.entries(damages)) {
      await using scene = await Scene.create();
      const { again, name } = await putFirst(scene, what);
      tamper(
        join(scene.data, "catalog.db"),
        `UPDATE files SET content = ${value} WHERE name = ?`,
        name,
      );
      if (how.startsWith("a download")) {
        using client = await scene.client("Alice");
        await assert.rejects(got(client, name), { code: "damaged" });
      }
      mended(await again());
      await isWhole(scene, name, contentOf("a"));
    }
  });
}

/** Operations that read a whole file on the server, each with a way to find a changed byte. */
const FINDERS: Readonly<Record<string, (scene: Scene, name: string) => Promise<unknown>>> = {
  verify: (scene) => verify({ dataFolder: scene.data }),
  export: async (scene, fileName) => {
    const target = scene.folder.join("exported");
    const request = { dataFolder: scene.data, userName: "Alice", fileName, target };
    await assert.rejects(exportFile(request), { code: "stored-file-damaged" });
  },
  backup: (scene) => backup(scene.data, scene.folder.join("backup")),
};

for (const [finder, find] of Object.entries(FINDERS)) {
  for (const [where, limits] of Object.entries({ "on disk": ON_DISK, "in the catalog": {} })) {
    Deno.test(`a file ${where} found damaged by ${finder} is refused, and stored again`, async () => {
      await using scene = await Scene.create(limits);
      const { again, name } = await putFirst(scene, "a folder");
      await spoil(scene, name);
      await find(scene, name);
      assert.equal(markOf(scene, name), "content");
      using client = await scene.client("Alice");
      const refused = { code: "damaged", category: "refused" };
      await assert.rejects(client.stat(name), refused);
      await assert.rejects(got(client, name), refused);
      const listed: string[] = [];
      await assert.rejects(client.list("", (file) => listed.push(file.name)), refused);
      assert.equal(listed.length, NAMES.length - 1);
      mended(await again());
      await isWhole(scene, name, contentOf("a"));
    });
  }
}

Deno.test("with old versions: a damaged version is deleted when its content is stored again; others stay", async () => {
  await using scene = await Scene.create({ ...ON_DISK, versions: 5 });
  const { again, name } = await putFirst(scene, "one file");
  const source = scene.folder.join("photos", "a");
  await Deno.writeFile(source, contentOf("x"));
  assert.deepEqual(Object.values(await again()), ["stored"]);
  const old = (await listStored(scene.data)).flatMap(({ files }) => files)
    .find(({ version }) => version === 1);
  await Deno.remove(join(scene.data, old?.content.id ?? assert.fail()));
  await flipByte(await blobOf(scene, name));
  assert.equal((await verify({ dataFolder: scene.data })).findings, 2);
  assert.deepEqual(Object.values(await again()), ["stored"]);
  const kept = (await listStored(scene.data)).flatMap(({ files }) => files);
  assert.deepEqual(kept.map(({ version, damage }) => [version, damage]), [
    ...[[1, "missing"], [3, undefined]],
  ]);
  await Deno.writeFile(source, contentOf("a"));
  assert.deepEqual(Object.values(await again()), ["stored"]);
  await isWhole(scene, name, contentOf("a"));
});

Deno.test("with old versions: the quota has room for an upload that repairs a damaged file", async () => {
  const limits = { ...ON_DISK, versions: 5, quota: 1.5 * SIZE };
  await using scene = await Scene.create(limits);
  const { again, name } = await putFirst(scene, "one file");
  await Deno.remove(await blobOf(scene, name));
  assert.deepEqual(Object.values(await again()), ["stored"]);
  await isWhole(scene, name, contentOf("a"));
  using client = await scene.client("Alice");
  const other = { file: await scene.source("other", contentOf("x")), name };
  assert.deepEqual(
    await put(client, [other]),
    ["over-limit"],
    "a sound version is kept, and counts",
  );
});

Deno.test("files of protocol 3: one damaged after its digest was computed is stored again", async () => {
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  {
    using peer = await Peer.connect(scene.server.address);
    await peer.enrol("Before");
    await peer.sendFile("a", contentOf("a"));
    await peer.judge("crcValid", "a");
  }
  tamper(
    join(scene.data, "catalog.db"),
    `UPDATE files SET client_id = (SELECT id FROM clients WHERE name = 'Alice')`,
  );
  const source = await scene.folder.write("a", contentOf("a"));
  const options = { connect: await scene.options("Alice"), paths: [source] };
  const states = async () => (await putFiles(options)).map(({ state }) => state);
  assert.deepEqual(await states(), ["unchanged"]);
  await Deno.truncate(await blobOf(scene, "a"), 10);
  assert.deepEqual(await states(), ["stored"]);
  await isWhole(scene, "a", contentOf("a"));
});

Deno.test("put: each unchanged blob is checked once on disk, and files kept in the catalog never", async () => {
  for (const [limits, looksPerFile] of [[ON_DISK, 1], [{}, 0]] as [Partial<Limits>, number][]) {
    await using scene = await Scene.create(limits);
    const { again } = await putFirst(scene, "a folder");
    const watch = await watched(scene);
    let looks = 0;
    watch.before = () => Promise.resolve(void looks++);
    assert.deepEqual(new Set(Object.values(await again())), new Set(["unchanged"]));
    // The check at the start runs at the same time and looks at each blob, too.
    assert.ok(looks <= 2 * looksPerFile * NAMES.length, `${looks} looks`);
    assert.equal(watch.opened, 0);
  }
});
