/** A file that is damaged on the server is never called unchanged: it is sent again, which mends it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { backup } from "../../../server/operator/backup.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { putFiles } from "../../../client/v4/put_files.ts";
import type { StoredFile } from "../../../server/catalog/files.ts";
import { verify } from "../../../server/operator/verify.ts";
import { getFolder } from "../../../client/v4/get_files.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { CountedDatabase } from "../../support/store/counted_database.ts";
import { openDatabase, tamper } from "../../support/store/database.ts";
import { ServerLog } from "../../support/server_log.ts";
import { Peer } from "../../support/v3/raw_client.ts";
import { got, ON_DISK, put, Scene, startServer } from "../../support/v4/fixture.ts";
import { watched } from "../../support/v4/traced.ts";

const SIZE = 1000;
const NAMES = ["a", "b", "c"];
const contentOf = (name: string, size = SIZE) => pseudoRandomBytes(size, name.charCodeAt(0));

/** What a client puts: one file, several, or all of a folder; the first is the one that is damaged. */
const PUTS = {
  "one file": (folder: string) => [join(folder, "a")],
  "several files": (folder: string) => NAMES.map((name) => join(folder, name)),
  "a folder": (folder: string) => [folder],
};

interface Put {
  /** Puts the files again, and returns what came of each by name. */
  again(): Promise<Record<string, string>>;
  /** The name of the file that is to be damaged, on the server. */
  readonly name: string;
}

async function putFirst(scene: Scene, what: keyof typeof PUTS, size = SIZE): Promise<Put> {
  const folder = scene.folder.join("photos");
  await Deno.mkdir(folder);
  for (const name of NAMES) await Deno.writeFile(join(folder, name), contentOf(name, size));
  const again = async () => {
    const options = { connect: await scene.options("Alice"), paths: PUTS[what](folder) };
    const states = (await putFiles(options)).map((outcome) =>
      "name" in outcome ? [outcome.name, outcome.state] : assert.fail(outcome.error)
    );
    return Object.fromEntries(states.sort());
  };
  const first = await again();
  assert.deepEqual(new Set(Object.values(first)), new Set(["stored"]));
  const name = Object.keys(first)[0] ?? assert.fail();
  return { again, name };
}

/** What comes of a put where all is unchanged but the damaged file, which is the first by name. */
function mended(states: Record<string, string>): void {
  const [first, ...others] = Object.values(states);
  assert.equal(first, "stored");
  assert.deepEqual(others.filter((state) => state !== "unchanged"), []);
}

async function fileOf(scene: Scene, name: string): Promise<StoredFile> {
  const files = (await listStored(scene.data)).flatMap(({ files }) => files);
  return files.find((file) => file.name === name && file.current === true) ?? assert.fail(name);
}

async function blobOf(scene: Scene, name: string): Promise<string> {
  return join(scene.data, (await fileOf(scene, name)).path);
}

async function flipByte(path: string, at = 500): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await Deno.writeFile(path, bytes);
}

function markOf(scene: Scene, name: string): unknown {
  using database = openDatabase(join(scene.data, "catalog.db"), { readOnly: true });
  return database.prepare("SELECT damage FROM files WHERE name = ? AND current = 1").get(name)
    ?.["damage"];
}

async function isWhole(scene: Scene, name: string, content: Bytes): Promise<void> {
  using client = await scene.client("Alice");
  assert.deepEqual(await got(client, name), content);
  assert.equal((await client.stat(name)).size, content.length);
  assert.equal((await verify({ dataFolder: scene.data })).findings, 0);
  assert.equal(markOf(scene, name), null);
}

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
      // What a link or a folder took the place of is no blob, and stays where it is.
      if (how.startsWith("a ")) await Deno.remove(path).catch(() => undefined);
      await Deno.remove(`${path}-elsewhere`).catch(() => undefined);
      await isWhole(scene, name, contentOf("a"));
      assert.deepEqual(new Set(Object.values(await again())), new Set(["unchanged"]), how);
    }
  });

  Deno.test(`put of ${what}: a file that a get has found damaged is stored again`, async () => {
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

  Deno.test(`put of ${what}: a damaged file that the catalog keeps is stored again`, async () => {
    const damages = {
      "its content is gone": "NULL",
      "its content is shorter": "substr(content, 2)",
      "a get has found another byte": "CAST(x'00' || substr(content, 2) AS BLOB)",
    };
    for (const [how, value] of Object.entries(damages)) {
      await using scene = await Scene.create();
      const { again, name } = await putFirst(scene, what);
      tamper(
        join(scene.data, "catalog.db"),
        `UPDATE files SET content = ${value} WHERE name = ?`,
        name,
      );
      if (how.startsWith("a get")) {
        using client = await scene.client("Alice");
        await assert.rejects(got(client, name), { code: "damaged" });
      }
      mended(await again());
      await isWhole(scene, name, contentOf("a"));
    }
  });
}

/** Whatever reads a whole file on the server, with what it takes to find one byte that is another. */
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
    Deno.test(`a file ${where} that ${finder} has found damaged is refused, and stored again`, async () => {
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

/** Changes a byte of a file, wherever the server keeps it. */
async function spoil(scene: Scene, name: string): Promise<void> {
  if (scene.blobs("files").length > 0) return await flipByte(await blobOf(scene, name));
  tamper(
    join(scene.data, "catalog.db"),
    "UPDATE files SET content = CAST(x'00' || substr(content, 2) AS BLOB) WHERE name = ?",
    name,
  );
}

Deno.test("a get that finds damage logs user and file once, and records it for later", async () => {
  await using log = await ServerLog.take();
  await using scene = await Scene.create(ON_DISK);
  const { name } = await putFirst(scene, "one file");
  await flipByte(await blobOf(scene, name));
  using client = await scene.client("Alice");
  for (let i = 0; i < 3; i++) await assert.rejects(got(client, name), { code: "damaged" });
  const [logged, ...more] = log.of("file.damaged");
  assert.deepEqual([logged?.["user"], logged?.["file"], logged?.["damage"]], [
    ...["Alice", name, "content"],
  ]);
  assert.deepEqual(more, []);
  assert.equal(markOf(scene, name), "content");
});

Deno.test("of a range, a get finds the damage that is in it, and gives no damaged byte", async () => {
  await using scene = await Scene.create(ON_DISK);
  const { name } = await putFirst(scene, "one file", 2 * CHUNK_SIZE);
  await flipByte(await blobOf(scene, name), CHUNK_SIZE + 1);
  using client = await scene.client("Alice");
  const chunk = await got(client, name, { from: 0, to: CHUNK_SIZE });
  assert.deepEqual(chunk, contentOf("a", 2 * CHUNK_SIZE).subarray(0, CHUNK_SIZE));
  const range = { from: CHUNK_SIZE, to: 2 * CHUNK_SIZE };
  await assert.rejects(got(client, name, range), { code: "damaged" });
  assert.equal(markOf(scene, name), "content");
});

Deno.test("a start finds files that are missing or have another size, records and logs them", async () => {
  await using log = await ServerLog.take();
  await using scene = await Scene.create(ON_DISK);
  const { again, name } = await putFirst(scene, "a folder");
  const { path } = await fileOf(scene, name);
  await scene.server.close();
  await Deno.rename(join(scene.data, path), scene.folder.join("away"));
  scene.server = await startServer(scene.data, ON_DISK);
  const [logged] = await log.awaits("store.missing");
  assert.deepEqual([logged?.["user"], logged?.["file"]], ["Alice", name]);
  await log.awaits("store.differs");
  assert.equal(markOf(scene, name), "missing");
  await scene.server.close();

  // As after a disk was put back that had not been mounted.
  await Deno.rename(scene.folder.join("away"), join(scene.data, path));
  scene.server = await startServer(scene.data, ON_DISK);
  await log.awaits("store.mended");
  assert.equal(markOf(scene, name), null);
  assert.deepEqual(new Set(Object.values(await again())), new Set(["unchanged"]));
});

Deno.test("a file that can't be written elsewhere is not damaged for that", async () => {
  await using scene = await Scene.create(ON_DISK);
  const { name } = await putFirst(scene, "a folder");
  const request = { dataFolder: scene.data, userName: "Alice", fileName: name };
  const target = scene.folder.join("no such folder", "a");
  await assert.rejects(exportFile({ ...request, target }), { code: "cannot-write" });
  assert.equal(markOf(scene, name), null);
  await Deno.remove(await blobOf(scene, name));
  const there = scene.folder.join("exported");
  await assert.rejects(exportFile({ ...request, target: there }), { code: "stored-file-damaged" });
  assert.equal(markOf(scene, name), "missing");
});

Deno.test("what verify finds is recorded before it has read all", async () => {
  await using scene = await Scene.create(ON_DISK);
  await putFirst(scene, "a folder");
  const files = (await listStored(scene.data)).flatMap(({ files }) => files);
  for (const { path } of files) await Deno.remove(join(scene.data, path));
  const found: string[] = [];
  const recorded: unknown[] = [];
  await verify({
    dataFolder: scene.data,
    onFinding: ({ finding }) => {
      const [first] = found;
      if (first !== undefined) recorded.push(markOf(scene, first));
      if (finding.kind !== "stray") found.push(finding.file.name);
    },
  });
  assert.deepEqual(recorded, ["missing", "missing"]);
});

Deno.test("a file that verify can't read is told of, and not taken for damaged by clients", async () => {
  await using scene = await Scene.create(ON_DISK);
  const { again, name } = await putFirst(scene, "a folder");
  const blob = await blobOf(scene, name);
  const open = Deno.open;
  const found: string[] = [];
  try {
    Deno.open = (path, options) =>
      path === blob
        ? Promise.reject(new Error("Too many open files (os error 24)"))
        : open(path, options);
    await verify({
      dataFolder: scene.data,
      onFinding: ({ finding }) => found.push(finding.kind === "changed" ? finding.what : ""),
    });
  } finally {
    Deno.open = open;
  }
  assert.deepEqual(found, ["it can't be read: Error: Too many open files (os error 24)"]);
  assert.equal(markOf(scene, name), null);
  assert.deepEqual(new Set(Object.values(await again())), new Set(["unchanged"]));
});

Deno.test("a start that can't record what is missing logs that, and the server is at work", async () => {
  await using log = await ServerLog.take();
  await using scene = await Scene.create(ON_DISK);
  const { name } = await putFirst(scene, "a folder");
  for (const { path } of (await listStored(scene.data))[0]?.files ?? []) {
    await Deno.remove(join(scene.data, path));
  }
  const openCatalog = async (path: string) =>
    interceptedCatalog(
      await openInThisThread(path),
      (method, _args, next) =>
        method === "files.setDamage"
          ? Promise.reject(new Error("database or disk is full"))
          : next(),
    );
  await scene.restart({ openCatalog });
  const [logged] = await log.awaits("store.not-compared");
  assert.match(`${logged?.["reason"]}`, /disk is full/);
  using client = await scene.client("Alice");
  await assert.rejects(client.stat(name), { code: "damaged" });
});

Deno.test("a damaged file is recorded once, however often it is asked for", async () => {
  const database = new CountedDatabase();
  const openCatalog = (path: string) => openInThisThread(path, database.open);
  await using scene = await Scene.create(ON_DISK, { openCatalog });
  const { name } = await putFirst(scene, "a folder");
  await Deno.remove(await blobOf(scene, name));
  using client = await scene.client("Alice");
  await assert.rejects(client.stat(name), { code: "damaged" });
  assert.equal(markOf(scene, name), "missing");
  database.forget();
  for (let i = 0; i < 10; i++) {
    await assert.rejects(client.stat(name), { code: "damaged" });
    await assert.rejects(client.list("", () => undefined), { code: "damaged" });
  }
  assert.deepEqual(database.executed, [], "no transaction");
});

Deno.test("a start believes what was found in a file's content before, which it does not read", async () => {
  await using log = await ServerLog.take();
  await using scene = await Scene.create(ON_DISK);
  const { name } = await putFirst(scene, "a folder");
  await flipByte(await blobOf(scene, name));
  assert.equal((await verify({ dataFolder: scene.data })).findings, 1);
  await scene.server.close();
  scene.server = await startServer(scene.data, ON_DISK);
  await log.awaits("store.differs");
  assert.equal(markOf(scene, name), "content");
});

Deno.test("verify takes a mark away that is wrong, and says so", async () => {
  await using scene = await Scene.create(ON_DISK);
  const { again, name } = await putFirst(scene, "one file");
  const path = await blobOf(scene, name);
  await flipByte(path);
  assert.equal((await verify({ dataFolder: scene.data })).findings, 1);
  await flipByte(path);
  using client = await scene.client("Alice");
  await assert.rejects(client.stat(name), { code: "damaged" });
  const sound: string[] = [];
  const { findings } = await verify({
    dataFolder: scene.data,
    onSound: (file) => sound.push(file.name),
  });
  assert.deepEqual([findings, sound, markOf(scene, name)], [0, [name], null]);
  assert.deepEqual(Object.values(await again()), ["unchanged"]);
});

Deno.test("where versions are kept, a damaged one goes when its content is stored again; others stay", async () => {
  await using scene = await Scene.create({ ...ON_DISK, versions: 5 });
  const { again, name } = await putFirst(scene, "one file");
  const source = scene.folder.join("photos", "a");
  await Deno.writeFile(source, contentOf("x"));
  assert.deepEqual(Object.values(await again()), ["stored"]);
  const old = (await listStored(scene.data)).flatMap(({ files }) => files)
    .find(({ version }) => version === 1);
  await Deno.remove(join(scene.data, old?.path ?? assert.fail()));
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

Deno.test("where versions are kept, the quota has room for what mends a damaged file", async () => {
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

Deno.test("files of protocol 3: one whose digest is known, and that is damaged later, is stored again", async () => {
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

Deno.test("a list tells of each damaged file in its turn, and fails in the end for whoever has no use for that", async () => {
  await using scene = await Scene.create(ON_DISK);
  await putFirst(scene, "a folder");
  await Deno.remove(await blobOf(scene, "photos/b"));
  using client = await scene.client("Alice");
  const listed: string[] = [];
  const take = ({ name }: { name: string }) => void listed.push(name);
  const takeDamaged = ({ name, version }: { name: string; version: number }) =>
    void listed.push(`${name} ${version} is damaged`);
  await client.list("", take, undefined, takeDamaged);
  assert.deepEqual(listed, ["photos/a", "photos/b 1 is damaged", "photos/c"]);
  for (const path of scene.blobs("files")) await Deno.remove(path);
  await assert.rejects(client.list("", () => assert.fail()), {
    code: "damaged",
    message: "3 files are damaged on the server: photos/a, photos/b, photos/c",
  });
});

Deno.test("get of a folder: a damaged file is named as failed, and all others come", async () => {
  await using scene = await Scene.create(ON_DISK);
  await putFirst(scene, "a folder");
  await Deno.remove(await blobOf(scene, "photos/a"));
  await flipByte(await blobOf(scene, "photos/c"));
  const target = scene.folder.join("got");
  const options = { connect: await scene.options("Alice"), name: "photos", target };
  const outcomes = (await getFolder(options)).map((outcome) =>
    `${outcome.name}: ${outcome.state === "not-got" ? outcome.error.code : outcome.state}`
  );
  assert.deepEqual(outcomes.sort(), ["photos/a: damaged", "photos/b: got", "photos/c: damaged"]);
  assert.deepEqual(await Deno.readFile(join(target, "b")), new Uint8Array(contentOf("b")));
});

Deno.test("a put looks once at each blob that is to be called unchanged, and at none that the catalog keeps", async () => {
  for (const [limits, looksPerFile] of [[ON_DISK, 1], [{}, 0]] as [Partial<Limits>, number][]) {
    await using scene = await Scene.create(limits);
    const { again } = await putFirst(scene, "a folder");
    const watch = await watched(scene);
    let looks = 0;
    watch.before = () => Promise.resolve(void looks++);
    assert.deepEqual(new Set(Object.values(await again())), new Set(["unchanged"]));
    // The comparison at the start looks at each blob too, at the same time.
    assert.ok(looks <= 2 * looksPerFile * NAMES.length, `${looks} looks`);
    assert.equal(watch.opened, 0);
  }
});
