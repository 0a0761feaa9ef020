/** Verify, repair and removal, on real folders. */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { backup } from "../../../server/operator/mod.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import { removeUser } from "../../../server/operator/users.ts";
import { type Verified, verify } from "../../../server/operator/verify.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { tamper } from "../../support/store/database.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import {
  contents,
  files,
  findings,
  firstFile,
  listen,
  prepared,
  shown,
  store,
} from "../../support/store/stored.ts";
import { startInThisThread } from "../../support/server.ts";

const posix = Deno.build.os !== "windows";

type Damage = (dataFolder: string, path: string) => Promise<unknown>;

const DAMAGES: Readonly<Record<string, Damage>> = {
  missing: (data, path) => Deno.remove(join(data, path)),
  "changed by a byte": async (data, path) => {
    const bytes = await Deno.readFile(join(data, path));
    bytes[500] = (bytes[500] ?? 0) ^ 1;
    await Deno.writeFile(join(data, path), bytes);
  },
  "changed, cut": (data, path) => Deno.truncate(join(data, path), 999),
  "changed, longer": (data, path) => Deno.truncate(join(data, path), 1001),
  "changed into a link": async (data, path) => {
    await Deno.rename(join(data, path), join(data, "elsewhere"));
    await Deno.symlink(join(data, "elsewhere"), join(data, path));
  },
  "changed into a folder": async (data, path) => {
    await Deno.remove(join(data, path));
    await Deno.mkdir(join(data, path));
  },
};

for (const [what, damage] of Object.entries(DAMAGES)) {
  Deno.test({
    name: `verify: a file that is ${what} is found, not read, and quarantined by repair`,
    ignore: !posix && what.includes("link"),
    async fn() {
      await using folder = await TemporaryFolder.create();
      const data = await prepared(folder);
      const [victim] = await files(data);
      await damage(data, victim?.content.id ?? assert.fail());
      const kind = what.split(/[ ,]/)[0];
      assert.deepEqual(shown(await findings(data)), [`${kind} file0`]);
      await assert.rejects(
        exportFile({
          ...{ dataFolder: data, userName: "Alice", fileName: "file0" },
          target: folder.join("out"),
        }),
        { code: "stored-file-damaged" },
      );
      const copy = await backup(data, folder.join("backup"));
      assert.deepEqual(copy.damaged.map(({ name }) => name), ["file0"]);
      assert.equal(copy.files, 3);
      const [repaired] = await findings(data, true);
      assert.equal(repaired?.movedTo === undefined, kind === "missing");
      assert.deepEqual(await findings(data), []);
      assert.deepEqual((await files(data)).map(({ name }) => name), ["file1", "file2", "file3"]);
      const record = await Deno.readTextFile(join(data, "quarantine.jsonl"));
      assert.equal(JSON.parse(record).crc, victim?.crc);
    },
  });
}

Deno.test("repair: if it ends right after a move, the move is listed, and the next start finishes it", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const victim = await firstFile(data);
  await Deno.truncate(join(data, victim.content.id), 10);
  const rename = Deno.rename;
  try {
    Deno.rename = async (from, to) => {
      await rename(from, to);
      throw new Error("the process ends here");
    };
    await assert.rejects(verify({ dataFolder: data, repair: true }), /the process ends here/);
  } finally {
    Deno.rename = rename;
  }
  const [moved] = [...Deno.readDirSync(join(data, "quarantine"))];
  const record = () => Deno.readTextFileSync(join(data, "quarantine.jsonl"));
  const [line = ""] = record().split("\n");
  const { movedTo, user, name } = JSON.parse(line);
  assert.deepEqual([movedTo, user, name], [`quarantine/${moved?.name}`, "Alice", "file0"]);
  await (await startInThisThread({ listen, dataFolder: data })).close();
  assert.deepEqual((await files(data)).map(({ name }) => name), ["file1", "file2", "file3"]);
  assert.equal(record(), `${line}\n`, "once");
  assert.deepEqual(await findings(data), []);
});

Deno.test("repair: a file that was missing in an interrupted repair and is back before the next start stays", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const { content: { id: path } } = await firstFile(data);
  await Deno.rename(join(data, path), folder.join("away"));
  const open = Deno.open;
  try {
    Deno.open = (path, options) =>
      `${path}`.endsWith("quarantine.jsonl")
        ? Promise.reject(new Error("the process ends here"))
        : open(path, options);
    await assert.rejects(verify({ dataFolder: data, repair: true }), /the process ends here/);
  } finally {
    Deno.open = open;
  }
  await Deno.rename(folder.join("away"), join(data, path));
  await (await startInThisThread({ listen, dataFolder: data })).close();
  assert.equal((await files(data)).length, 4);
  assert.deepEqual(await findings(data, true), []);
});

Deno.test("repair: a list without the end of its last line loses nothing", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const before = '{"kind":"stray","note":"by hand"}';
  await Deno.writeTextFile(join(data, "quarantine.jsonl"), before);
  for (const { content: { id: path } } of (await files(data)).slice(0, 2)) {
    Deno.removeSync(join(data, path));
  }
  await findings(data, true);
  const lines = Deno.readTextFileSync(join(data, "quarantine.jsonl")).trimEnd().split("\n");
  assert.deepEqual(lines.map((line) => JSON.parse(line).kind), ["stray", "missing", "missing"]);
  assert.equal(lines[0], before);
});

Deno.test("repair: if all contents are missing, as without the disk, every file stays in the catalog", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const before = await files(data);
  await Deno.rename(join(data, "files"), folder.join("files"));
  await Deno.mkdir(join(data, "files"), { mode: 0o700 });
  await assert.rejects(findings(data, true), { code: "contents-missing" });
  await Deno.remove(join(data, "files"));
  await Deno.rename(folder.join("files"), join(data, "files"));
  assert.deepEqual(await findings(data, true), []);
  assert.deepEqual(await files(data), before);
});

Deno.test("verify: it finds all damage and nothing else, and repair loses no byte", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("whole", "cut", "gone"), { minLength: 5, maxLength: 5 }),
      fc.uniqueArray(fc.constantFrom("notes.txt", "x".repeat(32), "0".repeat(32)), {}),
      async (fates, strays) => {
        await using folder = await TemporaryFolder.create();
        // Without any content, nothing is repaired.
        const data = await prepared(folder, fates.length + 1);
        const expected: string[] = [];
        for (const [index, { name, content: { id: path } }] of (await files(data)).entries()) {
          if (fates[index] === "cut") await Deno.truncate(join(data, path), index);
          if (fates[index] === "gone") await Deno.remove(join(data, path));
          if (fates[index] === "cut") expected.push(`changed ${name}`);
          if (fates[index] === "gone") expected.push(`missing ${name}`);
        }
        for (const name of strays) {
          await Deno.writeTextFile(join(data, "files", name), `stray ${name}`);
          expected.push(`stray files/${name}`);
        }
        const before = contents(join(data, "files")).sort();
        assert.deepEqual(shown(await findings(data, true)), expected.sort());
        assert.deepEqual(await findings(data), []);
        const kept = [join(data, "files"), join(data, "quarantine")];
        const after = kept.flatMap((path) => {
          try {
            return contents(path);
          } catch {
            return [];
          }
        });
        assert.deepEqual(after.sort(), before);
      },
    ),
    { numRuns: 8 },
  );
});

Deno.test("verify: while the server runs it finds no problem; repair requires a stopped server", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  await using server = await startInThisThread({ listen, dataFolder });
  using peer = await RawClient.connect(server.address);
  await peer.enrol("Alice");
  let done = false;
  const replacing = (async () => {
    for (let i = 0; i < 40; i++) await store(peer, `file${i % 3}`, i);
    done = true;
  })();
  while (!done) assert.deepEqual(shown(await findings(dataFolder)), []);
  await replacing;
  await assert.rejects(findings(dataFolder, true), { code: "data-folder-in-use" });
});

Deno.test("verify: parts of a verification find each difference once", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = await prepared(folder, 12);
  for (const { content: { id: path } } of await files(dataFolder)) {
    Deno.removeSync(join(dataFolder, path));
  }
  Deno.writeTextFileSync(join(dataFolder, "files", "stray"), "");
  const found: Verified[] = [];
  for (const number of [1, 2, 3]) {
    await verify({
      ...{ dataFolder, part: { number, count: 3 } },
      onFinding: (one) => found.push(one),
    });
  }
  assert.deepEqual(shown(found), shown(await findings(dataFolder)));
});

Deno.test("verify: if interrupted, it reports its findings so far", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = await prepared(folder);
  for (const { content: { id: path } } of await files(dataFolder)) {
    Deno.removeSync(join(dataFolder, path));
  }
  const stopping = new AbortController();
  const report = await verify({
    ...{ dataFolder, signal: stopping.signal },
    onFinding: () => stopping.abort(),
  });
  assert.deepEqual([report.findings, report.whole], [1, false]);
});

Deno.test("verify, repair: a path outside the data folder in a catalog is not read, moved or removed", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const forged = await firstFile(data);
  Deno.renameSync(join(data, forged.content.id), folder.join("outside"));
  const content = Deno.readFileSync(folder.join("outside"));
  tamper(
    join(data, "catalog.db"),
    "UPDATE files SET path = '../outside' WHERE path = ?",
    forged.content.id,
  );
  assert.deepEqual(shown(await findings(data)), [`missing ${forged.name}`]);
  await findings(data, true);
  assert.deepEqual(await findings(data), []);
  assert.deepEqual(Deno.readFileSync(folder.join("outside")), content);
});

Deno.test("remove a user: the account and its files are removed, others stay, while the server runs", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = await prepared(folder);
  await using server = await startInThisThread({ listen, dataFolder });
  using bob = await RawClient.connect(server.address);
  await bob.enrol("Bob");
  await store(bob, "b", 9);
  assert.equal(await removeUser(dataFolder, "Alice"), 4);
  assert.deepEqual((await files(dataFolder)).map(({ name }) => name), ["b"]);
  assert.deepEqual(await findings(dataFolder), []);
  await assert.rejects(removeUser(dataFolder, "Alice"), { code: "no-such-user" });
  // Bob is removed during an upload.
  await bob.sendFile("c", pseudoRandomBytes(1000));
  assert.equal(await removeUser(dataFolder, "Bob"), 1);
  assert.equal(kindOf(await bob.judge("crcValid", "c")), "generalError");
  assert.deepEqual(await findings(dataFolder), []);
  using alice = await RawClient.connect(server.address);
  assert.equal(kindOf(await alice.register("Alice")), "registered", "the name is free again");
});

Deno.test("verify: a catalog with inconsistent rows is reported", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = await prepared(folder);
  tamper(join(dataFolder, "catalog.db"), "PRAGMA foreign_keys = OFF; DELETE FROM clients;");
  const { catalogFaults } = await verify({ dataFolder });
  const ofFiles = catalogFaults.filter((fault) => /of files has no clients/.test(fault));
  assert.equal(ofFiles.length, 4);
});
