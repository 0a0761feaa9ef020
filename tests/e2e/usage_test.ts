/** Wrong command lines and help, with real processes. */
import assert from "node:assert/strict";
import { EXIT_CODES } from "../../cli/exit_codes.ts";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";

const MISTAKES: readonly [args: string, message: string, hint: string][] = [
  ["sevrer", "unknown command 'sevrer' (Did you mean server?) [unknown-command]", "xfer"],
  ["client lst", "unknown command 'lst' (Did you mean list?) [unknown-command]", "xfer client"],
  [
    "client report.pdf",
    "unknown command 'report.pdf' [unknown-command]\n      To store a file: xfer client put report.pdf.",
    "xfer client",
  ],
  [
    "client list --color x",
    '--color: found "x" [invalid-argument]\n      Expected one of auto, always, never.',
    "xfer client list",
  ],
  [
    "server users lsit",
    "unknown command 'lsit' (Did you mean list?) [unknown-command]",
    "xfer server users",
  ],
  [
    "client put a --exlude b",
    "unknown option '--exlude' (Did you mean --exclude?) [unknown-option]",
    "xfer client put",
  ],
  [
    "client --jsno",
    "unknown option '--jsno' (Did you mean --json?) [unknown-option]",
    "xfer client",
  ],
  [
    "server export a",
    "missing required argument 'name' [missing-argument]",
    "xfer server export",
  ],
  ["server users", "No command was given [no-command]", "xfer server users"],
  [
    "help exit-code",
    "unknown command 'exit-code' (Did you mean exit-codes?) [unknown-command]",
    "xfer",
  ],
  ["help client pt", "unknown command 'pt' (Did you mean put?) [unknown-command]", "xfer client"],
];

Deno.test("a wrong command line is told with what was perhaps meant, and where to look", async () => {
  for (const [args, message, command] of MISTAKES) {
    const { code, stdout, stderr } = await xfer(args.split(" "));
    assert.equal(code, 2, args);
    assert.equal(stdout, "", args);
    const [what = "", advice] = message.split("\n");
    const hint = `${advice ?? "     "} See ${command} --help.`;
    assert.ok(stderr.endsWith(`xfer: ${what}\n${hint}\n`), stderr);
  }
});

Deno.test("help prints what --help prints, of any command", async () => {
  for (const command of ["client put", "server users remove", "server", "help"]) {
    const [flag, word] = await Promise.all([
      xfer([...command.split(" "), "--help"]),
      xfer(["help", ...command.split(" ")]),
    ]);
    assert.equal(flag.code, 0);
    assert.match(flag.stdout, new RegExp(`^Usage: xfer ${command} `));
    assert.deepEqual(word, flag);
  }
  const { stdout } = await xfer(["help"]);
  assert.match(stdout, /^Usage: xfer \[options\] \[command\]\n/);
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
