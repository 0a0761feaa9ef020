/** Checks lines of JSON that xfer prints against the schemas of their events. */
import assert from "node:assert/strict";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { type EventName, EVENTS, schemaOfEvent } from "../../cli/events/mod.ts";

export type Line = Readonly<Record<string, unknown>> & { readonly event: EventName };

const ajv = new Ajv({ allErrors: true });
addFormats.default(ajv);
const VALIDATORS = new Map(
  (Object.keys(EVENTS) as EventName[]).map((name) => [name, ajv.compile(schemaOfEvent(name))]),
);

/** Throws if a line is not an event, or does not match its schema. */
export function checkEvent(value: unknown): Line {
  const line = value as Line;
  const validate = VALIDATORS.get(line.event);
  assert.ok(validate !== undefined, `unknown event ${line.event}`);
  assert.ok(
    validate(value),
    `${JSON.stringify(value)}: ${ajv.errorsText(validate.errors)}`,
  );
  return line;
}

/** The events that `--json` has printed, or only those with one name. */
export function eventsIn(stdout: string, name?: EventName): Line[] {
  assert.ok(stdout === "" || stdout.endsWith("\n"), "the last line is whole");
  return stdout.split("\n").slice(0, -1)
    .map((line) => checkEvent(JSON.parse(line)))
    .filter(({ event }) => name === undefined || event === name);
}
