/**
 * `xfer help`: the help of a command, or of a topic.
 *
 * @module
 */
import type { Command } from "commander";
import { childOf, type LoadProgram, pathOf, unknownCommand } from "../arguments/usage_error.ts";
import { EXIT_CODES } from "../exit_codes.ts";
import { widthOf } from "../help/layout.ts";
import { EXIT_CODES_TOPIC, isTopic, topicList, type TopicName, TOPICS } from "../help/topics.ts";
import { loadModule } from "../load_module.ts";
import type { Run } from "../run.ts";
import { example } from "../text/format.ts";

/** Adds the command below `program`. */
export function addHelpCommand(program: Command, run: Run, load: LoadProgram): void {
  const showTopic = async (topic: TopicName) => {
    if (topic === EXIT_CODES_TOPIC && run.reporter.options.json) {
      for (const row of EXIT_CODES) run.reporter.report({ event: "exit-code", ...row });
      return;
    }
    const { topicText } = await loadModule<typeof import("../help/topic_text.ts")>(
      new URL("../help/topic_text.ts", import.meta.url),
    );
    const text = topicText(topic, await load(), widthOf(help));
    run.reporter.report({ event: "help", command: `${pathOf(help)} ${topic}`, text });
  };
  const help = program.command("help")
    .description("Show help for a command or a topic.")
    .argument("[words...]", "name of a command, such as client put, or of a topic")
    .addHelpText("after", `\n${topicList()}`)
    .addHelpText("after", example("xfer help client put", "xfer help exit-codes"))
    .action(async (words: string[]) => {
      const [topic = ""] = words;
      if (words.length === 1 && isTopic(topic)) {
        return await showTopic(topic);
      }
      const command = await find(program, words, load);
      // Texts after the help are made when it is shown.
      let text = "";
      command.configureOutput({ writeOut: (part) => void (text += part) }).outputHelp();
      run.reporter.report({ event: "help", command: pathOf(command), text: text.trimEnd() });
    });
}

/** Throws `UsageError` `unknown-command`. */
async function find(
  program: Command,
  words: readonly string[],
  load: LoadProgram,
): Promise<Command> {
  let command = program;
  for (const word of words) {
    const child = childOf(command, word);
    if (child === undefined) {
      const topics = command === program ? Object.keys(TOPICS) : [];
      throw await unknownCommand({ command, word, topics }, load);
    }
    command = child;
  }
  return command;
}
