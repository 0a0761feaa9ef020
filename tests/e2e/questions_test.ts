/** What xfer client asks, in real terminals: answers are taken, and Ctrl-C is heard while one is waited for. */
import assert from "node:assert/strict";
import { ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { HAS_TERMINAL, Terminal } from "../support/terminal.ts";

interface Scene {
  readonly home: string;
  /** The server's address, HOST:PORT. */
  readonly where: string;
  /** What it says line 1 of transfer.info is to be. */
  readonly location: string;
  /** Runs xfer in a client's folder. */
  readonly run: (...args: readonly string[]) => Promise<Terminal>;
}

function test(what: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test({
    name: `questions: ${what}`,
    ignore: !HAS_TERMINAL,
    async fn() {
      await using folder = await TemporaryFolder.createOnDisk();
      await using server = await ServerProcess.start(folder.join("data"));
      const { location } = await server.logged("server.listening-securely");
      const home = folder.join("home");
      await Deno.mkdir(home, { mode: 0o700 });
      const where = `127.0.0.1:${server.port}`;
      const run = (...args: readonly string[]) =>
        Terminal.xfer(args, { cwd: home, columns: 200, env: { NO_COLOR: "1" } });
      await body({ home, where, location: `${location}`, run });
    },
  });
}

const namesIn = (home: string) => [...Deno.readDirSync(home)].map(({ name }) => name).sort();
const WHO = /^Your name there: $/m;
const TRUST = /Trust it\? \[y\/N\] $/m;

test("init asks what no option says, again where an answer can't be", async ({ home, where, location, run }) => {
  await using terminal = await run("client", "init");
  await terminal.shows(/^The server, .*: $/m);
  await terminal.type("somewhere\n");
  await terminal.shows(/^Expected HOST:PORT, [^]*^The server, .*: $/m);
  await terminal.type(`${where}\n`);
  await terminal.shows(WHO);
  await terminal.type("Al ice\n");
  await terminal.shows(/^Expected a user name [^]*^Your name there: $/m);
  await terminal.type("Alice\n");
  await terminal.shows(/^The file to store \(Enter for none\): $/m);
  await terminal.type("\n");
  await terminal.shows(TRUST);
  await terminal.type("y\n");
  const { code, lines } = await terminal.end();
  assert.equal(code, 0, lines.join("\n"));
  assert.equal(await Deno.readTextFile(`${home}/transfer.info`), `${location}\nAlice\n`);
});

test("init gives up when no answer is of use, and when there are no more", async ({ home, run }) => {
  await using terminal = await run("client", "init", "--name", "Alice");
  for (let asked = 1; asked <= 3; asked++) {
    await terminal.shows(new RegExp(`(^The server, [^]*){${asked}}: $`, "m"));
    await terminal.type("?\n");
  }
  assert.equal((await terminal.end()).code, 2);
  await using ended = await run("client", "init", "--name", "Alice");
  await ended.shows(/^The server, .*: $/m);
  await ended.type("\x04");
  const { code, lines } = await ended.end();
  assert.equal(code, 2);
  assert.match(lines.join("\n"), /--server is missing.*\[nobody-to-ask\]/);
  assert.deepEqual(namesIn(home), []);
});

test("init asks whether to write what nobody answers for", async ({ home, run }) => {
  const init = ["client", "init", "--server", "127.0.0.1:1", "--name", "Alice", "--file", "a"];
  for (const [answer, expected] of [["n", 4], ["y", 0]] as const) {
    await using terminal = await run(...init);
    await terminal.shows(/Write it all the same\? \[y\/N\] $/m);
    await terminal.type(`${answer}\n`);
    assert.equal((await terminal.end()).code, expected);
    assert.deepEqual(namesIn(home), answer === "y" ? ["transfer.info"] : []);
  }
});

/** Where Ctrl-C is pressed, by the question that is open then. */
const OPEN: Readonly<Record<string, readonly [args: readonly string[], question: RegExp]>> = {
  "what init asks": [["client", "init", "--server", "127.0.0.1:1"], WHO],
  "whether to trust a server": [["client"], TRUST],
  "the same of a list": [["client", "list"], TRUST],
};

for (const [what, [args, question]] of Object.entries(OPEN)) {
  test(`Ctrl-C while it is asked ${what}: nothing is sent, trusted or written`, async ({ home, where, run }) => {
    const isInit = args.includes("init");
    if (!isInit) await Deno.writeTextFile(`${home}/transfer.info`, `${where}\nAlice\na\n`);
    await Deno.writeTextFile(`${home}/a`, "content");
    const before = namesIn(home);
    await using terminal = await run(...args);
    await terminal.shows(question);
    await terminal.type("\x03");
    const { code, lines } = await terminal.end();
    assert.equal(code, 130, lines.join("\n"));
    assert.match(lines.join("\n"), /^Stopping; Ctrl-C once more ends it at once$/m);
    const words = /^Not written: transfer\.info$/m;
    assert.equal(words.test(lines.join("\n")), isInit);
    const later = namesIn(home).filter((name) => !before.includes(name));
    assert.deepEqual(later, [], "a command that fails before it registers leaves no key behind");
  });
}

test("a server is trusted when somebody says so; progress does not draw over the question", async ({ home, where, run }) => {
  await Deno.writeTextFile(`${home}/transfer.info`, `${where}\nAlice\na\n`);
  await Deno.writeTextFile(`${home}/a`, "content");
  await using refused = await run("client");
  await refused.shows(TRUST);
  await refused.type("n\n");
  assert.equal((await refused.end()).code, 3);
  await using terminal = await run("client");
  await terminal.shows(TRUST);
  // A few times as long as progress is not drawn.
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.match(terminal.lines.join("\n"), TRUST);
  await terminal.type("yes\n");
  const { code, lines } = await terminal.end();
  assert.equal(code, 0, lines.join("\n"));
  assert.match(lines.join("\n"), /^Stored a \(7 bytes/m);
});
