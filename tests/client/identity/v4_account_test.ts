/** The files of a client of protocol 4: its key and its account. */
import assert from "node:assert/strict";
import { AccountFolder, hasV4Account } from "../../../client/identity/v4_account.ts";
import { printable } from "../../../protocol/printable.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { findV4Account } from "../../../client/status.ts";
import { Fixture } from "../../support/v4/fixture.ts";

/** Nothing listens there. */
const NOWHERE = { hostname: "127.0.0.1", port: 1 };

Deno.test("account: the key is created once, private, and stays the same", async () => {
  await using folder = await TemporaryFolder.create();
  const account = new AccountFolder(folder.path);
  const { publicKey } = await account.loadKey();
  assert.equal(publicKey.length, 32);
  assert.deepEqual((await account.loadKey()).publicKey, publicKey);
  const { mode } = await Deno.stat(folder.join("me.key"));
  assert.equal((mode ?? 0) & 0o777, 0o600);
  assert.match(await Deno.readTextFile(folder.join("me.key")), /^-----BEGIN PRIVATE KEY-----\n/);
});

Deno.test("account: name and id are saved at registration, not before", async () => {
  await using folder = await TemporaryFolder.create();
  const account = new AccountFolder(folder.path);
  assert.equal(await account.loadAccount(), undefined);
  assert.equal(await hasV4Account(folder.path), false);
  const kept = { name: "Alice", clientId: pseudoRandomBytes(16) };
  await account.saveAccount(kept, await account.loadKey());
  assert.deepEqual(await account.loadAccount(), kept);
  assert.equal(await hasV4Account(folder.path), true);
});

Deno.test("account: a key that the server refuses is removed by the client that created it, and by no other", async () => {
  await using folder = await TemporaryFolder.create();
  const maker = new AccountFolder(folder.path);
  const { publicKey } = await maker.loadKey();
  const other = new AccountFolder(folder.path);
  const theirs = await other.loadKey();
  await other.dropMadeKey();
  assert.deepEqual((await other.readKey())?.publicKey, publicKey, "it has created none");
  await maker.dropMadeKey();
  assert.equal(await maker.readKey(), undefined);
  // The other client has registered with it meanwhile.
  await other.saveAccount({ name: "Alice", clientId: pseudoRandomBytes(16) }, theirs);
  assert.deepEqual((await maker.readKey())?.publicKey, publicKey);
  await maker.dropMadeKey();
  assert.deepEqual((await maker.readKey())?.publicKey, publicKey);
});

Deno.test("account: a key that another client has registered meanwhile stays", async () => {
  await using folder = await TemporaryFolder.create();
  const maker = new AccountFolder(folder.path);
  const key = await maker.loadKey();
  await new AccountFolder(folder.path).saveAccount(
    { name: "Alice", clientId: pseudoRandomBytes(16) },
    key,
  );
  await maker.dropMadeKey();
  assert.deepEqual((await maker.readKey())?.publicKey, key.publicKey);
});

for (
  const [file, text] of [["me.key", "no key"], ["me.account", "Alice\nno id\n"], [
    "me.account",
    `\x1b[2J\n${"0".repeat(32)}\n`,
  ]] as const
) {
  Deno.test(`account: an invalid ${file} (${printable(text)}) is an error, and unchanged`, async () => {
    await using folder = await TemporaryFolder.create();
    await folder.write(file, text);
    await Deno.chmod(folder.join(file), 0o600);
    const account = new AccountFolder(folder.path);
    const load = file === "me.key" ? account.loadKey() : account.loadAccount();
    await assert.rejects(load, { name: "ConfigurationError", code: "bad-identity" });
    assert.equal(await Deno.readTextFile(folder.join(file)), text);
  });
}

Deno.test("account: if its key is lost, no other is created: nothing is written, and no server is contacted", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  const home = fixture.folder.join("Alice");
  await Deno.remove(`${home}/me.key`);
  const before = [...Deno.readDirSync(home)].map(({ name }) => name).sort();
  const lost = {
    ...{ name: "ConfigurationError", code: "bad-identity" },
    ...{ message: /cannot use the account Alice in .*me\.account: its key, me\.key, is missing/ },
    hint: /from a backup.*'xfer client link TOKEN'/,
  };
  const onNewServer = () => assert.fail("not contacted");
  await assert.rejects(fixture.client("Alice", { onNewServer, server: NOWHERE }), lost);
  await assert.rejects(findV4Account(home), lost);
  assert.deepEqual([...Deno.readDirSync(home)].map(({ name }) => name).sort(), before);
});
