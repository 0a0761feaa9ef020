/** Protocol 4 with a real server: the commands of a user. */
import assert from "node:assert/strict";
import { cksum } from "../../protocol/crc/cksum.ts";
import { readTime, setTime } from "../../client/local/file_metadata.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { CLIENT_3, ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

interface Fixture {
  readonly folder: TemporaryFolder;
  readonly server: ServerProcess;
  /** The xfer:// line of the server, for line 1 of transfer.info. */
  readonly location: string;
  /** A client's folder, with a transfer.info. */
  readonly prepare: (name: string, line1?: string) => Promise<string>;
}

function test(what: string, body: (fixture: Fixture) => Promise<void>) {
  Deno.test(`protocol 4: ${what}`, async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    await using server = await ServerProcess.start(folder.join("data"));
    const { location } = await server.logged("server.listening-securely");
    await body({
      ...{ folder, server, location: `${location}` },
      prepare: async (name, line1 = `${location}`) => {
        const path = folder.join(name);
        await Deno.mkdir(path, { mode: 0o700 });
        await Deno.writeTextFile(`${path}/transfer.info`, `${line1}\n${name}\nhello.txt\n`);
        await Deno.writeTextFile(`${path}/hello.txt`, "hello\n");
        return path;
      },
    });
  });
}

test("with the line that the server prints, one command uploads a file, and another downloads it", async ({ prepare }) => {
  const folder = await prepare("Alice");
  const stored = await xfer(["client"], folder);
  assert.equal(stored.code, 0, stored.stderr);
  assert.equal(
    stored.stdout,
    "Uploaded hello.txt (6 B, cksum 3015617425)\n",
  );
  const got = await xfer(["client", "get", "hello.txt", "-o", "back.txt"], folder);
  assert.equal(got.code, 0, got.stderr);
  assert.equal(await Deno.readTextFile(`${folder}/back.txt`), "hello\n");
});

test("a client that has finished is not logged as disconnected", async ({ prepare, server }) => {
  const folder = await prepare("Alice");
  for (const args of [["client"], ["client", "list"]]) {
    const { code, stderr } = await xfer(args, folder);
    assert.equal(code, 0, stderr);
  }
  await server.stop();
  await server.logged("client.logged-in");
  assert.deepEqual(server.log.filter(({ event }) => event === "connection.lost"), []);
});

test("a folder is uploaded and downloaded with links and times; nothing is overwritten", async ({ prepare }) => {
  const folder = await prepare("Alice");
  const big = pseudoRandomBytes(3_000_000);
  await Deno.mkdir(`${folder}/photos/2026/ü`, { recursive: true });
  await Deno.writeFile(`${folder}/photos/2026/ü/big.bin`, big);
  await Deno.writeTextFile(`${folder}/photos/empty`, "");
  await Deno.symlink("/etc", `${folder}/photos/link`);
  using _socket = Deno.listen({ transport: "unix", path: `${folder}/photos/socket` });
  const when = 1_580_702_706_123_456_789n;
  setTime(`${folder}/photos/2026/ü/big.bin`, when);
  const put = await xfer(["client", "put", "photos", "hello.txt"], folder);
  assert.equal(put.code, 0, put.stderr);
  assert.match(put.stderr, /^Skipped photos\/socket: /m);
  const list = await xfer(["client", "list", "--recursive", "--json"], folder);
  assert.deepEqual(
    eventsIn(list.stdout, "file").map(({ name, kind, size, cksum }) => [name, kind, size, cksum]),
    [
      ["hello.txt", "file", 6, 3015617425],
      ["photos", "folder", undefined, undefined],
      ["photos/2026", "folder", undefined, undefined],
      ["photos/2026/ü", "folder", undefined, undefined],
      ["photos/2026/ü/big.bin", "file", big.length, cksum(big)],
      ["photos/empty", "file", 0, 4294967295],
      ["photos/link", "link", 4, cksum(new TextEncoder().encode("/etc"))],
    ],
  );
  const get = ["client", "get", "photos", "--recursive", "-o", "back"];
  const got = await xfer(get, folder);
  assert.equal(got.code, 0, got.stderr);
  assert.deepEqual(new Uint8Array(await Deno.readFile(`${folder}/back/2026/ü/big.bin`)), big);
  assert.equal(
    readTime(`${folder}/back/2026/ü/big.bin`),
    readTime(`${folder}/photos/2026/ü/big.bin`),
  );
  assert.equal(await Deno.readLink(`${folder}/back/link`), "/etc");
  const same = await xfer(get, folder);
  assert.equal(same.code, 0, same.stderr);
  assert.match(same.stderr, /^Nothing to do: everything is already here \(\d+ entries\)$/m);
  const unchanged = await xfer(["client", "put", "photos"], folder);
  assert.match(
    unchanged.stderr,
    /^Nothing to do: everything is already on the server \(\d+ entries\), 1 skipped$/m,
  );
  await Deno.writeTextFile(`${folder}/back/empty`, "no longer");
  const again = await xfer(get, folder);
  assert.equal(again.code, 9);
  assert.match(again.stderr, /already exists \[target-exists\]/);
  assert.equal((await xfer([...get, "--force"], folder)).code, 0);
  const names = [...Deno.readDirSync(`${folder}/back`)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["2026", "empty", "link"], "no temporary file is left");
});

test("stat, rename, range, remove, each with its exit code", async ({ prepare }) => {
  const folder = await prepare("Alice");
  const run = async (...args: string[]) => await xfer(["client", ...args], folder);
  assert.equal((await run("put", "hello.txt", "--as", "a/b")).code, 0);
  assert.match(
    (await run("stat", "a/b")).stdout,
    /^a\/b\n {2}size {8}6 bytes\n[^]*cksum {7}3015617425\n/,
  );
  assert.equal((await run("rename", "a/b", "c")).code, 0);
  assert.equal((await run("get", "c", "--range", "1-3", "-o", "part")).code, 0);
  assert.equal(await Deno.readTextFile(`${folder}/part`), "ell");
  const beyond = await run("get", "c", "--range", "4-99", "-o", "beyond", "--json");
  const again = await run("get", "c", "--range", "4-99", "-o", "beyond2");
  assert.equal(again.stdout, "Downloaded bytes 4-5 of c to beyond2 (2 B)\n");
  const reported = eventsIn(beyond.stdout, "got").map(({ size, range }) => ({ size, range }));
  assert.deepEqual(reported, [{ size: 6, range: { from: 4, bytes: 2 } }]);
  assert.deepEqual(eventsIn(beyond.stdout, "summary").map(({ bytes }) => bytes), [2]);
  assert.equal((await run("remove", "c")).code, 0);
  const gone = await run("get", "c");
  assert.equal(gone.code, 5);
  assert.match(gone.stderr, /\[no-such-file\]/);
  assert.equal((await run("put", "hello.txt", "--as", "../c")).code, 2);
  assert.equal((await run("put", "hello.txt", "--as", "d")).code, 0);
  assert.equal(
    (await run("restore", "d", "--version", "1")).stdout,
    "d has that version already\n",
  );
  assert.equal((await run("get", "x", "--range", "3-1")).code, 2);
});

test("put of a folder --as an empty name, such as an unset variable: refused, and --delete deletes nothing", async ({ prepare }) => {
  const folder = await prepare("Alice");
  const run = async (...args: string[]) => await xfer(["client", ...args], folder);
  await Deno.mkdir(`${folder}/photos`);
  await Deno.writeTextFile(`${folder}/photos/sea`, "sea");
  assert.equal((await run("put", "hello.txt", "photos")).code, 0);
  const before = (await run("list")).stdout;
  const { code, stderr } = await run("put", "photos", "--as", "", "--delete", "--yes");
  assert.equal(code, 2);
  assert.match(stderr, /cannot upload photos as : the name is empty, \. or \.\. \[bad-file-name\]/);
  assert.equal((await run("list")).stdout, before);
});

test("without a fingerprint, no server is trusted unseen; --accept-new records a new one", async ({ prepare, server }) => {
  const folder = await prepare("Alice", `127.0.0.1:${server.port}`);
  const refused = await xfer(["client", "--protocol", "4"], folder);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /\[server-not-trusted\]/);
  const accepted = await xfer(["client", "--protocol", "4", "--accept-new"], folder);
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.match(await Deno.readTextFile(`${folder}/known_servers`), /^127\.0\.0\.1:\d+ SHA256:/);
  assert.equal((await xfer(["client"], folder)).code, 0, "the account determines the protocol");
});

test("a server with another fingerprint is refused, and so is protocol 3", async ({ prepare, location }) => {
  const wrong = location.replace(/#SHA256:..../, "#SHA256:AAAA");
  const folder = await prepare("Alice", wrong);
  const refused = await xfer(["client"], folder);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /\[other-server\]/);
  const down = await xfer(["client", "--protocol", "3"], folder);
  assert.equal(down.code, 2);
  assert.match(down.stderr, /\[downgrade\]/);
});

test("the server keeps its key; clients of both protocols are served side by side", async ({ prepare, server, folder, location }) => {
  const alice = await prepare("Alice");
  const bob = await prepare("Bob", `127.0.0.1:${server.port}`);
  assert.equal((await xfer(["client"], alice)).code, 0);
  assert.equal((await xfer(CLIENT_3, bob)).code, 0);
  await server.stop();
  await using again = await ServerProcess.start(folder.join("data"));
  const { location: later } = await again.logged("server.listening-securely");
  assert.equal(`${later}`.split("#")[1], location.split("#")[1]);
  const backup = folder.join("backup");
  assert.equal((await xfer(["server", "backup", backup, "--data", folder.join("data")])).code, 0);
  const restored = folder.join("restored");
  assert.equal((await xfer(["server", "restore", backup, "--data", restored])).code, 0);
  assert.equal((await xfer(["server", "verify", "--data", restored])).code, 0);
  await using third = await ServerProcess.start(restored);
  const { location: there } = await third.logged("server.listening-securely");
  await Deno.writeTextFile(`${alice}/transfer.info`, `${there}\nAlice\n`);
  const got = await xfer(["client", "get", "hello.txt", "-o", "back"], alice);
  assert.equal(
    got.code,
    0,
    `the fingerprint, the key and the file are in the backup: ${got.stderr}`,
  );
});
