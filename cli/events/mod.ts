/**
 * The table of all events: fields for programs, words for people.
 *
 * Names and fields are stable. docs/json.md is generated from this table.
 *
 * @module
 */
import { printable, printableName } from "../../protocol/printable.ts";
import { COMMON_EVENTS } from "./common.ts";
import { CONNECTION_EVENTS } from "./connection.ts";
import {
  type Definition,
  type EventKind,
  type Schema,
  schemaOf,
  type Values,
} from "./definition.ts";
import { DRY_RUN_EVENTS } from "./dry_run.ts";
import { DOWNLOAD_EVENTS } from "./downloads.ts";
import { FILE_EVENTS } from "./files.ts";
import { REMOTE_FILE_EVENTS } from "./remote_files.ts";
import { OPERATOR_EVENTS } from "./operator.ts";
import { STATUS_EVENTS } from "./status.ts";
import { UPLOAD_EVENTS } from "./uploads.ts";
import { MANY_FILES, type Presentation } from "../text/presentation.ts";

export const EVENTS = {
  ...COMMON_EVENTS,
  ...CONNECTION_EVENTS,
  ...FILE_EVENTS,
  ...DOWNLOAD_EVENTS,
  ...UPLOAD_EVENTS,
  ...REMOTE_FILE_EVENTS,
  ...DRY_RUN_EVENTS,
  ...STATUS_EVENTS,
  ...OPERATOR_EVENTS,
} as const;

export type EventName = keyof typeof EVENTS;
/** An event with one of these names. */
export type EventOf<N extends EventName> = {
  readonly [M in N]: { readonly event: M } & Values<(typeof EVENTS)[M]["fields"]>;
}[N];
export type Event = EventOf<EventName>;

export function definitionOf({ event }: Pick<Event, "event">): Definition {
  return EVENTS[event] as unknown as Definition;
}

/** The kind of an event. */
export function kindOf(event: Event): EventKind {
  const { kind } = definitionOf(event);
  return typeof kind === "function" ? kind(event) : kind;
}

/** An event as a line of JSON, its name first. Characters that control a terminal are escaped. */
export function toJson(event: Event): string {
  const fields = Object.keys(definitionOf(event).fields)
    .map((name) => [name, (event as unknown as Record<string, unknown>)[name]] as const);
  return printable(
    JSON.stringify({ event: event.event, ...Object.fromEntries(fields) }),
    (character) => character.split("").map(escapeUnit).join(""),
  );
}

/** A code unit of UTF-16, as JSON escapes it. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The words of an event for people; `undefined` if it has none. */
export function wordsOf(event: Event, show: Presentation): string | undefined {
  return definitionOf(event).words(shown(event), show);
}

/** Whether people see an event only with `--verbose`, in a command that handles `files` files. */
export function isDetail(event: Event, files = 1): boolean {
  const { isDetail = false } = definitionOf(event);
  if (isDetail === "many") return files > MANY_FILES;
  return typeof isDetail === "boolean" ? isDetail : isDetail(event);
}

/** The note that follows a result; `undefined` if it has none. Most have none, and need no presentation. */
export function noteOf(event: Event, show: () => Presentation): string | undefined {
  return definitionOf(event).note?.(shown(event), show());
}

/** The JSON Schema of an event. */
export function schemaOfEvent(name: EventName): Schema {
  const { fields, what } = definitionOf({ event: name });
  const { properties, required = [], ...rest } = schemaOf(fields);
  return {
    description: what,
    ...rest,
    properties: { event: { const: name }, ...properties },
    required: ["event", ...required],
  };
}

/** The event with every text safe to print, and on one line unless its field has lines. */
function shown(event: Event): Event {
  const { fields } = definitionOf(event);
  return Object.fromEntries(
    Object.entries(event).map(([name, value]) => {
      const inLines = fields[name]?.hasLines === true && typeof value === "string";
      if (inLines) return [name, value.split("\n").map(safe).join("\n")];
      const isName = NAMES.has(name) && typeof value === "string";
      return [name, isName ? printableName(value) : safe(value)];
    }),
  ) as unknown as Event;
}

/** Fields with names of files on the server, which commands read back as they are shown. */
const NAMES: ReadonlySet<string> = new Set(["name", "from", "to"]);

function safe<T>(value: T): T {
  if (typeof value === "string") return printable(value) as T;
  if (Array.isArray(value)) return value.map(safe) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, safe(inner)])) as T;
}
