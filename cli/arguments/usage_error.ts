/**
 * What is wrong with a command line, and what was perhaps meant.
 *
 * @module
 */
import type { Command, CommanderError } from "commander";
import { printable, shellWord } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";

/** What commander says of a value of an option, or of an argument, that can't be one; the last part is ours. */
const INVALID = new RegExp(
  "^(?:option '.*?(?<option>--[\\w-]+)[^']*' argument|command-argument value) '(?<value>.*)' is invalid" +
    "(?: for argument '(?<argument>[^']*)')?\\. (?<expected>.*)$",
  "s",
);
const CHOICES = /^Allowed choices are /;

/** How commander has ended the reading of a command line: not always is something wrong. */
export class Ended extends Error {
  readonly command: Command;
  override readonly cause: CommanderError;

  constructor(command: Command, cause: CommanderError) {
    super(cause.message);
    this.command = command;
    this.cause = cause;
  }

  /** Whether help or the version was asked for, and is printed. */
  get isAnswered(): boolean {
    return this.cause.exitCode === 0;
  }

  /** `args`: the command line. */
  async errorIn(args: readonly string[]): Promise<UsageError> {
    const { command, cause: { code, message } } = this;
    const hint = `See ${pathOf(meant(command, args))} --help.`;
    if (code === "commander.help") {
      return new UsageError("no-command", "No command was given", { hint });
    }
    const [surplus] = command.args;
    if (code === "commander.excessArguments" && isGroup(command) && surplus !== undefined) {
      return await unknownCommand(command, surplus);
    }
    const words = message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
    const invalid = INVALID.exec(words)?.groups;
    if (invalid !== undefined) {
      const { option, argument, value = "", expected = "" } = invalid;
      const what = option ?? `<${argument}>`;
      return new UsageError("invalid-argument", `${what}: found "${printable(value)}"`, {
        hint: `${expected.replace(CHOICES, "Expected one of ")} ${hint}`,
      });
    }
    return new UsageError(kebabCase(code.replace("commander.", "")), words, { hint });
  }
}

/** The command that a command line names: options of those above it may stand behind it, and be wrong. */
function meant(command: Command, args: readonly string[]): Command {
  const end = args.indexOf("--");
  let found = command;
  for (const arg of end < 0 ? args : args.slice(0, end)) {
    found = found.commands.find((child) => child.name() === arg) ?? found;
  }
  return found;
}

/** Nothing below a command is called so. */
export async function unknownCommand(
  command: Command,
  name: string,
  others: readonly string[] = [],
): Promise<UsageError> {
  const names = [...command.commands.map((child) => child.name()), ...others];
  const near = await didYouMean(name, names);
  const message = `unknown command '${printable(name)}'${near}`;
  const path = pathOf(command);
  const isFile = near === "" && names.includes(STORING) && looksLikeFile(name);
  const hint = isFile ? `To store a file: ${path} ${STORING} ${shellWord(name)}. ` : "";
  return new UsageError("unknown-command", message, { hint: `${hint}See ${path} --help.` });
}

/** The names of a command and those above it, as they are typed. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

async function didYouMean(word: string, names: readonly string[]): Promise<string> {
  // It is loaded where something is wrong alone: that takes as long as all of ours.
  const { nearest } = await import("./closest.ts");
  const found = nearest(word, names);
  if (found.length === 0) return "";
  return ` (Did you mean ${found.length > 1 ? "one of " : ""}${found.join(", ")}?)`;
}

/** What is left out before the name of a file. */
const STORING = "put";

function looksLikeFile(word: string): boolean {
  return /[./\\]/.test(word);
}

function isGroup(command: Command): boolean {
  return command.commands.length > 0 && command.registeredArguments.length === 0;
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
