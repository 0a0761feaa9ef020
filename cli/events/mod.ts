/**
 * Everything that a command can say: the one table of events, with their fields for programs and their words for people.
 *
 * Names and fields are stable; docs/json.md is made of this table.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { COMMON_EVENTS } from "./common.ts";
import { CONNECTION_EVENTS } from "./connection.ts";
import {
  type Definition,
  type EventKind,
  type Schema,
  schemaOf,
  type Values,
} from "./definition.ts";
import { FILE_EVENTS } from "./files.ts";
import { OPERATOR_EVENTS } from "./operator.ts";
import { STATUS_EVENTS } from "./status.ts";
import type { Paint } from "../text/colors.ts";

export const EVENTS = {
  ...COMMON_EVENTS,
  ...CONNECTION_EVENTS,
  ...FILE_EVENTS,
  ...STATUS_EVENTS,
  ...OPERATOR_EVENTS,
} as const;

export type EventName = keyof typeof EVENTS;
export type EventOf<N extends EventName> =
  & { readonly event: N }
  & Values<(typeof EVENTS)[N]["fields"]>;
export type Event = { readonly [N in EventName]: EventOf<N> }[EventName];

export function definitionOf({ event }: Pick<Event, "event">): Definition {
  return EVENTS[event] as unknown as Definition;
}

/** Of which kind an event is. */
export function kindOf(event: Event): EventKind {
  const { kind } = definitionOf(event);
  return typeof kind === "function" ? kind(event) : kind;
}

/** An event as a line of JSON, with its name first; what a terminal could take for a command is escaped. */
export function toJson(event: Event): string {
  const fields = Object.keys(definitionOf(event).fields)
    .map((name) => [name, (event as unknown as Record<string, unknown>)[name]] as const);
  return printable(
    JSON.stringify({ event: event.event, ...Object.fromEntries(fields) }),
    (character) => character.split("").map(escapeUnit).join(""),
  );
}

/** A code unit of UTF-16, as it may stand in a string of JSON. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** What people are told of an event; `undefined` where there is nothing to tell. */
export function wordsOf(event: Event, paint: Paint): string | undefined {
  return definitionOf(event).words(shown(event), paint);
}

/** Whether people are told of an event only with `--verbose`. */
export function isDetail(event: Event): boolean {
  const { isDetail = false } = definitionOf(event);
  return typeof isDetail === "boolean" ? isDetail : isDetail(event);
}

/** What people are told beside a result. */
export function asideOf(event: Event, paint: Paint): string | undefined {
  return definitionOf(event).aside?.(shown(event), paint);
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

/** With every text safe to show, and in one line where it is not of several. */
function shown(event: Event): Event {
  const { fields } = definitionOf(event);
  return Object.fromEntries(
    Object.entries(event).map(([name, value]) => {
      const inLines = fields[name]?.hasLines === true && typeof value === "string";
      return [name, inLines ? value.split("\n").map(safe).join("\n") : safe(value)];
    }),
  ) as unknown as Event;
}

function safe<T>(value: T): T {
  if (typeof value === "string") return printable(value) as T;
  if (Array.isArray(value)) return value.map(safe) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, safe(inner)])) as T;
}
