/**
 * `xfer help`: of commands, and of what belongs to none.
 *
 * @module
 */
import type { Command } from "commander";
import { EXIT_CODES } from "../exit_codes.ts";
import type { Reporter } from "../output/reporter.ts";
import type { Run } from "../run.ts";
import { pathOf, unknownCommand } from "../arguments/usage_error.ts";
import { example } from "../text/format.ts";

/** What belongs to no command: what it is about, and how it is told. */
export const TOPICS: Readonly<
  Record<string, { readonly about: string; readonly tell: (reporter: Reporter) => void }>
> = {
  "exit-codes": {
    about: "what the exit code of a command says",
    tell: (reporter) => {
      for (const row of EXIT_CODES) reporter.report({ event: "exit-code", ...row });
    },
  },
};

/** Adds the command below `program`. */
export function addHelpCommand(program: Command, run: Run): void {
  program.command("help")
    .description("Print the help of a command, or on a topic.")
    .argument("[words...]", "the names of the command, or of the topic")
    .addHelpText("after", `\nTopics:\n${topicLines()}`)
    .addHelpText("after", example("xfer help client put", "xfer help exit-codes"))
    .action(async (words: string[]) => {
      const [first = ""] = words;
      const topic = Object.hasOwn(TOPICS, first) ? TOPICS[first] : undefined;
      if (topic !== undefined && words.length === 1) return topic.tell(run.reporter);
      const command = await find(program, words);
      // What stands behind the help is written when it is shown.
      let text = "";
      command.configureOutput({ writeOut: (part) => void (text += part) }).outputHelp();
      run.reporter.report({ event: "help", command: pathOf(command), text: text.trimEnd() });
    });
}

function topicLines(): string {
  return Object.entries(TOPICS).map(([name, { about }]) => `  ${name}  ${about}`).join("\n");
}

/** Throws `UsageError` `unknown-command`. */
async function find(program: Command, words: readonly string[]): Promise<Command> {
  let command = program;
  for (const word of words) {
    const child = command.commands.find((child) => child.name() === word);
    const others = command === program ? Object.keys(TOPICS) : [];
    if (child === undefined) throw await unknownCommand(command, word, others);
    command = child;
  }
  return command;
}
