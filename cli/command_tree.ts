/**
 * The commands of a program as plain data: what completions, man pages and the reference of commands are made from.
 *
 * @module
 */
import type { Argument, Command, Help, Option } from "commander";

/** What a path that is asked for leads to. */
export type PathKind = "file" | "folder";

/** What stands for an argument, or behind an option. */
export interface ValueDescription {
  /** As in `<name>`. */
  readonly name: string;
  readonly required: boolean;
  readonly variadic: boolean;
  /** What it must be one of; empty where it is not so. */
  readonly choices: readonly string[];
  /** `undefined` where it is no path on this machine. */
  readonly path: PathKind | undefined;
}

export interface ArgumentDescription extends ValueDescription {
  readonly description: string;
  /** The description with choices and default, as in the command's help. */
  readonly details: string;
}

export interface OptionDescription {
  /** As in the command's help, such as `-o, --output <path>`. */
  readonly flags: string;
  /** One or two: `-o`, `--output`. */
  readonly names: readonly string[];
  readonly description: string;
  /** The description with choices and default, as in the command's help. */
  readonly details: string;
  /** The heading it stands below, without a colon; `undefined` where that is the usual one. */
  readonly group: string | undefined;
  readonly value: ValueDescription | undefined;
}

/** Of a text behind a command's help: a paragraph, or lines that stand as they are. */
export type HelpBlock =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "code"; readonly lines: readonly string[] };

export interface CommandDescription {
  /** From the program's name on, such as `["xfer", "client", "put"]`. */
  readonly path: readonly string[];
  /** No command of ours: commander's `help`, and the words behind any `help`. */
  readonly implicit: boolean;
  readonly description: string;
  /** Such as `xfer client put [options] <path...>`. */
  readonly usage: string;
  readonly arguments: readonly ArgumentDescription[];
  readonly options: readonly OptionDescription[];
  /** Those of the commands above that it takes as well. */
  readonly inherited: readonly OptionDescription[];
  /** Lines of a shell. */
  readonly examples: readonly string[];
  /** What is said besides. */
  readonly notes: readonly HelpBlock[];
  readonly commands: readonly CommandDescription[];
}

/** By these placeholders a value is a path. */
const PATHS: Readonly<Record<string, PathKind>> = { file: "file", path: "file", dir: "folder" };

/** The name of the command that tells of others. */
const HELP = "help";

/** What else it tells of, and what that is about. */
export type Topics = Readonly<Record<string, { readonly about: string }>>;

/** Describes a program: the command at the top, with all below it that its help shows. */
export function describeProgram(program: Command, topics: Topics = {}): CommandDescription {
  return describe(program, [program.name()], false, topics);
}

function describe(
  command: Command,
  path: readonly string[],
  implicit: boolean,
  topics: Topics,
): CommandDescription {
  const help = command.createHelp();
  const options = help.visibleOptions(command).map((option) => toOption(option, help));
  const own = new Set(options.flatMap(({ names }) => names));
  const commands = help.visibleCommands(command).map((child) =>
    describe(child, [...path, child.name()], !command.commands.includes(child), {})
  );
  return {
    ...{ path, implicit, options },
    description: command.description(),
    usage: [...path, command.usage()].join(" "),
    arguments: command.registeredArguments.map((argument) => toArgument(argument, help)),
    inherited: help.visibleGlobalOptions(command).map((option) => toOption(option, help))
      .filter(({ names }) => !names.some((name) => own.has(name))),
    ...toExamplesAndNotes(toBlocks(textBehindHelp(command))),
    commands: commands.map((child) =>
      nameOf(child) === HELP ? withWords(child, commands, topics) : child
    ),
  };
}

/** Behind `help` stand names of commands: they are described as if they were below it. */
function withWords(
  help: CommandDescription,
  commands: readonly CommandDescription[],
  topics: Topics,
): CommandDescription {
  const toWord = (above: readonly string[], name: string, description: string) => {
    const path = [...above, name];
    const nothing = { arguments: [], examples: [], notes: [], commands: [] };
    return { ...help, ...nothing, path, implicit: true, description, usage: path.join(" ") };
  };
  const toWords = (
    above: readonly string[],
    commands: readonly CommandDescription[],
  ): readonly CommandDescription[] =>
    commands.filter((command) => nameOf(command) !== HELP).map((command) => {
      const word = toWord(above, nameOf(command), command.description);
      return { ...word, commands: toWords(word.path, command.commands) };
    });
  const ofTopics = Object.entries(topics).map(([name, { about }]) =>
    toWord(help.path, name, about)
  );
  return { ...help, commands: [...toWords(help.path, commands), ...ofTopics] };
}

/** The last part of a command's name. */
export function nameOf({ path }: CommandDescription): string {
  return path.at(-1) ?? "";
}

/** A command and all below it, each before those below it. */
export function allCommands(command: CommandDescription): readonly CommandDescription[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** The same without what commander has made. */
export function ownCommands(command: CommandDescription): readonly CommandDescription[] {
  return allCommands(command).filter(({ implicit }) => !implicit);
}

/** All options that a command takes. */
export function optionsOf(command: CommandDescription): readonly OptionDescription[] {
  return [...command.options, ...command.inherited];
}

function toArgument(argument: Argument, help: Help): ArgumentDescription {
  const { description, required, variadic, argChoices: choices = [] } = argument;
  const name = argument.name();
  const details = help.argumentDescription(argument);
  return { name, required, variadic, choices, path: PATHS[name], description, details };
}

function toOption(option: Option, help: Help): OptionDescription {
  const { flags, short, long, description, helpGroupHeading } = option;
  return {
    ...{ flags, description, details: help.optionDescription(option) },
    names: [short, long].filter((name) => name !== undefined),
    group: helpGroupHeading?.replace(/:$/, ""),
    value: toValue(option),
  };
}

/** `undefined` for an option that stands for itself. */
function toValue({ flags, required, variadic, argChoices: choices = [] }: Option) {
  const [, placeholder] = /[<[](.+)[>\]]$/.exec(flags) ?? [];
  if (placeholder === undefined) return undefined;
  const name = placeholder.replace(/\.\.\.$/, "");
  return { name, required, variadic, choices, path: PATHS[name] };
}

/** What was added to a command's help with `addHelpText`. */
function textBehindHelp(command: Command): string {
  const written: string[] = [];
  const { writeOut } = command.configureOutput();
  command.configureOutput({ writeOut: (text) => void written.push(text) });
  try {
    command.outputHelp();
  } finally {
    if (writeOut !== undefined) command.configureOutput({ writeOut });
  }
  return written.slice(written.indexOf(command.helpInformation()) + 1).join("");
}

/** Lines that are indented stand as they are; others are paragraphs. */
function toBlocks(text: string): readonly HelpBlock[] {
  return [...text.matchAll(/(?:^ {2}.*\n?)+|(?:^(?! {2}).+\n?)+/gm)].map(([block]) => {
    const lines = block.trimEnd().split("\n");
    return block.startsWith("  ")
      ? { kind: "code", lines: lines.map((line) => line.replace(/^ {2}/, "")) }
      : { kind: "text", text: lines.join(" ") };
  });
}

/** Lines below the heading "Example:" are apart from the others. */
function toExamplesAndNotes(
  blocks: readonly HelpBlock[],
): Pick<CommandDescription, "examples" | "notes"> {
  const examples: string[] = [];
  const notes: HelpBlock[] = [];
  let below = false;
  for (const block of blocks) {
    if (block.kind === "code" && below) examples.push(...block.lines);
    else if (!isHeading(block)) notes.push(block);
    below = isHeading(block);
  }
  return { examples, notes };
}

function isHeading(block: HelpBlock): boolean {
  return block.kind === "text" && /^Examples?:$/.test(block.text);
}
