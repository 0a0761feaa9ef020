/** Questions of commands in real terminals: answers, and Ctrl-C at a prompt. */
import assert from "node:assert/strict";
import { serveHere } from "../support/e2e/served_here.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { HAS_TERMINAL, Terminal } from "../support/terminal.ts";

interface Fixture {
  readonly home: string;
  /** The server's address, HOST:PORT. */
  readonly where: string;
  /** The xfer:// line of the server, for line 1 of transfer.info. */
  readonly location: string;
  /** Runs xfer in a client's folder. */
  readonly run: (...args: readonly string[]) => Promise<Terminal>;
}

function test(what: string, body: (fixture: Fixture) => Promise<void>): void {
  Deno.test({
    name: `questions: ${what}`,
    ignore: !HAS_TERMINAL,
    async fn() {
      await using folder = await TemporaryFolder.createOnDisk();
      await using server = await serveHere(folder.join("data"));
      const home = folder.join("home");
      await Deno.mkdir(home, { mode: 0o700 });
      const where = `127.0.0.1:${server.port}`;
      const run = (...args: readonly string[]) =>
        Terminal.xfer(args, { cwd: home, columns: 200, env: { NO_COLOR: "1" } });
      await body({ home, where, location: server.location, run });
    },
  });
}

const namesIn = (home: string) => [...Deno.readDirSync(home)].map(({ name }) => name).sort();
const WHO = /^Your user name on the server: $/m;
const TRUST = /Trust it\? \[y\/N\] $/m;

test("init asks for values that no option gives, and again after an invalid answer", async ({ home, where, location, run }) => {
  await using terminal = await run("client", "init");
  await terminal.shows(/^Server address .*: $/m);
  await terminal.type("somewhere\n");
  await terminal.shows(/^Expected HOST:PORT, [^]*^Server address .*: $/m);
  await terminal.type(`${where}\n`);
  await terminal.shows(WHO);
  await terminal.type("Al ice\n");
  await terminal.shows(/^Expected a user name [^]*^Your user name on the server: $/m);
  await terminal.type("Alice\n");
  await terminal.shows(/^File that 'xfer client' uploads \[none\]: $/m);
  await terminal.type("\n");
  await terminal.shows(TRUST);
  await terminal.type("y\n");
  const { code, lines } = await terminal.end();
  assert.equal(code, 0, lines.join("\n"));
  assert.equal(await Deno.readTextFile(`${home}/transfer.info`), `${location}\nAlice\n`);
});

test("init gives up after three invalid answers, and at the end of input", async ({ home, run }) => {
  await using terminal = await run("client", "init", "--name", "Alice");
  for (let asked = 1; asked <= 3; asked++) {
    await terminal.shows(new RegExp(`(^Server address [^]*){${asked}}: $`, "m"));
    await terminal.type("?\n");
  }
  assert.equal((await terminal.end()).code, 2);
  await using ended = await run("client", "init", "--name", "Alice");
  await ended.shows(/^Server address .*: $/m);
  await ended.type("\x04");
  const { code, lines } = await ended.end();
  assert.equal(code, 2);
  assert.match(lines.join("\n"), /--server is missing.*\[nobody-to-ask\]/);
  assert.deepEqual(namesIn(home), []);
});

test("init asks whether to write the file if the server does not answer", async ({ home, run }) => {
  const init = ["client", "init", "--server", "127.0.0.1:1", "--name", "Alice", "--file", "a"];
  for (const [answer, expected] of [["n", 4], ["y", 0]] as const) {
    await using terminal = await run(...init);
    await terminal.shows(/Write transfer\.info anyway\? \[y\/N\] $/m);
    await terminal.type(`${answer}\n`);
    assert.equal((await terminal.end()).code, expected);
    assert.deepEqual(namesIn(home), answer === "y" ? ["transfer.info"] : []);
  }
});

/** Prompts at which Ctrl-C is pressed. */
const OPEN: Readonly<Record<string, readonly [args: readonly string[], question: RegExp]>> = {
  "init": [["client", "init", "--server", "127.0.0.1:1"], WHO],
  "an upload to a new server": [["client"], TRUST],
  "a list of a new server": [["client", "list"], TRUST],
};

for (const [what, [args, question]] of Object.entries(OPEN)) {
  test(`Ctrl-C at the prompt of ${what}: nothing is sent, trusted or written`, async ({ home, where, run }) => {
    const isInit = args.includes("init");
    if (!isInit) await Deno.writeTextFile(`${home}/transfer.info`, `${where}\nAlice\na\n`);
    await Deno.writeTextFile(`${home}/a`, "content");
    const before = namesIn(home);
    await using terminal = await run(...args);
    await terminal.shows(question);
    await terminal.type("\x03");
    const { code, lines } = await terminal.end();
    assert.equal(code, 130, lines.join("\n"));
    assert.match(lines.join("\n"), /^Stopping\. Press Ctrl-C again to quit at once\.$/m);
    const words = /^Did not write transfer\.info$/m;
    assert.equal(words.test(lines.join("\n")), isInit);
    const later = namesIn(home).filter((name) => !before.includes(name));
    assert.deepEqual(later, [], "a command that fails before it registers leaves no key behind");
  });
}

test("a new server is trusted after yes; progress does not draw over the question", async ({ home, where, run }) => {
  await Deno.writeTextFile(`${home}/transfer.info`, `${where}\nAlice\na\n`);
  await Deno.writeTextFile(`${home}/a`, "content");
  await using refused = await run("client");
  await refused.shows(TRUST);
  await refused.type("n\n");
  assert.equal((await refused.end()).code, 3);
  await using terminal = await run("client");
  await terminal.shows(TRUST);
  // Longer than the delay of the progress display.
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.match(terminal.lines.join("\n"), TRUST);
  await terminal.type("yes\n");
  const { code, lines } = await terminal.end();
  assert.equal(code, 0, lines.join("\n"));
  assert.match(lines.join("\n"), /^Uploaded a \(7 B/m);
});

test("remove asks before it removes more than half of the files, and removes nothing after no", async ({ home, location, run }) => {
  await Deno.writeTextFile(`${home}/transfer.info`, `${location}\nAlice\n`);
  for (const name of ["a", "b", "c"]) await Deno.writeTextFile(`${home}/${name}`, name);
  await using put = await run("client", "put", "a", "b", "c");
  assert.equal((await put.end()).code, 0);
  const question = /^Delete 3 of 3 entries in your account\? \[y\/N\] $/m;
  for (const [answer, expected] of [["n", 2], ["y", 0]] as const) {
    await using terminal = await run("client", "remove", "?");
    await terminal.shows(question);
    await terminal.type(`${answer}\n`);
    const { code, lines } = await terminal.end();
    assert.equal(code, expected, lines.join("\n"));
  }
  await using list = await run("client", "list");
  assert.match((await list.end()).lines.join("\n"), /^No entries$/m);
});

test("server init asks again after an invalid answer, and takes the default after Enter", async ({ home, run }) => {
  await using terminal = await run("server", "init", "--data", "/srv/xfer");
  await terminal.shows(/^Address at which clients reach .*: $/m);
  await terminal.type("files.example.org\n");
  await terminal.shows(/^Expected HOST:PORT [^]*^Address at which clients reach .*: $/m);
  await terminal.type("files.example.org:1256\n");
  await terminal.shows(/^Who can register: .* \[invite\]: $/m);
  await terminal.type("\n");
  await terminal.shows(/^Bytes that each account may store, .* \[10GB\]: $/m);
  await terminal.type("1TiB\n");
  await terminal.shows(/^File for the log .*: $/m);
  await terminal.type("\n");
  const { code, lines } = await terminal.end();
  assert.equal(code, 0, lines.join("\n"));
  const settings = (await Deno.readTextFile(`${home}/server.toml`)).match(/^[^#\n].*$/gm);
  assert.deepEqual(settings, [
    ...['data = "/srv/xfer"', 'registration = "invite"', 'advertise = "files.example.org:1256"'],
    'quota = "1TiB"',
  ]);
});

test("Ctrl-C at a prompt of server init: nothing is written", async ({ home, run }) => {
  await using terminal = await run("server", "init", "--data", "/srv/xfer");
  await terminal.shows(/^Address at which clients reach .*: $/m);
  await terminal.type("\x03");
  assert.equal((await terminal.end()).code, 130);
  assert.deepEqual(namesIn(home), []);
});
