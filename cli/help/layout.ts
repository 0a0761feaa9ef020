/**
 * How a command's help is laid out: lines that fit the terminal, columns that are aligned, and the options that many
 * commands take by name alone.
 *
 * @module
 */
import {
  type AddHelpTextContext,
  type AddHelpTextPosition,
  Command,
  Help,
  type Option,
} from "commander";
import { reflow, wrap as wrapWords } from "../text/format.ts";
import { COMMON, isInherited, isShownByOwner, topicOf } from "./groups.ts";

/** The width of a terminal that is not known, as of a pipe. */
const USUAL_WIDTH = 80;
/** The width of lines on a wider terminal. Longer lines are hard to read. */
const MAX_WIDTH = 100;
/** A longer term has a line of its own. */
const MAX_TERM = 26;
/** A description stands beside its term if it has this much room, otherwise below it. */
const MIN_BESIDE = 30;

/** The heading of options without a group. */
const OPTIONS = "Options:";

/** A term and its description. */
export type HelpItem = readonly [term: string, description: string];

/** A command whose texts after the help are broken at the terminal's width, too. */
export class FittedCommand extends Command {
  override createCommand(name?: string): Command {
    return new FittedCommand(name);
  }

  override addHelpText(
    position: AddHelpTextPosition,
    text: string | ((context: AddHelpTextContext) => string),
  ): this {
    return super.addHelpText(
      position,
      (context) => reflowText(typeof text === "string" ? text : text(context), widthOf(this)),
    );
  }
}

/** A longer command in a text may be broken. */
const MAX_COMMAND = 40;
const COMMAND = new RegExp(`'xfer [^'\n]{0,${MAX_COMMAND}}'`, "g");

/** Applies `layOut` to a text whose short commands in quotes must not be broken. */
function keepingCommands(text: string, layOut: (text: string) => string): string {
  const unbreakable = text.replaceAll(COMMAND, (command) => command.replaceAll(" ", "\u00a0"));
  return layOut(unbreakable).replaceAll("\u00a0", " ");
}

function wrap(text: string, width: number, indent: string): string {
  return keepingCommands(text, (unbreakable) => wrapWords(unbreakable, width, indent));
}

/** A text in lines of at most `width` characters; lines that are indented stay as they are. */
export function reflowText(text: string, width: number): string {
  return keepingCommands(text, (unbreakable) => reflow(unbreakable, width));
}

/** The columns that help may take where a command prints it. */
export function widthOf(command: Command): number {
  return Math.min(command.configureOutput().getOutHelpWidth?.() ?? USUAL_WIDTH, MAX_WIDTH);
}

/** The first paragraph of a command's description, in one line. */
export function summaryOf(description: string): string {
  return paragraphsOf(description)[0] ?? "";
}

export function paragraphsOf(description: string): readonly string[] {
  return description.trim().split(/\n{2,}/).map((paragraph) => paragraph.replaceAll("\n", " "));
}

export const HELP_STYLE: Partial<Help> = {
  showGlobalOptions: true,
  /** Choices are part of the text. */
  optionDescription({ description, defaultValue, required }) {
    return required && defaultValue !== undefined
      ? `${description} (default: ${defaultValue})`
      : description;
  },
  argumentDescription: ({ description }) => description,
  subcommandDescription: (command) => summaryOf(command.description()),
  subcommandTerm: (command) => [command.name(), ...command.aliases()].join(", "),
  visibleGlobalOptions(command) {
    return Help.prototype.visibleGlobalOptions.call(this, command)
      .filter(({ helpGroupHeading }) => isInherited(helpGroupHeading, command.name()));
  },
  formatHelp(command, helper) {
    const width = Math.min(helper.helpWidth ?? USUAL_WIDTH, MAX_WIDTH);
    const [summary = "", ...notes] = paragraphsOf(command.description());
    const { shown, topics } = optionsOf(command, helper);
    const toItem = (option: Option): HelpItem => [option.flags, helper.optionDescription(option)];
    const commands = helper.visibleCommands(command).map((child): HelpItem => [
      helper.subcommandTerm(child),
      helper.subcommandDescription(child),
    ]);
    const values = helper.visibleArguments(command).map((argument): HelpItem => [
      helper.argumentTerm(argument),
      helper.argumentDescription(argument),
    ]);
    const column = columnOf([...values, ...[...shown.values()].flat().map(toItem)]);
    const sections = [
      wrap(summary, width, ""),
      usageOf(command, width),
      ...notes.map((note) => wrap(note, width, "")),
      section("Commands:", listItems(commands, width)),
      section("Arguments:", listItems(values, width, column)),
      ...[...shown].map(([group, options]) =>
        section(group, listItems(options.map(toItem), width, column))
      ),
      section("More options ('xfer help TOPIC' explains them):", listTopics(topics, width)),
    ];
    return sections.filter((text) => text !== "").join("\n\n") + "\n";
  },
};

function usageOf(command: Command, width: number): string {
  const path = [];
  for (let at: Command | null = command; at !== null; at = at.parent) path.unshift(at.name());
  const heading = "Usage: ";
  const indent = " ".repeat(heading.length);
  const usage = heading +
    wrap([...path, command.usage()].join(" "), width - indent.length, indent);
  const aliases = command.aliases();
  return aliases.length === 0 ? usage : `${usage}\nAlias: ${aliases.join(", ")}`;
}

/** Options by the headings that they are explained below, and the names of the others by topic. */
function optionsOf(command: Command, helper: Help) {
  const own = helper.visibleOptions(command);
  const isCommon = (option: Option) => option.helpGroupHeading === COMMON;
  const all = [
    ...own.filter((option) => !isCommon(option)),
    ...helper.visibleGlobalOptions(command),
    ...own.filter(isCommon),
  ];
  const shown = new Map<string, Option[]>();
  const topics = new Map<string, string[]>();
  for (const option of all) {
    const group = option.helpGroupHeading;
    const isOwn = own.includes(option);
    const isTop = command.parent === null && group === COMMON;
    const topic = isTop ? undefined : topicOf(group, isOwn);
    const hasHeading = !isTop && !(isOwn && isShownByOwner(group));
    if (topic === undefined) pushTo(shown, hasHeading ? group ?? OPTIONS : OPTIONS, option);
    else pushTo(topics, topic, option.long ?? option.flags);
  }
  return { shown, topics };
}

/** Topics with the names of their options, as many as fit one line. */
function listTopics(topics: ReadonlyMap<string, readonly string[]>, width: number): string {
  const column = Math.max(0, ...[...topics.keys()].map((topic) => topic.length));
  const room = width - column - 4;
  return listItems([...topics].map(([topic, names]) => [topic, firstThatFit(names, room)]), width);
}

function firstThatFit(names: readonly string[], width: number): string {
  for (let count = names.length; count > 1; count--) {
    const rest = count === names.length ? "" : `, and ${names.length - count} more`;
    const text = names.slice(0, count).join(", ") + rest;
    if (text.length <= width) return text;
  }
  return names.length === 1 ? names.join() : `${names[0]}, and ${names.length - 1} more`;
}

function pushTo<T>(map: Map<string, T[]>, key: string, value: T): void {
  map.set(key, [...map.get(key) ?? [], value]);
}

function section(heading: string, lines: string): string {
  return lines === "" ? "" : `${heading}\n${lines}`;
}

/** The width of the terms' column. */
function columnOf(items: readonly HelpItem[]): number {
  const widths = items.map(([term]) => term.length).filter((width) => width <= MAX_TERM);
  return Math.max(0, ...widths);
}

/** Terms with their descriptions, aligned; `column` is the width of the terms. */
export function listItems(
  items: readonly HelpItem[],
  width: number,
  column = columnOf(items),
): string {
  const hasRoom = width - column - 4 >= MIN_BESIDE;
  const begin = hasRoom ? column + 4 : 6;
  const indent = " ".repeat(begin);
  return items.map(([term, description]) => {
    const text = wrap(description, width - begin, indent);
    if (hasRoom && term.length <= column) return `  ${term.padEnd(column)}  ${text}`;
    return `  ${term}\n${indent}${text}`;
  }).join("\n");
}
