/**
 * The tree of commands.
 *
 * @module
 */
import { type Command, Option } from "commander";
import denoJson from "../deno.json" with { type: "json" };
import { Ended } from "./arguments/usage_error.ts";
import { addHelpCommand } from "./commands/help.ts";
import { COMMON } from "./help/groups.ts";
import { FittedCommand, HELP_STYLE } from "./help/layout.ts";
import { topicList } from "./help/topics.ts";
import { loadModule } from "./load_module.ts";
import { Run } from "./run.ts";
import { example } from "./text/format.ts";

/** Adds options, arguments and subcommands to a command. */
type CommandBuilder = (command: Command, run: Run) => void;

const COMPLETIONS = "completions";

/** Commands are loaded only when named: the client does not load the server, and `--version` loads neither. */
const COMMANDS: Readonly<
  Record<string, { description: string; load: () => Promise<CommandBuilder> }>
> = {
  client: {
    description: "Upload, download and manage files on a server.",
    load: async () =>
      (await loadModule<typeof import("./commands/client/mod.ts")>(
        new URL("./commands/client/mod.ts", import.meta.url),
      )).clientCommand,
  },
  server: {
    description: "Serve until Ctrl-C or SIGTERM, or manage accounts and files.",
    load: async () =>
      (await loadModule<typeof import("./commands/server/mod.ts")>(
        new URL("./commands/server/mod.ts", import.meta.url),
      )).serverCommand,
  },
  [COMPLETIONS]: {
    description: "Generate a completion script for your shell.",
    load: async () =>
      (await loadModule<typeof import("./commands/completions.ts")>(
        new URL("./commands/completions.ts", import.meta.url),
      )).completionsCommand,
  },
};

const HELP = example("xfer client put report.pdf photos");

/** The program, with the subcommands of the wanted commands only. */
export async function makeProgram(
  run: Run,
  isWanted: (command: string) => boolean = () => true,
): Promise<Command> {
  const program = new FittedCommand("xfer")
    .description("Store files on your own server and know that they arrived intact.")
    .version(denoJson.version, "-V, --version", "print the version")
    .addHelpText("after", `\n${topicList()}`)
    .addHelpText("after", HELP);
  // Completions describe all commands.
  const areAllWanted = isWanted(COMPLETIONS);
  for (const [name, { description, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(description);
    if (areAllWanted || isWanted(name)) (await load())(command, run);
  }
  addHelpCommand(program, run, loadProgram);
  // Set after the commands are created, so that only the program stops at their names: "--version" after a command is
  // that command's option.
  program.enablePositionalOptions();
  for (const command of commandsOf(program)) {
    run.addOutputOptions(command);
    command.addHelpOption(new Option("-h, --help", "print this help").helpGroup(COMMON))
      .helpCommand(false).showHelpAfterError(false).configureHelp(HELP_STYLE)
      .allowExcessArguments(false)
      .exitOverride((cause) => {
        throw new Ended(command, cause);
      })
      .configureOutput({
        writeOut: (text) => run.reporter.print(text),
        // Help after a mistake. With `--json` and `--quiet`, the error alone says what is missing.
        writeErr: (text) => {
          const { json, quiet } = run.reporter.options;
          if (!json && !quiet) run.reporter.note(text.replace(/\n$/, ""));
        },
        outputError: () => undefined,
        // Help has no colors; to look for them takes permission to read more of the environment.
        ...{ getOutHasColors: () => false, getErrHasColors: () => false },
      });
  }
  return program;
}

/** The program with all of its commands, to look something up in. */
export function loadProgram(): Promise<Command> {
  return makeProgram(new Run());
}

/** A command and all below it. */
export function* commandsOf(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* commandsOf(child);
}
