/**
 * Manual pages, in the `man` macros of roff, which groff and mandoc both read.
 *
 * @module
 */
import type { CommandDescription, HelpBlock, OptionDescription } from "../../cli/command_tree.ts";
import { ownCommands } from "../../cli/command_tree.ts";

export interface Edition {
  readonly version: string;
  /** As in `2026-01-31`; empty if unknown. */
  readonly date: string;
  readonly exitCodes: readonly ExitCode[];
  /** Texts that belong to no command, by heading. */
  readonly topics?: readonly Topic[];
}

export interface Topic {
  readonly about: string;
  readonly blocks: readonly HelpBlock[];
}

interface ExitCode {
  readonly code: number;
  /** May be empty. */
  readonly class: string;
  /** The meaning in Markdown, with names of commands as code. */
  readonly meaning: string;
}

export interface ManPage {
  /** Such as `xfer-client-put.1`. */
  readonly file: string;
  readonly text: string;
}

/** The section of user commands. */
const SECTION = 1;

/** A page for each command. */
export function toManPages(program: CommandDescription, edition: Edition): readonly ManPage[] {
  return ownCommands(program).map((command) => ({
    file: `${pageOf(command)}.${SECTION}`,
    text: toManPage(command, program, edition),
  }));
}

function toManPage(
  command: CommandDescription,
  program: CommandDescription,
  { version, date, exitCodes, topics = [] }: Edition,
): string {
  const { path, aliases, usage, description, examples, notes } = command;
  const name = pageOf(program);
  const parent = ownCommands(program).find(({ commands }) => commands.includes(command));
  const below = command.commands.filter(({ implicit }) => !implicit);
  const lines = [
    `.TH ${quote(pageOf(command).toUpperCase())} ${SECTION} "${date}" ${
      quote(`${name} ${version}`)
    }`,
    // No hyphenation, which looks like the hyphens of an option, and no justified lines.
    ...[".nh", ".ad l"],
    ...section("Name", [`${roff(pageOf(command))} \\- ${roff(purposeOf(command))}`]),
    ...section("Synopsis", [
      `.B ${roff(path.join(" "))}`,
      roff(usage.slice(path.join(" ").length + 1)),
      ...aliases.flatMap((alias) => [
        ".PP",
        `.B ${roff([...path.slice(0, -1), alias].join(" "))}`,
        roff(usage.slice(path.join(" ").length + 1)),
      ]),
    ]),
    ...section("Description", [roff(description), ...notes.flatMap(toBlock)]),
    ...section(
      "Arguments",
      command.arguments.flatMap(({ name, details }) => item(`\\fI${roff(name)}\\fR`, details)),
    ),
    ...section("Options", toGroups(command.options)),
    ...section("Shared options", toGroups(command.inherited)),
    ...section(
      "Commands",
      below.flatMap((child) =>
        item(`\\fB${roff(pageOf(child))}\\fR(${SECTION})`, child.description)
      ),
    ),
    ...(command === program
      ? topics.flatMap(({ about, blocks }) => section(about, blocks.flatMap(toBlock)))
      : []),
    ...section("Examples", examples.length === 0 ? [] : verbatim(examples)),
    ...section(
      "Exit status",
      command === program
        ? exitCodes.flatMap(toExitCode)
        : [`0 on success; the others are listed in \\fB${roff(name)}\\fR(${SECTION}).`],
    ),
    ...section(
      "See also",
      parent === undefined ? [] : [`.BR ${roff(pageOf(parent))} (${SECTION})`],
    ),
  ];
  return lines.join("\n") + "\n";
}

/** The description as `apropos` lists it. */
function purposeOf({ description }: CommandDescription): string {
  return (description.charAt(0).toLowerCase() + description.slice(1)).replace(/\.$/, "");
}

function pageOf({ path }: CommandDescription): string {
  return path.join("-");
}

function toExitCode({ code, class: kind, meaning }: ExitCode): readonly string[] {
  const text = kind === "" ? meaning : `${kind}: ${meaning}`;
  const parts = text.split(/`([^`]+)`/);
  return [
    ...[".TP", `\\fB${code}\\fR`],
    parts.map((part, index) => index % 2 === 1 ? `\\fB${roff(part)}\\fR` : roff(part)).join(""),
  ];
}

/** Returns nothing if there are no lines. */
function section(heading: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`.SH ${quote(heading.toUpperCase())}`, ...lines];
}

/** Options below their headings, those without one first. */
function toGroups(options: readonly OptionDescription[]): readonly string[] {
  const groups = Map.groupBy(options, ({ group }) => group ?? "");
  const plain = groups.get("") ?? [];
  groups.delete("");
  return [
    ...plain.flatMap(toOption),
    ...[...groups].flatMap((
      [group, options],
    ) => [`.SS ${quote(group)}`, ...options.flatMap(toOption)]),
  ];
}

function toOption({ flags, names, details }: OptionDescription): readonly string[] {
  const placeholder = flags.replace(/^(-[\w-]+(, )?)+ ?/, "");
  const shown = names.map((name) => `\\fB${roff(name)}\\fR`).join(", ");
  return item(placeholder === "" ? shown : `${shown} \\fI${roff(placeholder)}\\fR`, details);
}

function item(term: string, text: string): readonly string[] {
  return [".TP", term, roff(text)];
}

function toBlock(block: HelpBlock): readonly string[] {
  return [".PP", ...block.kind === "text" ? [roff(block.text)] : verbatim(block.lines)];
}

/** Lines that stay as they are, indented. */
function verbatim(lines: readonly string[]): readonly string[] {
  return [".RS 4", ".nf", ...lines.map(roff), ".fi", ".RE"];
}

/** Characters that roff would replace or interpret. */
const SIGNS: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
  '"': "\\(dq",
  "…": "...", // has no place in ASCII
};

/** A text that shows as it is, also at the beginning of a line. */
function roff(text: string): string {
  return text
    .replaceAll(/[\\'`^~"…-]/g, (sign) => SIGNS[sign] ?? sign)
    .replaceAll(
      /[^\0-\x7f]/gu,
      (sign) => `\\[u${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`,
    )
    .replace(/^\./, "\\&.");
}

/** An argument of a macro. */
function quote(text: string): string {
  return `"${roff(text)}"`;
}
