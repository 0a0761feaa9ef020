/** Errors for the operator if a data folder, a backup or a target cannot be used. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { backup, restore } from "../../../server/operator/mod.ts";
import { invite, listInvitations } from "../../../server/operator/invitations.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { listUsers, removeUser, setUserDisabled } from "../../../server/operator/users.ts";
import { Server } from "../../../server/server.ts";
import { tamper } from "../../support/store/database.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { contents, files, inNewestState, listen, prepared } from "../../support/store/stored.ts";

const WISH = { uses: 1, lifeMs: 60_000 };

/** A copy whose target must be refused, without leaving anything. */
async function refused(copy: Promise<unknown>, code: string, message = /./) {
  await assert.rejects(copy, { name: "ConfigurationError", code, message });
}

Deno.test("backup, restore: a target that is a file, or below one, is refused", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  await backup(data, folder.join("whole"));
  Deno.writeTextFileSync(folder.join("file"), "mine");
  for (const target of [folder.join("file"), folder.join("file", "x")]) {
    await refused(backup(data, target), "target-no-folder");
    await refused(restore(folder.join("whole"), target), "target-no-folder");
  }
  assert.equal(Deno.readTextFileSync(folder.join("file")), "mine");
});

Deno.test("backup, restore: no folder is copied into itself, wherever a link leads", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  await backup(data, folder.join("whole"));
  Deno.symlinkSync(data, folder.join("link"), { type: "dir" });
  const before = contents(folder.join("whole")).length;
  for (const target of [join(data, "in"), join(data, "a", "b"), folder.join("link", "in")]) {
    await refused(backup(data, target), "target-in-source");
  }
  await refused(backup(folder.join("link"), join(data, "in")), "target-in-source");
  await refused(restore(folder.join("whole"), folder.join("whole", "in")), "target-in-source");
  assert.equal(contents(folder.join("whole")).length, before);
  assert.throws(() => Deno.lstatSync(join(data, "in")), Deno.errors.NotFound);
  // A sibling whose name starts alike is another folder.
  assert.equal((await backup(data, folder.join("data..in"))).files, 4);
});

/** Makes each change of a table fail with a message of SQLite. */
function failing(data: string, words: string): void {
  for (
    const [change, table] of [["INSERT", "tokens"], ["UPDATE", "clients"], ["DELETE", "clients"]]
  ) {
    tamper(
      join(data, "catalog.db"),
      `CREATE TRIGGER fails_${change} BEFORE ${change} ON ${table}
         BEGIN SELECT RAISE(FAIL, '${words}'); END`,
    );
  }
}

const TROUBLES: readonly [string, string, RegExp, RegExp][] = [
  ["database or disk is full", "data-folder-unusable", /disk is full/, /has space/],
  ["disk I/O error", "data-folder-unusable", /disk I\/O error/, /the disk/],
  ["database is locked", "data-folder-unusable", /is locked/, /Try again/],
  ["database disk image is malformed", "catalog-damaged", /is damaged/, /from a backup/],
];

for (const [words, code, message, hint] of TROUBLES) {
  Deno.test(`operators: for SQLite's "${words}", each command has a hint`, async () => {
    await using folder = await TemporaryFolder.create();
    const data = await prepared(folder, 1);
    failing(data, words);
    const commands = [
      () => invite(data, WISH),
      () => setUserDisabled(data, "Alice", true),
      () => removeUser(data, "Alice"),
    ];
    for (const command of commands) {
      await assert.rejects(command(), (error: Error & { code: string; hint: string }) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.match(error.hint, hint);
        return true;
      });
    }
    assert.equal((await listUsers(data))[0]?.disabled, false);
  });
}

Deno.test("operators: an internal error stays one", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder, 1);
  await assert.rejects(invite(data, undefined as never), TypeError);
});

Deno.test("catalog: if its pages are junk it is damaged, for readers, server and backup", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  Deno.writeTextFileSync(join(data, "catalog.db"), "junk ".repeat(5000));
  const damaged = { name: "IntegrityError", code: "catalog-damaged", message: /data folder/ };
  await assert.rejects(listStored(data), damaged);
  await assert.rejects(Server.start({ listen, dataFolder: data }), damaged);
  await assert.rejects(backup(data, folder.join("copy")), damaged);
});

Deno.test("restore: problems of a backup are reported as such", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder, 40);
  const [copy, target] = [folder.join("copy"), folder.join("restored")];
  await backup(data, copy);
  const catalog = inNewestState(copy, "backup.db");
  const whole = Deno.readFileSync(catalog);
  const damaged = { name: "IntegrityError", code: "catalog-damaged", message: /backup.*copy/ };
  Deno.writeFileSync(catalog, whole.slice().fill(0x55, 4096));
  await assert.rejects(restore(copy, target), damaged, "pages after the first are junk");
  Deno.writeFileSync(catalog, whole.slice().fill(0x55));
  await assert.rejects(restore(copy, target), damaged);
  await refused(restore(catalog, target), "backup-unusable", /as a backup/);
  for (const empty of [new Uint8Array(), undefined]) {
    Deno.removeSync(catalog);
    if (empty === undefined) tamper(catalog, "CREATE TABLE odd (x); DROP TABLE odd");
    else Deno.writeFileSync(catalog, empty);
    await refused(restore(copy, target), "no-backup", /backup\.db is empty/);
  }
  assert.throws(() => Deno.lstatSync(target), Deno.errors.NotFound);
});

Deno.test("catalog: if it is lost while files exist, no command creates a new one", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  Deno.writeFileSync(join(data, "catalog.db"), new Uint8Array());
  for (const wal of ["catalog.db-wal", "catalog.db-shm"]) {
    await Deno.remove(join(data, wal)).catch(() => undefined);
  }
  await refused(listStored(data), "catalog-empty", /catalog\.db is empty/);
  await refused(listInvitations(data), "catalog-empty");
  await refused(invite(data, WISH), "catalog-empty");
  await refused(Server.start({ listen, dataFolder: data }), "catalog-empty");
  assert.equal(Deno.statSync(join(data, "catalog.db")).size, 0);
  await assert.rejects(backup(data, folder.join("copy")), { code: "catalog-empty" });
});

Deno.test("start: refuses an empty catalog if tls.pem exists; starts fresh if the first setup never finished", async () => {
  await using folder = await TemporaryFolder.create();
  const data = folder.join("begun");
  for (const name of [data, join(data, "files"), join(data, "staging")]) {
    Deno.mkdirSync(name, { mode: 0o700 });
  }
  Deno.writeFileSync(join(data, "catalog.db"), new Uint8Array(), { mode: 0o600 });
  Deno.writeTextFileSync(join(data, "tls.pem"), "", { mode: 0o600 });
  await refused(Server.start({ listen, dataFolder: data }), "catalog-empty");
  Deno.removeSync(join(data, "tls.pem"));
  await (await Server.start({ listen, dataFolder: data })).close();
  assert.deepEqual(await files(data), []);
});
