/** Wrong command lines and help, with real processes. */
import assert from "node:assert/strict";
import { EXIT_CODES } from "../../cli/exit_codes.ts";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { HAS_TERMINAL, Terminal } from "../support/terminal.ts";

const seeHelp = (command: string) => `Run 'xfer ${command} --help' for its usage.`;
const seeCommands = (command: string) => `Run 'xfer${command} --help' to see its commands.`;

const MISTAKES: readonly [args: string, message: string, hint: string][] = [
  ["sevrer", "unknown command 'sevrer' [unknown-command]", "Did you mean 'xfer server'?"],
  ["put a.txt", "unknown command 'put' [unknown-command]", "Did you mean 'xfer client put a.txt'?"],
  ["upload", "unknown command 'upload' [unknown-command]", "Did you mean 'xfer client put'?"],
  [
    "list -q",
    "unknown command 'list' [unknown-command]",
    "Did you mean 'xfer client list' or 'xfer server list'?",
  ],
  ["frobnicate", "unknown command 'frobnicate' [unknown-command]", seeCommands("")],
  ["client lst", "unknown command 'lst' [unknown-command]", "Did you mean 'xfer client list'?"],
  [
    "server start --data x",
    "unknown command 'start' [unknown-command]",
    "Did you mean 'xfer server --data x'?",
  ],
  [
    "server lst --data x",
    "unknown command 'lst' [unknown-command]",
    "Did you mean 'xfer server list --data x'?",
  ],
  [
    "client download a.txt -o b.txt",
    "unknown command 'download' [unknown-command]",
    "Did you mean 'xfer client get a.txt -o b.txt'?",
  ],
  [
    "client delete a.txt",
    "unknown command 'delete' [unknown-command]",
    "Did you mean 'xfer client remove a.txt'?",
  ],
  [
    "client report.pdf",
    "unknown command 'report.pdf' [unknown-command]",
    "To upload a file, run 'xfer client put report.pdf'.",
  ],
  [
    "client list --color x",
    'invalid value "x" for --color: expected one of auto, always, never [invalid-argument]',
    seeHelp("client list"),
  ],
  [
    "client ls --color x",
    'invalid value "x" for --color: expected one of auto, always, never [invalid-argument]',
    seeHelp("client list"),
  ],
  [
    "client put a --parallel many",
    'invalid value "many" for --parallel: expected a whole number from 1 to 16 [invalid-argument]',
    seeHelp("client put"),
  ],
  [
    "server users lsit",
    "unknown command 'lsit' [unknown-command]",
    "Did you mean 'xfer server users list'?",
  ],
  [
    "client put a --exlude b",
    "unknown option '--exlude' [unknown-option]",
    "Did you mean --exclude?",
  ],
  ["client --jsno", "unknown option '--jsno' [unknown-option]", "Did you mean --json?"],
  ["client put a --xyzzy", "unknown option '--xyzzy' [unknown-option]", seeHelp("client put")],
  ["client get -r a", "unknown option '-r' [unknown-option]", "Did you mean --recursive?"],
  ["client remove a -n", "unknown option '-n' [unknown-option]", "Did you mean --dry-run?"],
  ["client -r", "unknown option '-r' [unknown-option]", seeHelp("client")],
  [
    "client put -r a",
    "unknown option '-r' [unknown-option]",
    "Run 'xfer client put --help' for its usage, or write -- before a name that begins with -.",
  ],
  [
    "client help put",
    "unknown command 'help' [unknown-command]",
    "Did you mean 'xfer help client put'?",
  ],
  ["server help", "unknown command 'help' [unknown-command]", "Did you mean 'xfer help server'?"],
  [
    "server export a",
    "missing required argument 'name' [missing-argument]",
    seeHelp("server export"),
  ],
  [
    "server users",
    "'xfer server users' needs the name of a command [no-command]",
    seeCommands(" server users"),
  ],
  [
    "help exit-code",
    "unknown command 'exit-code' [unknown-command]",
    "Did you mean 'xfer help exit-codes'?",
  ],
  ["help put", "unknown command 'put' [unknown-command]", "Did you mean 'xfer help client put'?"],
  [
    "help client pt",
    "unknown command 'pt' [unknown-command]",
    "Did you mean 'xfer help client put'?",
  ],
];

Deno.test("usage: for a wrong command line, the error names the mistake, and the hint the right command", async () => {
  for (const [args, message, hint] of MISTAKES) {
    const { code, stdout, stderr } = await xfer(args.split(" "));
    assert.equal(code, 2, args);
    assert.equal(stdout, "", args);
    assert.ok(stderr.endsWith(`xfer: ${message}\n      ${hint}\n`), stderr);
  }
});

Deno.test("usage: without a subcommand, --json and --quiet print the error but no help", async () => {
  const error = "xfer: 'xfer server users' needs the name of a command [no-command]\n" +
    `      ${seeCommands(" server users")}\n`;
  for (const option of ["--json", "--quiet"]) {
    const { code, stdout, stderr } = await xfer(["server", "users", option]);
    assert.deepEqual({ code, stderr }, { code: 2, stderr: error }, option);
    const events = eventsIn(stdout).map(({ event }) => event);
    assert.deepEqual(events, option === "--json" ? ["error"] : []);
  }
});

Deno.test("usage: commands in hints exist", async () => {
  const commands = MISTAKES.flatMap(([, , hint]) =>
    [...hint.matchAll(/'xfer ([^']*)'/g)].map(([, command = ""]) => command)
  );
  for (const command of new Set(commands)) {
    if (command.startsWith("help ")) assert.equal((await xfer(command.split(" "))).code, 0);
    else assert.equal((await xfer([...command.split(" "), "--help"])).code, 0, command);
  }
});

Deno.test("help COMMAND prints the same as COMMAND --help, also for an alias", async () => {
  for (const command of ["client put", "client ls", "server users remove", "server", "help"]) {
    const [flag, word] = await Promise.all([
      xfer([...command.split(" "), "--help"]),
      xfer(["help", ...command.split(" ")]),
    ]);
    assert.equal(flag.code, 0);
    const path = command.replace(/ ls$/, " list");
    assert.match(flag.stdout, new RegExp(`^Usage: xfer ${path} `, "m"));
    assert.deepEqual(word, flag);
  }
  const { stdout } = await xfer(["help"]);
  assert.match(stdout, /^Usage: xfer \[options\] \[command\]\n/m);
});

Deno.test("help TOPIC prints the topic, as an event with --json", async () => {
  for (const topic of ["options", "limits", "patterns", "protocol-3"]) {
    const { code, stdout, stderr } = await xfer(["help", topic]);
    assert.deepEqual([code, stderr], [0, ""], topic);
    const json = await xfer(["help", topic, "--json"]);
    assert.deepEqual(eventsIn(json.stdout), [
      { event: "help", command: `xfer help ${topic}`, text: stdout.trimEnd() },
    ]);
  }
});

Deno.test({
  name: "help on a narrow terminal is the same text, broken between words",
  ignore: !HAS_TERMINAL,
  async fn() {
    /** Of a topic's options, as many are named as fit in a line: only the sum is the same. */
    const summed = (_: string, named: string, more: string) =>
      `${named.split(", ").length - 1 + Number(more)} options`;
    const words = (text: string) =>
      text.replaceAll(/\s+/g, " ").replaceAll(/((?:--[\w-]+, )+)and (\d+) more/g, summed).trim();
    for (const args of [["client", "rename", "--help"], ["help", "options"]]) {
      const piped = await xfer(args);
      await using terminal = await Terminal.xfer(args, { cwd: ".", columns: 60, rows: 200 });
      const { lines } = await terminal.end();
      assert.equal(words(lines.join(" ")), words(piped.stdout));
    }
  },
});

Deno.test("aliases run their commands", async () => {
  for (const alias of ["ls", "list"]) {
    const { code, stderr } = await xfer(["server", alias, "--data", "/nowhere"]);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /\[no-data-folder\]/);
  }
});

Deno.test("help exit-codes prints the table of exit codes", async () => {
  const { code, stdout } = await xfer(["help", "exit-codes"]);
  assert.equal(code, 0);
  for (const { code, class: kind } of EXIT_CODES) {
    assert.match(stdout, new RegExp(`^ *${code} +${kind}`, "m"));
  }
  const json = await xfer(["help", "exit-codes", "--json"]);
  assert.deepEqual(
    eventsIn(json.stdout),
    EXIT_CODES.map((row) => ({ event: "exit-code", ...row })),
  );
});
