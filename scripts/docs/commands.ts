/** docs/commands.md, of the commands themselves. */
import {
  type CommandDescription,
  type HelpBlock,
  type OptionDescription,
  optionsOf,
  ownCommands,
} from "../../cli/command_tree.ts";
import { table } from "./markdown.ts";

const OPTION = ["option", "what it means"];

/** All commands on a page of Markdown, which `deno fmt` is yet to lay out. */
export function commandsPage(program: CommandDescription): string {
  const commands = ownCommands(program);
  const common = commonOptions(commands);
  const isCommon = new Set(common.map(({ flags }) => flags));
  const sections = commands.map((command) => toSection(command, commands, isCommon));
  return [
    "# Commands",
    "<!-- Made by `deno task docs` from the commands themselves: what is changed here is lost. -->",
    toSummary(commands),
    "Every command takes these options:",
    table(OPTION, common.map(toRow)),
    ...sections.flat(),
  ].join("\n\n") + "\n";
}

/** Those that every command has. */
function commonOptions(commands: readonly CommandDescription[]): readonly OptionDescription[] {
  const [first, ...others] = commands;
  return (first?.options ?? []).filter(({ flags, details }) =>
    others.every((command) =>
      optionsOf(command).some((option) => option.flags === flags && option.details === details)
    )
  );
}

function toSummary(commands: readonly CommandDescription[]): string {
  const rows = commands.map((command) => [linkTo(command), prose(command.description)] as const);
  return table(["command", "what it does"], rows);
}

function toSection(
  { path, usage, description, arguments: values, options, inherited, examples, notes }:
    CommandDescription,
  commands: readonly CommandDescription[],
  isCommon: ReadonlySet<string>,
): readonly string[] {
  const groups = Map.groupBy(
    options.filter(({ flags }) => !isCommon.has(flags)),
    ({ group }) => group ?? "",
  );
  return [
    `## ${path.join(" ")}`,
    prose(description),
    fenced("", [usage]),
    ...(values.length > 0
      ? [
        table(
          ["argument", "what it means"],
          values.map(({ name, details }) => [code(name), prose(details)]),
        ),
      ]
      : []),
    ...[...groups].flatMap(([group, options]) => [
      ...(group === "" ? [] : [`**${prose(group)}**`]),
      table(OPTION, options.map(toRow)),
    ]),
    ...toInherited(inherited.filter(({ flags }) => !isCommon.has(flags)), path, commands),
    ...(examples.length > 0 ? [fenced("console", examples)] : []),
    ...notes.map(toBlock),
  ];
}

/** Says which options are those of which command above. */
function toInherited(
  inherited: readonly OptionDescription[],
  path: readonly string[],
  commands: readonly CommandDescription[],
): readonly string[] {
  const above = commands.filter((command) =>
    command.path.length < path.length && command.path.every((part, index) => part === path[index])
  );
  const owners = Map.groupBy(
    inherited,
    ({ flags }) => above.findLast(({ options }) => options.some((own) => own.flags === flags)),
  );
  if (owners.size === 0) return [];
  const lists = [...owners].map(([owner, options]) => {
    const names = options.map(({ names }) => code(names.at(-1) ?? "")).join(", ");
    return owner === undefined ? names : `of ${linkTo(owner)}: ${names}`;
  });
  return [`Also, ${lists.join("; ")}.`];
}

function toBlock(block: HelpBlock): string {
  return block.kind === "text" ? prose(block.text) : fenced("", block.lines);
}

function toRow({ flags, details }: OptionDescription): readonly [string, string] {
  return [code(flags), prose(details)];
}

function linkTo({ path }: CommandDescription): string {
  return `[${code(path.join(" "))}](#${path.join("-")})`;
}

/** Lines that stay as they are. */
function fenced(language: string, lines: readonly string[]): string {
  return ["```" + language, ...lines, "```"].join("\n");
}

function code(text: string): string {
  return "`" + text + "`";
}

/** A text that shows as it is; names of options in it as code. */
function prose(text: string): string {
  return text.split(/(?<![\w-])(--?[a-z][\w-]*)/).map((part, index) =>
    index % 2 === 1 ? code(part) : part.replaceAll(/[\\`*_<>[\]]/g, "\\$&")
  ).join("");
}
