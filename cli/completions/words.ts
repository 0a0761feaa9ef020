/**
 * What the scripts for all shells are made from.
 *
 * @module
 */
import { allCommands, type CommandDescription, optionsOf } from "../command_tree.ts";
import type { OptionDescription, ValueDescription } from "../command_tree.ts";

/** Makes the script of a shell. */
export type ScriptMaker = (program: CommandDescription) => string;

/** A command and what can stand behind it. */
export interface Level {
  /** Such as `xfer client put`. */
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

/** What a value is completed by: `words` of a list, names of a `file` or `folder`; a `text` by nothing. */
export function kindOf({ choices, path }: ValueDescription): "words" | "file" | "folder" | "text" {
  return choices.length > 0 ? "words" : path ?? "text";
}
