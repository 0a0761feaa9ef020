/** docs/commands.md, from the commands themselves. */
import {
  type CommandDescription,
  type HelpBlock,
  type OptionDescription,
  optionsOf,
  ownCommands,
} from "../../cli/command_tree.ts";
import { table } from "./markdown.ts";

const OPTION = ["option", "meaning"];

/** A topic of `xfer help`. */
export interface TopicPage {
  readonly name: string;
  readonly about: string;
  readonly blocks: readonly HelpBlock[];
}

/** All commands on a page of Markdown, for `deno fmt` to lay out. */
export function commandsPage(
  program: CommandDescription,
  topics: readonly TopicPage[] = [],
): string {
  const commands = ownCommands(program);
  const common = commonOptions(commands);
  const isCommon = new Set(common.map(({ flags }) => flags));
  const sections = commands.map((command) => toSection(command, commands, isCommon));
  return [
    "# Commands",
    "<!-- Made by `deno task docs` from the commands: changes made here are lost. -->",
    toSummary(commands),
    "Every command takes these options:",
    table(OPTION, common.map(toRow)),
    ...sections.flat(),
    ...topics.flatMap(({ name, about, blocks }) => [
      `## ${program.path.join(" ")} help ${name}`,
      prose(`${capital(about)}.`),
      ...blocks.map(toBlock),
    ]),
  ].join("\n\n") + "\n";
}

/** The options that every command has. */
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
  return table(["command", "purpose"], rows);
}

function toSection(
  { path, aliases, usage, description, arguments: values, options, inherited, examples, notes }:
    CommandDescription,
  commands: readonly CommandDescription[],
  isCommon: ReadonlySet<string>,
): readonly string[] {
  const groups = Map.groupBy(
    options.filter(({ flags }) => !isCommon.has(flags)),
    ({ group }) => group ?? "",
  );
  // Lines below a heading follow the options, as in the help.
  const below = notes.findIndex(({ kind }) => kind === "code");
  const end = below < 0 ? notes.length : Math.max(0, below - 1);
  const [texts, others] = [notes.slice(0, end), notes.slice(end)];
  return [
    `## ${path.join(" ")}`,
    prose(description),
    fenced("", [usage]),
    ...(aliases.length > 0 ? [`Alias: ${aliases.map(code).join(", ")}`] : []),
    ...texts.map(toBlock),
    ...(values.length > 0
      ? [
        table(
          ["argument", "meaning"],
          values.map(({ name, details }) => [code(name), prose(details)]),
        ),
      ]
      : []),
    ...[...groups].flatMap(([group, options]) => [
      ...(group === "" ? [] : [`**${prose(group)}**`]),
      table(OPTION, options.map(toRow)),
    ]),
    ...toInherited(inherited.filter(({ flags }) => !isCommon.has(flags)), path, commands),
    ...others.map(toBlock),
    ...(examples.length > 0 ? [fenced("console", examples)] : []),
  ];
}

/** Lists the options of the commands above. */
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
    return owner === undefined ? names : `the options of ${linkTo(owner)}: ${names}`;
  });
  return [`Also takes ${lists.join("; ")}.`];
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

/** A text that shows as it is, with options and quoted commands as code. */
function prose(text: string): string {
  return text.split(/((?<![\w-])--?[a-z][\w-]*|'xfer [^']+')/).map((part, index) =>
    index % 2 === 1 ? code(part.replaceAll("'", "")) : part.replaceAll(/[\\`*_<>[\]]/g, "\\$&")
  ).join("");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
