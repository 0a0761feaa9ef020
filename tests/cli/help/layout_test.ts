/** The layout of help: widths, columns, groups of options. */
import assert from "node:assert/strict";
import { Option } from "commander";
import { COMMON, CONNECTION } from "../../../cli/help/groups.ts";
import {
  FittedCommand,
  HELP_STYLE,
  listItems,
  paragraphsOf,
  reflowText,
} from "../../../cli/help/layout.ts";

const NARROWEST = 24;

/** `tool` with a command `send`. */
function makeTool(width: number) {
  const group = (flags: string, name: string) =>
    new Option(flags, `description of ${flags} in several words`).helpGroup(name);
  const tool = new FittedCommand("tool").description("Does it.")
    .addOption(group("--server <address>", CONNECTION));
  const send = tool.command("send").alias("s")
    .description("Sends it.\n\nA note of several words\nin two lines of the source.")
    .argument("<file>", "file to send")
    .option("--as <name>", "name of the file there, 'xfer help names' lists them all")
    .option("--a-very-long-option-name <value>", "a description after a long term")
    .addOption(group("-q, --quiet", COMMON))
    .addHelpText("after", "\nExample:\n  $ tool send a.txt");
  for (const command of [tool, send]) {
    command.configureHelp(HELP_STYLE).helpCommand(false).configureOutput({
      getOutHelpWidth: () => width,
      getOutHasColors: () => false,
    });
  }
  return { tool, send };
}

function helpOf(command: FittedCommand): string {
  let help = "";
  command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
  return help;
}

Deno.test("help: summary, usage, notes, arguments, own options, names of shared ones, examples", () => {
  assert.equal(
    helpOf(makeTool(80).send as FittedCommand),
    `\
Sends it.

Usage: tool send [options] <file>
Alias: s

A note of several words in two lines of the source.

Arguments:
  file         file to send

Options:
  --as <name>  name of the file there, 'xfer help names' lists them all
  --a-very-long-option-name <value>
               a description after a long term
  -h, --help   display help for command

More options ('xfer help TOPIC' explains them):
  options  --server, --quiet

Example:
  $ tool send a.txt
`,
  );
});

Deno.test("help: the names of a topic's options take one line, and the rest is counted", () => {
  const { send } = makeTool(50);
  for (const name of ["protocol", "retries", "timeout"]) {
    send.addOption(new Option(`--${name} <value>`, "a value").helpGroup(CONNECTION));
  }
  assert.match(
    helpOf(send as FittedCommand),
    /\n {2}options {2}--protocol, --retries, and 3 more\n\n/,
  );
});

Deno.test("help: commands are listed with their aliases and the first sentence", () => {
  assert.match(helpOf(makeTool(80).tool), /\nCommands:\n {2}send, s {2}Sends it\.\n\n/);
});

for (const width of [NARROWEST, 40, 60, 80, 100]) {
  Deno.test(`help: no line is longer than a terminal of ${width} columns, broken at words`, () => {
    const help = helpOf(makeTool(width).send as FittedCommand);
    const unbreakable = /--a-very-long-option-name|Usage:|'xfer help names'|\('xfer help TOPIC'/;
    for (const line of help.split("\n")) {
      if (!unbreakable.test(line)) assert.ok(line.length <= width, line);
    }
    assert.deepEqual(help.match(/\bseveral\b/g), ["several"]);
  });
}

Deno.test("help: lines are at most 100 columns wide on a wider terminal", () => {
  const { send } = makeTool(300);
  send.description(`Sends it.\n\n${"word ".repeat(100).trim()}`);
  const widths = helpOf(send as FittedCommand).split("\n").map((line) => line.length);
  assert.equal(Math.max(...widths), 99);
});

Deno.test("help: a command in quotes is not broken", () => {
  const text = "A text whose end is a command: 'xfer help topic' and more.";
  assert.equal(
    reflowText(text, 40),
    "A text whose end is a command:\n'xfer help topic' and more.",
  );
});

Deno.test("lists: descriptions are aligned beside their terms, or below them without room", () => {
  const items = [["--a", "one two three"], ["--bc", "four"]] as const;
  assert.equal(listItems(items, 80), "  --a   one two three\n  --bc  four");
  assert.equal(listItems(items, 20), "  --a\n      one two three\n  --bc\n      four");
  assert.equal(listItems([], 80), "");
});

Deno.test("paragraphs are separated by empty lines; line breaks in them are spaces", () => {
  assert.deepEqual(paragraphsOf("One.\n\nTwo\nthree.\n"), ["One.", "Two three."]);
});
