/**
 * The command line.
 *
 * @module
 */
import { Command, CommanderError, Help } from "commander";
import denoJson from "../deno.json" with { type: "json" };
import { exitCodeOf, SUCCESS } from "./exit_codes.ts";
import { printError } from "./output.ts";
import { UsageError } from "../protocol/errors.ts";

/** Commands are loaded when they are named: neither end loads what only the other needs, and `--version` neither. */
const COMMANDS: Readonly<Record<string, { description: string; load: () => Promise<Loaded> }>> = {
  client: {
    description: "Store files on a server, encrypted on the way and compared by checksum.",
    load: async () => (await import("./client.ts")).clientCommand,
  },
  server: {
    description: "Run the server: take files from clients and keep them.",
    load: async () => (await import("./server.ts")).serverCommand,
  },
};

/** Fills in a command; `finish` takes the exit code. */
type Loaded = (command: Command, finish: (exitCode: number) => void) => void;

/** Runs a command line and returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let exitCode = SUCCESS;
  const finish = (code: number) => void (exitCode = code);
  const program = new Command("xfer")
    .description("Keep files safely on a server.")
    .version(denoJson.version)
    .addHelpText("after", HELP);
  for (const [name, { description, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(description);
    if (args.includes(name)) (await load())(command, finish);
  }
  // "--version" behind a command is that command's. The commands are made by now, so that their own options may still
  // stand anywhere.
  program.enablePositionalOptions();
  forEachCommand(
    program,
    (command) =>
      command.exitOverride().showHelpAfterError(false).configureHelp(HELP_STYLE)
        .allowExcessArguments(false)
        .configureOutput({ outputError: () => undefined }),
  );
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      printError(error);
      return exitCodeOf(error);
    }
    if (error.exitCode === 0) return SUCCESS;
    const usage = toUsageError(error);
    printError(usage);
    return exitCodeOf(usage);
  }
}

/** Options in a group of their own, and the program's `--version`, are their command's alone. */
const HELP_STYLE: Partial<Help> = {
  showGlobalOptions: true,
  visibleGlobalOptions(command) {
    return Help.prototype.visibleGlobalOptions.call(this, command)
      .filter(({ helpGroupHeading, long }) =>
        helpGroupHeading === undefined && long !== "--version"
      );
  },
};

const HELP = `
Examples:
  $ xfer server             take files, on port 1256
  $ xfer client             store the file that transfer.info names
  $ xfer client put a.txt   store a.txt`;

function toUsageError(error: CommanderError): UsageError {
  if (error.code === "commander.help") {
    return new UsageError("no-command", "No command was given", { hint: "See xfer --help." });
  }
  const message = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
  const code = error.code.replace("commander.", "").replace(
    /[A-Z]/g,
    (letter) => `-${letter.toLowerCase()}`,
  );
  return new UsageError(code, message, {
    hint: "See xfer --help, or xfer COMMAND --help.",
  });
}

function forEachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) forEachCommand(child, visit);
}
