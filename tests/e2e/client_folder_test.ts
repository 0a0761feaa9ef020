/** The client's folder is that of its transfer.info, wherever a command runs, and gets no unneeded key. */
import assert from "node:assert/strict";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { ServerProcess } from "../support/processes.ts";
import { ProcessFixture } from "../support/process_fixture.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

/** Nothing listens there. */
const NOWHERE = "127.0.0.1:1";

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

const PROTOCOLS = [
  { protocol: "4", options: ["--accept-new"], identity: ["me.account", "me.key"] },
  { protocol: "3", options: ["--protocol", "3"], identity: ["me.info", "priv.key"] },
] as const;

for (const { protocol, options, identity } of PROTOCOLS) {
  Deno.test(`protocol ${protocol}: --transfer-info elsewhere: the account of its folder is used, and nothing is written here`, async () => {
    await using fixture = await ProcessFixture.servedHere();
    const there = await fixture.prepare("there", { "a.txt": "there" });
    const here = await fixture.prepare("here", { "a.txt": "here", "b.txt": "b" }, {
      userName: "Bob",
    });
    for (const cwd of [there, here]) {
      const { code, stderr } = await xfer(["client", ...options], cwd);
      assert.equal(code, 0, stderr);
    }
    const before = namesIn(here);
    const info = ["client", "--transfer-info", "../there/transfer.info"];
    const again = await xfer([...info, ...options, "put", "b.txt"], here);
    assert.equal(again.code, 0, again.stderr);
    assert.doesNotMatch(again.stdout, /Registered/);
    assert.match(again.stdout, /Uploaded b\.txt /);
    await Deno.writeTextFile(`${there}/a.txt`, "changed");
    const line3 = await xfer([...info, ...options], here);
    assert.equal(line3.code, 0, line3.stderr);
    assert.deepEqual(namesIn(here), before);
    assert.equal(new TextDecoder().decode(await fixture.exported("Alice", "a.txt")), "changed");
    const { stdout: users } = await fixture.operate("users", "list", "--json");
    assert.equal(users.trim().split("\n").length, 2, users);
  });

  Deno.test(`protocol ${protocol}: a first run elsewhere writes the identity beside transfer.info`, async () => {
    await using fixture = await ProcessFixture.servedHere();
    const there = await fixture.prepare("there", { "a.txt": "there" });
    await Deno.mkdir(fixture.folder.join("here"));
    const here = fixture.folder.join("here");
    const args = ["client", "--transfer-info", `${there}/transfer.info`, ...options];
    const { code, stderr } = await xfer(args, here);
    assert.equal(code, 0, stderr);
    assert.deepEqual(namesIn(here), []);
    const names = namesIn(there);
    for (const file of [...identity, "me.stored"]) assert.ok(names.includes(file), `${names}`);
  });

  Deno.test(`protocol ${protocol}: without a server, no key is left behind`, async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    await folder.write("transfer.info", `${NOWHERE}\nAlice\na.txt\n`);
    await folder.write("a.txt", "a");
    const args = ["client", "--protocol", protocol, "--retries", "0", "--accept-new"];
    const { code, stderr } = await xfer(args, folder.path);
    assert.equal(code, 4, stderr);
    assert.deepEqual(namesIn(folder.path), ["a.txt", "transfer.info"]);
  });

  Deno.test(`protocol ${protocol}: if the name is taken, no key is left behind, and another name works`, async () => {
    await using fixture = await ProcessFixture.servedHere();
    const first = await fixture.prepare("first", { "a.txt": "a" });
    assert.equal((await xfer(["client", ...options], first)).code, 0);
    const second = await fixture.prepare("second", { "a.txt": "b" });
    const taken = await xfer(["client", ...options], second);
    assert.equal(taken.code, 5, taken.stderr);
    assert.match(taken.stderr, /\[name-taken\]/);
    for (const file of identity) assert.ok(!namesIn(second).includes(file), `${namesIn(second)}`);
    await fixture.prepare("second", { "a.txt": "b" }, { userName: "Bob" });
    const other = await xfer(["client", ...options], second);
    assert.equal(other.code, 0, other.stderr);
    for (const file of identity) assert.ok(namesIn(second).includes(file), `${namesIn(second)}`);
  });
}

Deno.test("client folder: if the server is not trusted or refuses to register, no key is left behind", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const listen = ["--listen", "127.0.0.1:0", "--registration", "closed"];
  await using server = await ServerProcess.start(folder.join("data"), { args: listen });
  await Deno.mkdir(folder.join("alice"));
  await folder.write("alice/transfer.info", `127.0.0.1:${server.port}\nAlice\n`);
  await folder.write("alice/a.txt", "a");
  const put = (...options: string[]) =>
    xfer(["client", ...options, "put", "a.txt"], folder.join("alice"));
  assert.match((await put()).stderr, /\[server-not-trusted\]/);
  assert.deepEqual(namesIn(folder.join("alice")), ["a.txt", "transfer.info"]);
  assert.match((await put("--accept-new")).stderr, /\[registration-closed\]/);
  assert.deepEqual(namesIn(folder.join("alice")).filter((name) => name.startsWith("me.")), [
    "me.lock",
  ]);
});

Deno.test("client folder: init elsewhere: a file named from here is the one that is uploaded", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const [here, there] = [fixture.folder.join("here"), fixture.folder.join("there")];
  for (const path of [here, there]) await Deno.mkdir(path);
  await Deno.writeTextFile(`${here}/a.txt`, "here");
  const info = ["client", "--transfer-info", "../there/transfer.info", "--accept-new"];
  const server = `127.0.0.1:${fixture.server.port}`;
  const init = ["init", "--server", server, "--name", "Alice", "--file", "a.txt"];
  const made = await xfer([...info, ...init], here);
  assert.equal(made.code, 0, made.stderr);
  const [, , line3] = (await Deno.readTextFile(`${there}/transfer.info`)).split("\n");
  assert.equal(line3, "../here/a.txt");
  for (const [args, cwd] of [[info, here], [["client"], there]] as const) {
    const sent = await xfer(args, cwd);
    assert.equal(sent.code, 0, sent.stderr);
  }
  assert.deepEqual(namesIn(here), ["a.txt"]);
});

Deno.test("client folder: status, forget, list and link use the folder of --transfer-info", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const there = await fixture.prepare("there", { "a.txt": "a" });
  assert.equal((await xfer(["client", "--accept-new"], there)).code, 0);
  const here = fixture.folder.join("here");
  await Deno.mkdir(here);
  const run = (...args: string[]) =>
    xfer(["client", "--transfer-info", "../there/transfer.info", ...args], here);
  const status = await run("status");
  assert.equal(status.code, 0, status.stderr);
  assert.match(status.stdout, /Alice/);
  assert.match(status.stdout, /a\.txt/);
  assert.match((await run("list")).stdout, /a\.txt/);
  assert.match((await run("link")).stdout, /^[a-z2-7]{26}$/m);
  const forgot = await run("forget", `127.0.0.1:${fixture.server.port}`);
  assert.equal(forgot.code, 0, forgot.stderr);
  assert.equal(await Deno.readTextFile(`${there}/known_servers`), "");
  assert.deepEqual(namesIn(here), []);
});

Deno.test("client folder: forget of an unknown server says where its key is known from, if anywhere", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const there = await fixture.prepare("there", { "a.txt": "a" });
  const server = `127.0.0.1:${fixture.server.port}`;
  const forget = async (address: string) =>
    (await xfer(["client", "forget", address], there)).stderr;
  assert.match(await forget(server), /\[server-not-known\]\n.*--transfer-info PATH/);
  assert.equal((await xfer(["client", "--accept-new"], there)).code, 0);
  assert.match(await forget("127.0.0.1:1"), /\[server-not-known\]\n.*'xfer client status'/);
  const { stdout } = await xfer(["client", "status", "--json"], there);
  const fingerprint = eventsIn(stdout, "answering")[0]?.["known"];
  await Deno.remove(`${there}/known_servers`);
  await Deno.writeTextFile(
    `${there}/transfer.info`,
    `xfer://${server}#${fingerprint}\nAlice\na.txt\n`,
  );
  assert.match(await forget(server), /\[server-not-known\]\n.*line 1 of transfer\.info/);
});
