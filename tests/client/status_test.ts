/** The client's status from its folder, and the server's answer, without leaving a trace. */
import assert from "node:assert/strict";
import { EDITIONS } from "../../protocol/v3/editions/mod.ts";
import { listUsers } from "../../server/operator/users.ts";
import { sendFiles } from "../../client/v3/send_files.ts";
import {
  askServer,
  findV3Account,
  findV4Account,
  refuseOtherUser,
  type ServerStatusOptions,
} from "../../client/status.ts";
import { parseTransferInfo } from "../../client/identity/transfer_info.ts";
import { fingerprintOfKey, parseFingerprint } from "../../protocol/v4/fingerprint.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { Fixture, LOOPBACK } from "../support/v4/fixture.ts";
import { startInThisThread } from "../support/server.ts";

function optionsFor(
  folder: string,
  { hostname, port }: { readonly hostname: string; readonly port: number },
  changes: Partial<ServerStatusOptions> = {},
): ServerStatusOptions {
  return {
    info: parseTransferInfo(`${hostname}:${port}\nAlice\n`, "transfer.info"),
    ...{ asked: "auto", identityFolder: folder, onNewServer: () => true },
    ...changes,
  };
}

const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

Deno.test("status: a server of protocol 4 is shown with its fingerprint; nothing is recorded or registered", async () => {
  await using fixture = await Fixture.create();
  await using home = await TemporaryFolder.create();
  const options = optionsFor(home.path, fixture.server.address);
  const found = await askServer(options);
  assert.ok(found.protocol === 4 && found.identity !== "pki" && found.isNew);
  assert.deepEqual(namesIn(home.path), []);
  assert.deepEqual(await listUsers(fixture.data), []);
  const info = { ...options.info, secure: true, fingerprint: found.identity };
  const pinned = await askServer({ ...options, info, onNewServer: () => assert.fail("not asked") });
  assert.ok(pinned.protocol === 4 && !pinned.isNew);
  const other = { ...info, fingerprint: new Uint8Array(32) };
  await assert.rejects(askServer({ ...options, info: other }), { code: "other-server" });
  const refusing = askServer({ ...options, onNewServer: () => false });
  await assert.rejects(refusing, { code: "server-not-trusted" });
});

Deno.test("status: the edition of a server of protocol 3 is shown, if it can be detected", async () => {
  for (const edition of EDITIONS) {
    await using folder = await TemporaryFolder.create();
    const port = { ...LOOPBACK, editions: [edition] };
    const dataFolder = folder.join("data");
    await using server = await startInThisThread({ listen: [port], dataFolder });
    const options = optionsFor(folder.path, server.address);
    if (edition.requests.reconnect === undefined) {
      await assert.rejects(askServer(options), { code: "no-known-protocol" });
      await folder.write("me.edition", `${edition.name}\n`);
      const found = await askServer(options);
      assert.ok(found.protocol === 3 && found.edition === undefined);
      continue;
    }
    const found = await askServer(options);
    assert.ok(found.protocol === 3 && found.why === "unanswered");
    // Editions with the same code for it cannot be distinguished.
    const code = found.edition?.requests.reconnect?.code;
    assert.equal(code, edition.requests.reconnect.code, edition.name);
    assert.deepEqual(await listUsers(folder.join("data")), []);
  }
});

Deno.test("status: without a server, one attempt is made", async () => {
  await using home = await TemporaryFolder.create();
  using listener = Deno.listen(LOOPBACK);
  const { addr } = listener;
  listener.close();
  const asked = askServer(optionsFor(home.path, addr as Deno.NetAddr));
  await assert.rejects(asked, { code: "cannot-connect" });
});

Deno.test("status: accounts of both protocols are shown with the fingerprints of their keys", async () => {
  await using fixture = await Fixture.create();
  const home = fixture.folder.join("Alice");
  assert.equal(await findV4Account(fixture.folder.path), undefined);
  assert.equal(await findV3Account(fixture.folder.path), undefined);
  (await fixture.client("Alice"))[Symbol.dispose]();
  const account = await findV4Account(home);
  assert.equal(account?.name, "Alice");
  const [user] = await listUsers(fixture.data);
  assert.deepEqual(account?.clientId, user?.id);
  assert.ok(parseFingerprint(account?.fingerprint ?? "") !== undefined);

  const bob = fixture.folder.join("Bob");
  await Deno.mkdir(bob, { mode: 0o700 });
  const a = await fixture.folder.write("a", "content");
  const { server: { address: server } } = fixture;
  await sendFiles({ connect: { server, userName: "Bob", identityFolder: bob }, files: [a] });
  const plain = await findV3Account(bob);
  assert.deepEqual([plain?.name, plain?.edition], ["Bob", "2023c"]);
  assert.notEqual(plain?.fingerprint, await fingerprintOfKey(new Uint8Array(32)));
  assert.equal(await findV4Account(bob), undefined);

  await refuseOtherUser(home, "Alice");
  await refuseOtherUser(bob, "Bob");
  await refuseOtherUser(fixture.folder.path, "Carol");
  for (const folder of [home, bob]) {
    await assert.rejects(refuseOtherUser(folder, "Carol"), { code: "other-identity" });
  }
  await Deno.remove(`${home}/me.key`);
  await assert.rejects(findV4Account(home), { code: "bad-identity", message: /me\.key/ });
  assert.ok(!namesIn(home).includes("me.key"), "none is created by asking");
});
