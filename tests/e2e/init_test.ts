/** xfer client init and status with real processes: the first two commands of a new user. */
import assert from "node:assert/strict";
import { xfer } from "../support/hosted_xfer.ts";
import { CLIENT_3, ServerProcess, startXfer } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

interface Fixture {
  readonly folder: TemporaryFolder;
  readonly server: ServerProcess;
  /** The xfer:// line of the server, for line 1 of transfer.info. */
  readonly location: string;
  /** The server's address, HOST:PORT. */
  readonly where: string;
  /** An empty folder for a client. */
  readonly home: string;
}

function test(
  what: string,
  body: (fixture: Fixture) => Promise<void>,
  args: readonly string[] = [],
) {
  Deno.test(`init: ${what}`, async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    await using server = await ServerProcess.start(folder.join("data"), {
      args: ["--listen", "127.0.0.1:0", ...args],
    });
    const home = folder.join("home");
    await Deno.mkdir(home, { mode: 0o700 });
    const { location = "" } = args.length > 0
      ? {}
      : await server.logged("server.listening-securely");
    const where = `127.0.0.1:${server.port}`;
    await body({ folder, server, location: `${location}`, where, home });
  });
}

const infoIn = (home: string) => Deno.readTextFile(`${home}/transfer.info`);
const namesIn = (home: string) => [...Deno.readDirSync(home)].map(({ name }) => name).sort();

test("options suffice; a trusted server's link is line 1, and the next command uploads", async ({ home, where, location }) => {
  await Deno.writeTextFile(`${home}/a.txt`, "content");
  const said = ["--server", where, "--name", "Alice", "--file", "a.txt"];
  const untrusted = await xfer(["client", "init", ...said], home);
  assert.equal(untrusted.code, 3);
  assert.match(untrusted.stderr, /\[server-not-trusted\]/);
  assert.deepEqual(namesIn(home), ["a.txt"], "nothing is written");
  const written = await xfer(["client", "init", ...said, "--accept-new"], home);
  assert.equal(written.code, 0, written.stderr);
  assert.equal(written.stdout, `Wrote transfer.info: Alice at ${location}\n`);
  assert.match(written.stderr, /^To upload a\.txt, run 'xfer client'\.$/m);
  assert.equal(await infoIn(home), `${location}\nAlice\na.txt\n`);
  assert.deepEqual(namesIn(home), ["a.txt", "transfer.info"], "init registers nobody");
  const stored = await xfer(["client"], home);
  assert.equal(stored.code, 0, stored.stderr);
});

test("an existing transfer.info is overwritten with --force only", async ({ home, location }) => {
  const init = (...args: string[]) =>
    xfer(["client", "init", "--server", location, "--name", ...args], home);
  assert.equal((await init("Alice")).code, 0);
  const refused = await init("Bob");
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /transfer\.info already exists \[target-exists\]\n.*--force/);
  assert.equal(await infoIn(home), `${location}\nAlice\n`);
  assert.equal((await init("Bob", "--force")).code, 0);
  assert.equal(await infoIn(home), `${location}\nBob\n`);
  assert.equal((await init("Carol", "--transfer-info", "other")).code, 0);
  assert.equal(await Deno.readTextFile(`${home}/other`), `${location}\nCarol\n`);
});

test("the server must have the given key, and answer over the given protocol", async ({ home, location, where, folder }) => {
  const init = (server: string, ...args: string[]) =>
    xfer(["client", "init", "--server", server, "--name", "Alice", ...args], home);
  const other = await init(location.replace(/SHA256:..../, "SHA256:AAAA"));
  assert.equal(other.code, 3);
  assert.match(other.stderr, /\[other-server\]/);
  const down = await init(location, "--protocol", "3");
  assert.match(down.stderr, /\[downgrade\]/);
  const untrusted = await init(where);
  assert.equal(untrusted.code, 3);
  assert.match(
    untrusted.stderr,
    /\[server-not-trusted\]\n.*--server[^]*\nDid not write transfer\.info\n$/,
  );
  assert.equal(untrusted.stderr.match(/server-not-trusted/g)?.length, 1, "reported once");
  assert.deepEqual(namesIn(home), []);
  const plain = await init(where, "--protocol", "3");
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(
    plain.stderr,
    /^Warning: using protocol 3\. .*\nThe server uses edition 2023c of protocol 3$/m,
  );
  assert.equal(await infoIn(home), `${where}\nAlice\n`);
  await using published = await ServerProcess.start(folder.join("published"), {
    args: ["--listen", "127.0.0.1:0", "--tls-listen", "none"],
  });
  const unspoken = await init(`127.0.0.1:${published.port}`, "--protocol", "4", "--force");
  assert.equal(unspoken.code, 4);
  assert.match(unspoken.stderr, /\[no-hello\]/);
});

test("if the server does not answer, nothing is written, except with --offline", async ({ home, server, where }) => {
  await server.stop();
  const init = ["client", "init", "--server", where, "--name", "Alice"];
  const failed = await xfer(init, home);
  assert.equal(failed.code, 4, failed.stderr);
  assert.match(failed.stderr, /\[cannot-connect\]/);
  assert.doesNotMatch(failed.stderr, /line 1/, "no file exists yet");
  assert.match(failed.stderr, /^Did not write transfer\.info\. .* '--offline'\.$/m);
  assert.doesNotMatch(failed.stderr, /Retrying/);
  assert.deepEqual(namesIn(home), []);
  assert.equal((await xfer([...init, "--offline"], home)).code, 0);
  assert.equal(await infoIn(home), `${where}\nAlice\n`);
  const status = await xfer(["client", "status"], home);
  assert.equal(status.code, 4);
  assert.match(status.stdout, /^transfer\.info +Alice at 127\.0\.0\.1:\d+\naccount +none yet/);
  assert.match(status.stderr, /\[cannot-connect\]/);
  assert.equal((await xfer(["client", "status", "--offline"], home)).code, 0);
});

test("errors say what is expected, and nothing is asked without a terminal", async ({ home, where }) => {
  const cases: readonly (readonly [args: readonly string[], words: RegExp])[] = [
    [["--server", "nowhere", "--name", "Alice"], /expected HOST:PORT, such as/],
    [["--server", `${where}0000`, "--name", "Alice"], /expected HOST:PORT/],
    [["--server", where, "--name", "Al ice"], /expected a user name of 1 to 254 ASCII/],
    [["--server", where, "--name", "Alice", "--file", "a\nb"], /expected the path of the file/],
    [["--server", where], /--name is missing.*\[nobody-to-ask\]/],
    [["--name", "Alice"], /--server is missing.*\[nobody-to-ask\]/],
  ];
  for (const [args, words] of cases) {
    const { code, stderr } = await xfer(["client", "init", ...args], home);
    assert.equal(code, 2, stderr);
    assert.match(stderr, words);
    assert.doesNotMatch(
      stderr,
      /xfer client init --server/,
      "the given options count, too",
    );
  }
  const missing = await xfer(
    ["client", "init", "--server", where, "--name", "Alice", "--file", "none", "--accept-new"],
    home,
  );
  assert.equal(missing.code, 0);
  assert.match(missing.stderr, /^Warning: cannot upload none: no such file$/m);
  assert.match(missing.stderr, /^When none can be read, run 'xfer client' to upload it\.$/m);
});

test("a folder with an account is for that user only, and the user name can be omitted", async ({ home, location }) => {
  const init = (...args: string[]) => xfer(["client", "init", "--server", location, ...args], home);
  await Deno.writeTextFile(`${home}/a.txt`, "content");
  assert.equal((await init("--name", "Alice")).code, 0);
  assert.equal((await xfer(["client", "put", "a.txt"], home)).code, 0);
  const other = await init("--name", "Bob", "--force");
  assert.equal(other.code, 3);
  assert.match(
    other.stderr,
    /me\.account belongs to the account Alice, not to Bob \[other-identity\]/,
  );
  assert.equal((await init("--force")).code, 0);
  assert.equal(await infoIn(home), `${location}\nAlice\n`);
});

test("status prints the account, the last uploads, and whether the server accepts the client", async ({ home, location, where, folder }) => {
  const fingerprint = location.split("#")[1];
  const status = (...args: string[]) => xfer(["client", "status", ...args], home);
  const none = await status();
  assert.equal(none.code, 3);
  assert.match(none.stderr, /\[no-transfer-info\]\n +Run 'xfer client init' to create it/);
  assert.match(none.stdout, /^account +none yet; your first upload registers you\n$/);
  await Deno.writeTextFile(`${home}/transfer.info`, `${where}\nAlice\na.txt\n`);
  const unmet = await status();
  assert.equal(unmet.code, 0, unmet.stderr);
  assert.ok(
    unmet.stdout.includes(`server key ${fingerprint}, not in known_servers\n`),
    unmet.stdout,
  );
  assert.deepEqual(namesIn(home), ["transfer.info"], "nothing is recorded");

  for (const name of ["a.txt", "b.txt"]) await Deno.writeTextFile(`${home}/${name}`, name);
  const put = await xfer(["client", "put", "--accept-new", "a.txt", "b.txt"], home);
  assert.equal(put.code, 0, put.stderr);
  const known = await status();
  assert.equal(known.code, 0, known.stderr);
  const lines = known.stdout.trimEnd().split("\n");
  const expected = [
    `transfer.info   Alice at ${where}, uploads a.txt`,
    /^account {9}Alice over protocol 4, id [0-9a-f]{32}, key SHA256:\S{43}$/,
    `known server    ${where}, ${fingerprint}`,
    new RegExp(`^uploaded {8}b\\.txt \\(5 B, cksum \\d+\\) to ${where} on \\S+Z$`),
    /^uploaded {8}a\.txt /,
    `server          ${where} answers over protocol 4, server key ${fingerprint}, signed in as Alice`,
    "stored          2 entries, 10 B",
    "history         0 B, kept for up to 30 days",
  ];
  assert.equal(lines.length, expected.length, known.stdout);
  for (const [i, line] of expected.entries()) {
    if (typeof line === "string") assert.equal(lines[i], line);
    else assert.match(lines[i] ?? "", line);
  }

  const disable = ["server", "users", "disable", "Alice", "--data", folder.join("data")];
  assert.equal((await xfer(disable)).code, 0);
  const disabled = await status();
  assert.equal(disabled.code, 5);
  assert.match(disabled.stderr, /\[account-disabled\]/);
  const rest = disabled.stdout.trimEnd().split("\n");
  assert.deepEqual(rest, lines.slice(0, -3), "what is known here is still printed");
  await Deno.writeTextFile(`${home}/me.account`, "broken");
  const broken = await status("--offline");
  assert.equal(broken.code, 3);
  assert.match(broken.stderr, /\[bad-identity\]/);
  assert.match(broken.stdout, /^known server .*\nuploaded/m);
});

test("status of an account of protocol 3", async ({ home, where }) => {
  await Deno.writeTextFile(`${home}/transfer.info`, `${where}\nAlice\na.txt\n`);
  await Deno.writeTextFile(`${home}/a.txt`, "content");
  assert.equal((await xfer(CLIENT_3, home)).code, 0);
  const { code, stdout, stderr } = await xfer(["client", "status"], home);
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^account +Alice over protocol 3 \(edition 2023c\), id \w+, key SHA256:\S+$/m,
  );
  assert.match(stdout, /^uploaded +a\.txt \(7 B/m);
  assert.match(stdout, /^server .* answers over protocol 3 \(edition 2023c\)$/m);
  assert.match(stderr, /^Warning: using protocol 3 with \S+, as before\./m);
}, ["--tls-listen", "none"]);

Deno.test({
  name: "if interrupted while waiting for the server, nothing is written",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TemporaryFolder.createOnDisk();
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const server = `127.0.0.1:${listener.addr.port}`;
    const met = listener.accept();
    await using running = startXfer(
      ["client", "init", "--server", server, "--name", "Alice"],
      folder.path,
    );
    using _socket = await met;
    running.kill("SIGINT");
    const { code, stderr } = await running.end();
    assert.equal(code, 130, stderr);
    assert.match(stderr, /^Stopping/m);
    assert.deepEqual(namesIn(folder.path), []);
  },
});
