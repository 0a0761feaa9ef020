/** The main job with a real server: register, exchange keys, send, compare, store. */
import assert from "node:assert/strict";
import { cksum } from "../../protocol/crc/cksum.ts";
import { areEqual, pseudoRandomBytes } from "../support/bytes.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { freePort } from "../../scripts/cluster/ports.ts";
import { CLIENT_3, ServerProcess, startXfer, writeTransferInfo } from "../support/processes.ts";
import { ProcessFixture } from "../support/process_fixture.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

/** The client encrypts in pieces of this size, the server decrypts in quarters of it. */
const CHUNK = 1024 * 1024;

Deno.test("two runs of the client: registration, then reconnection with another file", async () => {
  await using fixture = await ProcessFixture.create();
  const cwd = await fixture.prepare("client", {
    "hello.txt": "hello world\n",
    "other.txt": "other",
  });

  const first = await xfer(CLIENT_3, cwd);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(
    first.stdout,
    "Uploaded hello.txt (12 B, cksum 3733384285)\n",
  );
  assert.match(first.stderr, /Registered Alice with id [0-9a-f]{32}/);
  const identity = await Deno.readTextFile(`${cwd}/me.info`);

  await writeTransferInfo(cwd, { port: fixture.server.port, file: "other.txt" });
  const second = await xfer([...CLIENT_3, "--verbose"], cwd);
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stderr, /Reconnecting/);
  assert.equal(await Deno.readTextFile(`${cwd}/me.info`), identity);

  assert.equal(
    new TextDecoder().decode(await fixture.exported("Alice", "hello.txt")),
    "hello world\n",
  );
  assert.equal(new TextDecoder().decode(await fixture.exported("Alice", "other.txt")), "other");
  const list = await fixture.operate("list");
  assert.match(list.stdout, /^Alice: .*, id [0-9a-f]{32}$/m);
  assert.match(list.stdout, /^ {4}12 B {2}\S+ {2}hello\.txt$/m);
});

Deno.test("files of every size around the cipher's block and the chunk, over one connection", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const sizes = [0, 1, 15, 16, 17, CHUNK / 4 - 1, CHUNK / 4, CHUNK - 1, CHUNK, CHUNK + 1];
  const files = Object.fromEntries(
    sizes.map((size) => [`file-${size}`, pseudoRandomBytes(size, size + 1)]),
  );
  const cwd = await fixture.prepare("client", files);
  const { code, stdout, stderr } = await xfer(
    [...CLIENT_3, "put", ...Object.keys(files), "--verbose", "--bytes"],
    cwd,
  );
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trimEnd().split("\n").length, sizes.length + 1, "including the summary");
  assert.equal(stderr.match(/^Connected/gm)?.length, 1);
  assert.equal(stderr.match(/^Received an AES key/gm)?.length, sizes.length);
  for (const [name, content] of Object.entries(files)) {
    const bytes = content.length === 1 ? "1 byte" : `${content.length} bytes`;
    assert.ok(stdout.includes(`Uploaded ${name} (${bytes}, cksum ${cksum(content)})`));
    assert.deepEqual(await fixture.exported("Alice", name), content, name);
  }
});

Deno.test("a file of 40 MB", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const content = pseudoRandomBytes(40_000_000);
  const cwd = await fixture.prepare("client", { "large.bin": content });
  const { code, stderr } = await xfer(CLIENT_3, cwd);
  assert.equal(code, 0, stderr);
  const exported = await fixture.exported("Alice", "large.bin");
  assert.ok(areEqual(exported, content));
});

Deno.test("10 clients at once", async () => {
  await using fixture = await ProcessFixture.create();
  const users = Array.from({ length: 10 }, (_, index) => ({
    userName: `User${index}`,
    content: pseudoRandomBytes(200_000 + index, index + 1),
  }));
  const runs = await Promise.all(users.map(async ({ userName, content }) => {
    const cwd = await fixture.prepare(userName, { "same.bin": content }, { userName });
    await using client = startXfer(CLIENT_3, cwd);
    return await client.end();
  }));
  for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
  for (const { userName, content } of users) {
    assert.deepEqual(await fixture.exported(userName, "same.bin"), content, userName);
  }
});

Deno.test("the server restarted between uploads, also by kill: accounts, keys and files persist", async () => {
  await using fixture = await ProcessFixture.create();
  const cwd = await fixture.prepare("client", { a: "first", b: "second", c: "third" });
  for (const [file, signal] of [["a", "SIGTERM"], ["b", "SIGKILL"], ["c", "SIGKILL"]] as const) {
    await writeTransferInfo(cwd, { port: fixture.server.port, file });
    const { code, stderr } = await xfer([...CLIENT_3, "--verbose"], cwd);
    assert.equal(code, 0, stderr);
    if (file !== "a") assert.match(stderr, /Reconnecting/);
    await fixture.restart(signal);
  }
  for (const [name, content] of [["a", "first"], ["b", "second"], ["c", "third"]] as const) {
    assert.equal(new TextDecoder().decode(await fixture.exported("Alice", name)), content);
  }
});

Deno.test("port.info is honored, --listen takes precedence, and SIGTERM ends the server with 0", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const port = freePort();
  await folder.write("port.info", `${port}\n`);
  {
    await using server = await ServerProcess.start(folder.join("data"), {
      args: [],
      cwd: folder.path,
    });
    assert.equal(server.port, port);
    assert.equal((await server.stop("SIGTERM")).code, 0);
  }
  await folder.write("port.info", "not a port");
  await using server = await ServerProcess.start(folder.join("data"), { cwd: folder.path });
  assert.notEqual(server.port, port);
  assert.equal((await server.stop("SIGINT")).code, 0);
});
