/**
 * The common input of the completion scripts of all shells.
 *
 * @module
 */
import { allCommands, type CommandDescription, optionsOf } from "../command_tree.ts";
import type { OptionDescription, ValueDescription } from "../command_tree.ts";

/** Generates the script of a shell. */
export type ScriptMaker = (program: CommandDescription) => string;

/** A command with its subcommands, options and arguments. */
export interface Level {
  /** The full name, such as `xfer client put`. */
  readonly path: string;
  readonly commands: readonly CommandDescription[];
  readonly options: readonly OptionDescription[];
  readonly arguments: readonly ValueDescription[];
}

export function levelsOf(program: CommandDescription): readonly Level[] {
  return allCommands(program).map((command) => ({
    path: command.path.join(" "),
    commands: command.commands,
    options: optionsOf(command),
    arguments: command.arguments,
  }));
}

/** The completion of a value: `words` of a list, paths of a `file` or `folder`, none for a `text`. */
export function kindOf({ choices, path }: ValueDescription): "words" | "file" | "folder" | "text" {
  return choices.length > 0 ? "words" : path ?? "text";
}

/** Quotes a word for bash and zsh, if they require it. */
export function posixQuote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
