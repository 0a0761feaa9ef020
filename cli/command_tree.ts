/**
 * The commands of a program as plain data, the source of completions, man pages and the reference of commands.
 *
 * @module
 */
import type { Argument, Command, Help, Option } from "commander";
import { paragraphsOf, summaryOf } from "./help/layout.ts";

/** The kind of file that a path names. */
export type PathKind = "file" | "folder";

/** The value of an argument or option. */
export interface ValueDescription {
  /** As in `<name>`. */
  readonly name: string;
  readonly required: boolean;
  readonly variadic: boolean;
  /** The possible values; empty if it can be any. */
  readonly choices: readonly string[];
  /** `undefined` if it is not a path on this machine. */
  readonly path: PathKind | undefined;
}

export interface ArgumentDescription extends ValueDescription {
  readonly description: string;
  /** The description with the default, as in the command's help. */
  readonly details: string;
}

export interface OptionDescription {
  /** As in the command's help, such as `-o, --output <path>`. */
  readonly flags: string;
  /** One or two: `-o`, `--output`. */
  readonly names: readonly string[];
  readonly description: string;
  /** The description with the default, as in the command's help. */
  readonly details: string;
  /** Its heading, without a colon; `undefined` for the usual one. */
  readonly group: string | undefined;
  readonly value: ValueDescription | undefined;
}

/** A part of a help text: a paragraph, or lines that stay as they are. */
export type HelpBlock =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "code"; readonly lines: readonly string[] };

export interface CommandDescription {
  /** The names from the program's on, such as `["xfer", "client", "put"]`. */
  readonly path: readonly string[];
  /** Not a command of its own: an alias, commander's `help`, or a word after any `help`. */
  readonly implicit: boolean;
  /** One sentence. */
  readonly description: string;
  readonly aliases: readonly string[];
  /** Such as `xfer client put [options] <path...>`. */
  readonly usage: string;
  readonly arguments: readonly ArgumentDescription[];
  readonly options: readonly OptionDescription[];
  /** Options of the commands above that it takes, too. */
  readonly inherited: readonly OptionDescription[];
  /** Lines of a shell. */
  readonly examples: readonly string[];
  /** Further texts of the help. */
  readonly notes: readonly HelpBlock[];
  readonly commands: readonly CommandDescription[];
}

/** Placeholders of values that are paths. */
const PATHS: Readonly<Record<string, PathKind>> = { file: "file", path: "file", dir: "folder" };

/** The name of the command that shows help. */
const HELP = "help";

/** The topics of the help, by name. */
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
    ...{ path, implicit, options, aliases: command.aliases() },
    description: summaryOf(command.description()),
    usage: [...path, command.usage()].join(" "),
    arguments: command.registeredArguments.map((argument) => toArgument(argument, help)),
    inherited: help.visibleGlobalOptions(command).map((option) => toOption(option, help))
      .filter(({ names }) => !names.some((name) => own.has(name))),
    ...toExamplesAndNotes([
      ...paragraphsOf(command.description()).slice(1).map((text) =>
        ({ kind: "text", text }) as const
      ),
      ...toBlocks(textAfterHelp(command)),
    ]),
    commands: commands.flatMap(withAliases).map((child) =>
      nameOf(child) === HELP ? withWords(child, commands, topics) : child
    ),
  };
}

/** A command, and the same by its aliases. */
function withAliases(command: CommandDescription): readonly CommandDescription[] {
  const aliases = command.aliases.map((alias) => ({
    ...command,
    ...{ path: [...command.path.slice(0, -1), alias], implicit: true, aliases: [] },
  }));
  return [command, ...aliases];
}

/** The words after `help`, names of commands and topics, are described like commands below it. */
function withWords(
  help: CommandDescription,
  commands: readonly CommandDescription[],
  topics: Topics,
): CommandDescription {
  const toWord = (above: readonly string[], name: string, description: string) => {
    const path = [...above, name];
    const nothing = { aliases: [], arguments: [], examples: [], notes: [], commands: [] };
    return { ...help, ...nothing, path, implicit: true, description, usage: path.join(" ") };
  };
  const toWords = (
    above: readonly string[],
    commands: readonly CommandDescription[],
  ): readonly CommandDescription[] =>
    commands.filter((command) => nameOf(command) !== HELP && !isAlias(command)).map((command) => {
      const word = toWord(above, nameOf(command), command.description);
      return { ...word, commands: toWords(word.path, command.commands) };
    });
  const ofTopics = Object.entries(topics).map(([name, { about }]) =>
    toWord(help.path, name, about)
  );
  return { ...help, commands: [...toWords(help.path, commands), ...ofTopics] };
}

/** Whether a description is that of an alias. */
function isAlias({ path, usage }: CommandDescription): boolean {
  return !`${usage} `.startsWith(`${path.join(" ")} `);
}

/** The last part of a command's name. */
export function nameOf({ path }: CommandDescription): string {
  return path.at(-1) ?? "";
}

/** A command and all below it, parents first. */
export function allCommands(command: CommandDescription): readonly CommandDescription[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** The same without implicit ones. */
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

/** `undefined` for an option without a value. */
function toValue({ flags, required, variadic, argChoices: choices = [] }: Option) {
  const [, placeholder] = /[<[](.+)[>\]]$/.exec(flags) ?? [];
  if (placeholder === undefined) return undefined;
  const name = placeholder.replace(/\.\.\.$/, "");
  return { name, required, variadic, choices, path: PATHS[name] };
}

/** The texts that were added to a command's help with `addHelpText`. */
function textAfterHelp(command: Command): string {
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

/** Indented lines stay as they are; others are paragraphs. */
export function toBlocks(text: string): readonly HelpBlock[] {
  return [...text.matchAll(/(?:^ {2}.*\n?)+|(?:^(?! {2}).+\n?)+/gm)].map(([block]) => {
    const lines = block.trimEnd().split("\n");
    return block.startsWith("  ")
      ? { kind: "code", lines: lines.map((line) => line.replace(/^ {2}/, "")) }
      : { kind: "text", text: lines.join(" ") };
  });
}

/** Separates the lines below "Examples:" from the others. */
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
