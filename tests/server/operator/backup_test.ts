/** Backup and restore, on real folders. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { backup, restore } from "../../../server/operator/mod.ts";
import { tamper } from "../../support/store/database.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import {
  contents,
  files,
  findings,
  firstFile,
  inNewestState,
  listen,
  prepared,
  store,
} from "../../support/store/stored.ts";
import { startInThisThread } from "../../support/server.ts";

Deno.test("backup: taken while files are overwritten, it is whole, restores, and verifies", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  await using server = await startInThisThread({ listen, dataFolder });
  using peer = await RawClient.connect(server.address);
  await peer.enrol("Alice");
  for (let i = 0; i < 20; i++) await store(peer, `kept${i}`, i);
  let done = false;
  const replacing = (async () => {
    for (let i = 0; i < 60; i++) await store(peer, `changing${i % 2}`, i);
    done = true;
  })();
  let count = 0;
  while (!done) {
    const target = folder.join(`backup${++count}`);
    assert.deepEqual((await backup(dataFolder, target)).damaged, []);
    await restore(target, folder.join(`data${count}`));
    assert.deepEqual(await findings(folder.join(`data${count}`)), []);
    const names = (await files(folder.join(`data${count}`))).map(({ name }) => name);
    assert.equal(names.filter((name) => name.startsWith("kept")).length, 20);
  }
  await replacing;
  await using again = await startInThisThread({ listen, dataFolder: folder.join("data1") });
  using returning = await RawClient.connect(again.address);
  returning.clientId = peer.clientId;
  assert.equal(kindOf(await returning.reconnect("Alice")), "reconnected");
});

Deno.test("backup: it contains what it needs and no more, and a restore does not write to it", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const [copy, restored] = [folder.join("backup"), folder.join("restored")];
  const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  await backup(data, copy);
  assert.deepEqual(namesIn(copy), ["files", "lock.db", "states"]);
  assert.deepEqual(namesIn(inNewestState(copy)), ["backup.db"]);
  const before = contents(copy);
  await restore(copy, restored);
  assert.deepEqual(contents(copy), before);
  assert.deepEqual(namesIn(restored), ["catalog.db", "files"]);
  assert.equal((await files(restored)).length, 4);
});

Deno.test("restore: if interrupted it leaves nothing, in a new folder and in one that was empty", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  await backup(data, folder.join("whole"));
  Deno.mkdirSync(folder.join("empty"));
  for (const target of ["new", "empty"].map((name) => folder.join(name))) {
    const signal = stopAtFirstBlob(target);
    await assert.rejects(restore(folder.join("whole"), target, { signal }), {
      code: "interrupted",
    });
    if (target.endsWith("empty")) assert.deepEqual([...Deno.readDirSync(target)], []);
    else assert.throws(() => Deno.lstatSync(target), Deno.errors.NotFound);
  }
});

Deno.test("backup: if interrupted it adds no state, and the next one continues it", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const copy = folder.join("backup");
  const signal = stopAtFirstBlob(copy);
  await assert.rejects(backup(data, copy, { signal }), { code: "interrupted" });
  assert.deepEqual([...Deno.readDirSync(join(copy, "states"))], []);
  await assert.rejects(restore(copy, folder.join("restored")), { code: "no-backup" });
  assert.equal((await backup(data, copy)).files, 4);
  assert.equal((await restore(copy, folder.join("restored"))).files, 4);
});

/** Aborts as soon as a blob below a folder is being written. */
function stopAtFirstBlob(target: string): AbortSignal {
  return {
    get aborted() {
      try {
        return [...Deno.readDirSync(join(target, "files"))].length > 0;
      } catch {
        return false;
      }
    },
    reason: undefined,
  } as AbortSignal;
}

const FORGED = [
  ...["../outside", "files/../../outside", "files/../escaped.db", "/outside", "outside"],
  ...["files/\u001b[2J", "files/a:b", "staging/00112233445566778899aabbccddeeff"],
];

for (const path of FORGED) {
  Deno.test(`restore: a forged backup cannot have ${JSON.stringify(path)} read or written`, async () => {
    await using folder = await TemporaryFolder.create();
    const data = await prepared(folder);
    const [copy, restored] = [folder.join("a", "backup"), folder.join("b", "restored")];
    await backup(data, copy);
    const forged = await firstFile(data);
    Deno.mkdirSync(folder.join("b"));
    // The forger has put the file there that the catalog describes.
    const bait = join(copy, path);
    Deno.mkdirSync(join(copy, "staging"));
    Deno.writeFileSync(bait, Deno.readFileSync(join(copy, forged.content.id)));
    const before = contents(folder.join("b"));
    tamper(
      inNewestState(copy, "backup.db"),
      "UPDATE files SET path = ? WHERE path = ?",
      path,
      forged.content.id,
    );
    const report = await restore(copy, restored);
    assert.deepEqual(report.damaged.map((file) => file.content.id), [path]);
    assert.deepEqual([report.files, (await files(restored)).length], [3, 3]);
    assert.deepEqual(before, []);
    assert.deepEqual([...Deno.readDirSync(folder.join("b"))].map(({ name }) => name), ["restored"]);
    const names = [...Deno.readDirSync(restored)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["catalog.db", "files"]);
  });
}

Deno.test("backup: one without its catalog is not a backup, and none is a data folder", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const copy = folder.join("backup");
  await backup(data, copy);
  await assert.rejects(startInThisThread({ listen, dataFolder: copy }), {
    code: "not-a-data-folder",
  });
  await Deno.remove(inNewestState(copy, "backup.db"));
  await assert.rejects(restore(copy, folder.join("new")), {
    ...{ code: "no-backup", message: /it has no state$/ },
  });
  await assert.rejects(restore(folder.join("nowhere"), folder.join("new")), {
    ...{ code: "no-backup", message: /it does not exist$/ },
  });
});

/** Fails calls of Deno with a matching path, until it is disposed of. */
function failing(
  call: "open" | "rename",
  when: (path: string) => boolean,
  error: Error,
): Disposable {
  const original = Deno[call];
  Object.assign(Deno, {
    [call]: (...args: Parameters<typeof Deno.rename>) =>
      when(`${args[0]}`) ? Promise.reject(error) : (original as typeof Deno.rename)(...args),
  });
  return { [Symbol.dispose]: () => Object.assign(Deno, { [call]: original }) };
}

Deno.test("backup, restore: a write error has its reason, and the next attempt succeeds", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const [copy, restored] = [folder.join("copy"), folder.join("deep", "er", "restored")];
  const work = {
    backup: () => backup(data, copy),
    restore: () => restore(copy, restored),
  };
  for (const attempt of Object.values(work)) {
    {
      const full = new Error("No space left on device (os error 28)");
      using _failing = failing("open", (path) => path.endsWith(".partial"), full);
      await assert.rejects(attempt(), { code: "cannot-copy", message: /no space left on device/ });
      // A restore removes even the parent folders that it has created.
      assert.throws(() => Deno.lstatSync(folder.join("deep")), Deno.errors.NotFound);
    }
    assert.equal((await attempt()).files, 4);
  }
});

Deno.test("backup, restore: if the last sync fails, neither has succeeded, and the next attempt does", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const [copy, restored] = [folder.join("copy"), folder.join("restored")];
  const broken = new Error("Input/output error (os error 5)");
  {
    using _failing = failing("open", (path) => path === join(copy, "states"), broken);
    await assert.rejects(backup(data, copy), { code: "cannot-copy" });
  }
  assert.equal((await backup(data, copy)).files, 4);
  {
    using _failing = failing("open", (path) => path === restored, broken);
    await assert.rejects(restore(copy, restored), { code: "cannot-copy" });
    assert.throws(() => Deno.lstatSync(restored), Deno.errors.NotFound);
  }
  assert.equal((await restore(copy, restored)).files, 4);
});
