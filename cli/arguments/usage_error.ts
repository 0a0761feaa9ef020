/**
 * Errors in a command line, with hints that lead to the right command.
 *
 * @module
 */
import type { Command, CommanderError } from "commander";
import { printable, shellWord } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";

/** Commander's message about an invalid value of an option or argument. It ends with our text on the expected form. */
const INVALID = new RegExp(
  "^(?:option '.*?(?<option>--[\\w-]+)[^']*' argument|command-argument value) '(?<value>.*)' is invalid" +
    "(?: for argument '(?<argument>[^']*)')?\\. (?<expected>.*)$",
  "s",
);
const CHOICES = /^Allowed choices are (.*?)\.?$/;
/** The suggestion that commander appends to its message. */
const GUESS = / \(Did you mean (?:one of )?(?<names>.*)\?\)$/;

/** Commander's message about an option that a command does not have. */
const UNKNOWN_OPTION = /^unknown option '(?<option>.*)'/s;

/** Commander's codes for an unknown word where a command was expected, and for an option of that command. */
const UNKNOWN: ReadonlySet<string> = new Set([
  "commander.unknownOption",
  "commander.unknownCommand",
  "commander.excessArguments",
]);

/** Letters by which other programs call options of ours. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ "-r": "--recursive", "-R": "--recursive", "-n": "--dry-run" },
  ...{ "-f": "--force", "-l": "--long", "-y": "--yes" },
};

/** The whole program, with all of its commands loaded. */
export type LoadProgram = () => Promise<Command>;

/** Commander has stopped parsing a command line, because of a mistake or because it printed help or the version. */
export class Ended extends Error {
  readonly command: Command;
  override readonly cause: CommanderError;

  constructor(command: Command, cause: CommanderError) {
    super(cause.message);
    this.command = command;
    this.cause = cause;
  }

  /** Whether commander printed help or the version, as the user asked. */
  get isAnswered(): boolean {
    return this.cause.exitCode === 0;
  }

  /** `args`: the command line. */
  async errorIn(args: readonly string[], load: LoadProgram): Promise<UsageError> {
    const { command, cause: { code, message } } = this;
    const seeHelp = `Run '${pathOf(meant(command, args))} --help' for its usage.`;
    if (code === "commander.help") {
      return new UsageError("no-command", `'${pathOf(command)}' needs the name of a command`, {
        hint: `Run '${pathOf(command)} --help' to see its commands.`,
      });
    }
    const [surplus] = command.args;
    if (UNKNOWN.has(code) && isGroup(command) && surplus !== undefined && surplus[0] !== "-") {
      const rest = args.slice(args.indexOf(surplus, args.indexOf(command.name()) + 1) + 1);
      return await unknownCommand({ command, word: surplus, rest }, load);
    }
    const words = message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
    const invalid = INVALID.exec(words)?.groups;
    if (invalid !== undefined) {
      const { option, argument, value = "", expected = "" } = invalid;
      const what = option ?? `<${argument}>`;
      const reason = asReason(expected.replace(CHOICES, "Expected one of $1"));
      return new UsageError(
        "invalid-argument",
        `invalid value "${printable(value)}" for ${what}: ${reason}`,
        { hint: seeHelp },
      );
    }
    if (code === "commander.excessArguments") return tooMany(command, seeHelp);
    const guess = GUESS.exec(words)?.groups?.["names"];
    const unknown = UNKNOWN_OPTION.exec(words)?.groups?.["option"];
    const asked = meant(command, args);
    const near = guess?.split(", ") ?? lettersMeant(asked, unknown);
    const mayBeName = unknown?.startsWith("--") === false && !isGroup(asked);
    return new UsageError(kebabCase(code.replace("commander.", "")), inOurWords(words), {
      hint: near.length > 0
        ? `Did you mean ${near.join(" or ")}?`
        : mayBeName
        ? seeHelp.replace(/\.$/, ", or write -- before a name that begins with -.")
        : seeHelp,
    });
  }
}

/**
 * Commander's message without its guess, and with the bare names of options: `--range`, not `option '--range
 * <from-to>'`.
 */
function inOurWords(message: string): string {
  return message.replace(GUESS, "")
    .replaceAll(/(?<!unknown )option '[^']*?(--[\w-]+)[^']*'/g, "$1")
    .replace(/^(--[\w-]+) argument missing$/, "$1 needs a value");
}

function tooMany(command: Command, hint: string): UsageError {
  const [most, given] = [command.registeredArguments.length, command.args];
  const surplus = given.slice(most).map((word) => printable(word)).join(", ");
  const takes = most === 0
    ? "no arguments"
    : most === 1
    ? "one argument"
    : `at most ${most} arguments`;
  return new UsageError(
    "excess-arguments",
    `too many arguments: ${surplus}. '${pathOf(command)}' takes ${takes}`,
    { hint },
  );
}

/** The option of a command that a letter of other programs stands for. */
function lettersMeant(command: Command, letter: string | undefined): string[] {
  const meant = letter === undefined ? undefined : LETTERS[letter];
  if (meant === undefined) return [];
  return command.options.some(({ long }) => long === meant) ? [meant] : [];
}

/** The command that a command line names: an option of a command above it may follow it, and be wrong. */
function meant(command: Command, args: readonly string[]): Command {
  const end = args.indexOf("--");
  let found = command;
  for (const arg of end < 0 ? args : args.slice(0, end)) {
    found = childOf(found, arg) ?? found;
  }
  return found;
}

/** The command directly below another that has a name or an alias. */
export function childOf(command: Command, name: string): Command | undefined {
  return command.commands.find((child) => child.name() === name || child.aliases().includes(name));
}

export interface UnknownWord {
  /** The command that has no subcommand called `word`. */
  readonly command: Command;
  readonly word: string;
  /** The arguments after `word`. */
  readonly rest?: readonly string[];
  /** Topics of `xfer help`, if the user asked for help. */
  readonly topics?: readonly string[];
}

/** A `UsageError` `unknown-command` whose hint has the command that was probably meant. */
export async function unknownCommand(
  { command, word, rest = [], topics }: UnknownWord,
  load: LoadProgram,
): Promise<UsageError> {
  // Loaded only after a mistake: it takes as long as all of our own code.
  const { commandsMeant } = await import("./suggest.ts");
  const { nearest } = await import("./closest.ts");
  const program = await load();
  const parent = inProgram(program, command);
  const forHelp = (path: string) => topics === undefined ? path : path.replace(" ", " help ");
  const found = commandsMeant(program, parent, word).map(pathOf);
  const [only] = found;
  const near = nearest(word, topics ?? []).map((topic) => `${program.name()} help ${topic}`);
  const isFile = looksLikeFile(word) && childOf(program, "client") !== undefined;
  let hint = `Run '${pathOf(command)} --help' to see its commands.`;
  if (near.length > 0) hint = didYouMean(near);
  else if (word === "help") {
    hint = didYouMean([withRest(pathOf(parent).replace(" ", " help "), rest)]);
  } else if (isFile && topics === undefined) hint = `To upload a file, run '${uploadOf(word)}'.`;
  else if (found.length === 1 && only !== undefined) {
    hint = didYouMean([topics === undefined ? withRest(only, rest) : forHelp(only)]);
  } else if (found.length > 1) hint = didYouMean(found.map(forHelp));
  return new UsageError("unknown-command", `unknown command '${printable(word)}'`, { hint });
}

function didYouMean(commands: readonly string[]): string {
  return `Did you mean ${commands.map((command) => `'${command}'`).join(" or ")}?`;
}

/** The same command in another tree. */
function inProgram(program: Command, command: Command): Command {
  if (command.parent === null) return program;
  return childOf(inProgram(program, command.parent), command.name()) ?? program;
}

/** A longer command is hard to read in a hint. */
const MAX_COMMAND = 60;

/** A command with its arguments, if they are few and need no quotes. */
function withRest(path: string, rest: readonly string[]): string {
  const command = [path, ...rest].join(" ");
  const isPlain = rest.every((word) => shellWord(word) === word);
  return isPlain && command.length <= MAX_COMMAND ? command : path;
}

function uploadOf(file: string): string {
  return `xfer client put ${shellWord(file) === file ? file : "FILE"}`;
}

/** The names of a command and those above it, as they are typed. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function looksLikeFile(word: string): boolean {
  return /[./\\]/.test(word);
}

function isGroup(command: Command): boolean {
  return command.commands.length > 0 && command.registeredArguments.length === 0;
}

/** The message of an `InvalidArgumentError` as the reason in an error: "Expected a path." */
export function asReason(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, "");
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
