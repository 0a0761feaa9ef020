/** The help of every command: described, short, with options and examples that work. */
import assert from "node:assert/strict";
import type { Command } from "commander";
import { pathOf } from "../../../cli/arguments/usage_error.ts";
import { commandsOf, loadProgram } from "../../../cli/program.ts";
import { summaryOf } from "../../../cli/help/layout.ts";

const OUTPUT = ["--json", "--quiet", "--verbose", "--bytes", "--color", "--no-progress"];

/** Lines of a help at 80 columns. Move options that few need to a topic, see `cli/help/groups.ts`. */
const MAX_LINES = 40;

/** Indirect questions, and words of people that are not users. */
const NO_BEGINNING = /^(what|which|where|whose|who|whom|how|if|whether)\b/i;

const program = await loadProgram();

function helpOf(command: Command): string {
  let help = "";
  command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
  return help;
}

for (const command of commandsOf(program)) {
  const path = pathOf(command);
  const help = helpOf(command);

  Deno.test(`${path}: one sentence, an imperative, says what the command does`, () => {
    assert.match(summaryOf(command.description()), /^[A-Z]((?!\. ).)*\.$/);
    assert.match(help, /^[A-Z].*\.\n\nUsage: xfer/);
  });

  Deno.test(`${path}: options and arguments are described by a noun or an imperative`, () => {
    for (const { description, long, short } of command.options) {
      assert.match(description, /^[a-zA-Z0-9][^\n]*[^.]$/, `${short} ${long}`);
      assert.doesNotMatch(description, NO_BEGINNING, `${short} ${long}`);
    }
    for (const argument of command.registeredArguments) {
      assert.match(argument.description, /^[a-z][^\n]*[^.]$/, argument.name());
      assert.doesNotMatch(argument.description, NO_BEGINNING, argument.name());
    }
  });

  Deno.test(`${path}: has the common options, each once`, () => {
    const flags = command.options.flatMap(({ short, long }) => [short, long])
      .filter((flag) => flag !== undefined);
    assert.equal(new Set(flags).size, flags.length);
    for (const option of OUTPUT) assert.ok(flags.includes(option), option);
    assert.match(help, /--json|^ {2}options {2}/m);
  });

  Deno.test(`${path}: help fits a screen at 80 columns`, () => {
    const lines = help.trimEnd().split("\n");
    assert.ok(lines.length <= MAX_LINES, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length <= 80, line);
  });

  Deno.test(`${path}: help ends with examples that can be parsed`, async () => {
    const [, examples = ""] = help.split(/^Examples?:$/m);
    const lines = examples.trim().split("\n").map((line) => line.trim());
    for (const line of lines) {
      assert.match(line, /^\$ /);
      const ours = line.slice(2).split(" | ").filter((part) => part.startsWith("xfer "));
      assert.ok(path === "xfer" || ours.some((part) => part.startsWith(path)), line);
      for (const part of ours) await parse(part.replace(/^xfer/, "").replace(/ >.*$/, ""));
    }
  });
}

/** Parses a command line without running it. */
async function parse(line: string): Promise<void> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word);
  const fresh = await loadProgram();
  for (const command of commandsOf(fresh)) command.action(() => undefined);
  await fresh.parseAsync(words as string[], { from: "user" });
}
