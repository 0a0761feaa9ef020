/**
 * The tree of commands.
 *
 * @module
 */
import {
  type AddHelpTextContext,
  type AddHelpTextPosition,
  Command,
  Help,
  type Option,
} from "commander";
import denoJson from "../deno.json" with { type: "json" };
import { addHelpCommand } from "./commands/help.ts";
import { OUTPUT_GROUP, type Run } from "./run.ts";
import { Ended } from "./arguments/usage_error.ts";
import { reflow } from "./text/format.ts";

/** Fills in a command. */
type Loaded = (command: Command, run: Run) => void;

const COMPLETIONS = "completions";

/** Commands are loaded when they are named: neither end loads what only the other needs, and `--version` neither. */
const COMMANDS: Readonly<Record<string, { description: string; load: () => Promise<Loaded> }>> = {
  client: {
    description: "Store files on a server, encrypted on the way and compared by checksum.",
    load: async () => (await import("./commands/client/mod.ts")).clientCommand,
  },
  server: {
    description: "Run the server: take files from clients and keep them.",
    load: async () => (await import("./commands/server/mod.ts")).serverCommand,
  },
  [COMPLETIONS]: {
    description: "Print what makes a shell complete commands, options and their values.",
    load: async () => (await import("./commands/completions.ts")).completionsCommand,
  },
};

const HELP = `
Examples:
  $ xfer server             take files, on port 1256
  $ xfer client             store the file that transfer.info names
  $ xfer client put a.txt   store a.txt
  $ xfer help exit-codes    what the exit code says`;

/** The program, with all below those of its commands that are wanted. */
export async function makeProgram(
  run: Run,
  isWanted: (command: string) => boolean = () => true,
): Promise<Command> {
  const program = new FittedCommand("xfer")
    .description("Keep files safely on a server.")
    .version(denoJson.version, "-V, --version", "print the version")
    .addHelpText("after", HELP);
  // They are made of all commands.
  const areAllWanted = isWanted(COMPLETIONS);
  for (const [name, { description, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(description);
    if (areAllWanted || isWanted(name)) (await load())(command, run);
  }
  addHelpCommand(program, run);
  // "--version" behind a command is that command's. The commands are made by now, so that their own options may still
  // stand anywhere.
  program.enablePositionalOptions();
  for (const command of commandsOf(program)) {
    run.addOutputOptions(command);
    command.helpOption("-h, --help", "print this help")
      .helpCommand(false).showHelpAfterError(false).configureHelp(HELP_STYLE)
      .allowExcessArguments(false)
      .exitOverride((cause) => {
        throw new Ended(command, cause);
      })
      .configureOutput({
        writeOut: (text) => run.reporter.print(text),
        writeErr: (text) => run.reporter.note(text.replace(/\n$/, "")),
        outputError: () => undefined,
        // Help has no colours; to look for them takes permission to read more of the environment.
        ...{ getOutHasColors: () => false, getErrHasColors: () => false },
      });
  }
  return program;
}

/** A command and all below it. */
export function* commandsOf(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* commandsOf(child);
}

/** Where it is not known how wide a terminal is. */
const USUAL_WIDTH = 80;

/** What stands behind its help fits the terminal, as the help does. */
class FittedCommand extends Command {
  override createCommand(name?: string): Command {
    return new FittedCommand(name);
  }

  override addHelpText(
    position: AddHelpTextPosition,
    text: string | ((context: AddHelpTextContext) => string),
  ): this {
    return super.addHelpText(position, (context) => {
      const width = this.configureOutput().getOutHelpWidth?.() ?? USUAL_WIDTH;
      return reflow(typeof text === "string" ? text : text(context), width);
    });
  }
}

/** A description stands beside its term where it has so much room, else below it. */
const MIN_BESIDE = 30;

/** Options in a group of their own, and the program's `--version`, are their command's alone. */
const HELP_STYLE: Partial<Help> = {
  showGlobalOptions: true,
  minWidthToWrap: 20,
  formatItem(term, termWidth, description, helper) {
    const width = helper.helpWidth ?? USUAL_WIDTH;
    if (description === "" || width - termWidth >= MIN_BESIDE) {
      return Help.prototype.formatItem.call(this, term, termWidth, description, helper);
    }
    const indent = "\n      ";
    const wrapped = helper.boxWrap(description, width - indent.length);
    return `  ${term}${indent}${wrapped.replaceAll("\n", indent)}`;
  },
  groupItems<T extends Command | Option>(all: T[], visible: T[], groupOf: (item: T) => string) {
    const group = Help.prototype.groupItems<T>;
    const groups = group.call(this, all, visible, groupOf);
    const output = groups.get(OUTPUT_GROUP);
    // What all commands have comes last.
    if (output !== undefined && groups.delete(OUTPUT_GROUP)) groups.set(OUTPUT_GROUP, output);
    return groups;
  },
  visibleGlobalOptions(command) {
    return Help.prototype.visibleGlobalOptions.call(this, command)
      .filter(({ helpGroupHeading, long }) =>
        helpGroupHeading === undefined && long !== "--version"
      );
  },
};
