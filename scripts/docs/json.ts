/** docs/json.md and docs/json.schema.json, of the table in cli/events/mod.ts. */
import { definitionOf, type EventName, EVENTS, schemaOfEvent } from "../../cli/events/mod.ts";
import { COMMON_EVENTS } from "../../cli/events/common.ts";
import { CONNECTION_EVENTS } from "../../cli/events/connection.ts";
import type { EventKind, Fields, Schema } from "../../cli/events/definition.ts";
import { FILE_EVENTS } from "../../cli/events/files.ts";
import { OPERATOR_EVENTS } from "../../cli/events/operator.ts";
import { STATUS_EVENTS } from "../../cli/events/status.ts";
import { table } from "./markdown.ts";

const SECTIONS: readonly [title: string, events: Readonly<Record<string, unknown>>][] = [
  ["Any command", COMMON_EVENTS],
  ["The server and the account", CONNECTION_EVENTS],
  ["Files", FILE_EVENTS],
  ["The client's `init` and `status`", STATUS_EVENTS],
  ["The operator's commands", OPERATOR_EVENTS],
];

const KINDS: Readonly<Record<EventKind, string>> = {
  result: "result: what the command was run for",
  note: "note",
  warning: "warning",
  security: "security warning: on standard error with `--quiet` too",
  error: "error",
  progress: "progress",
};

export function jsonPage(): string {
  const sections = SECTIONS.map(([title, events]) =>
    [`## ${title}`, ...Object.keys(events).map((name) => entry(name as EventName))].join("\n\n")
  );
  return `${INTRODUCTION}\n${sections.join("\n\n")}\n`;
}

export function jsonSchema(): string {
  const names = Object.keys(EVENTS) as EventName[];
  return JSON.stringify(
    {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: "A line that xfer --json prints",
      oneOf: names.map(schemaOfEvent),
    },
    // What a later version says besides is to be passed over, not refused.
    (key, value) => key === "additionalProperties" ? undefined : value,
    2,
  ) + "\n";
}

function entry(name: EventName): string {
  const { what, kind, fields, isDetail = false } = definitionOf({ event: name });
  const told = isDetail === true
    ? "; people are told of it with `--verbose`"
    : isDetail === false
    ? ""
    : "; people are told of some with `--verbose` alone";
  const said = typeof kind === "function" ? "note, or error" : KINDS[kind];
  const paragraph = `### \`${name}\`\n\n${what} (${said}${told})`;
  const rows = rowsOf(fields);
  if (rows.length === 0) return paragraph;
  return `${paragraph}\n\n${table(["field", "type", "what it is"], rows)}`;
}

function rowsOf(fields: Fields): string[][] {
  return Object.entries(fields).flatMap(([name, { schema, isOptional }]) =>
    rowsOfSchema(name, schema, isOptional === true)
  );
}

function rowsOfSchema(name: string, schema: Schema, isOptional: boolean): string[][] {
  const { description = "", properties, required, items } = schema;
  const type = typeOf(schema) + (isOptional ? ", or missing" : "");
  const below = items === undefined ? [] : rowsOfSchema(`${name}[]`, items, false).slice(1);
  const inner = Object.entries(properties ?? {}).flatMap(([key, value]) =>
    rowsOfSchema(`${name}.${key}`, value, required?.includes(key) !== true)
  );
  return [[`\`${name}\``, type, description], ...inner, ...below];
}

function typeOf({ type, format, enum: values, const: only, anyOf, items }: Schema): string {
  if (only !== undefined) return `\`"${only}"\``;
  if (values !== undefined) return values.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
  if (anyOf !== undefined) return anyOf.map(typeOf).join(", ");
  if (format === "date-time") return "time";
  if (items !== undefined) return `list of ${typeOf(items)}s`;
  return type === "null" ? "`null`" : type ?? "";
}

const INTRODUCTION = `# What xfer says to programs

With \`--json\`, before or behind the names of the command, every command prints one JSON object a line
on standard output: an event. What people are told goes to standard error then; with \`--quiet\`
only security warnings do. The exit code is the same as without ([what it says](exit-codes.md)).

\`\`\`sh
$ xfer client put report.pdf --json --quiet
{"event":"planned","files":1,"bytes":48213}
{"event":"connected","server":"files.example.org:1256","protocol":4,"fingerprint":"SHA256:2vo…"}
{"event":"sending","file":"report.pdf","size":48213,"attempt":1}
{"event":"stored","name":"report.pdf","path":"report.pdf","size":48213,"cksum":2382472371,"user":"Alice","server":"files.example.org:1256"}
{"event":"summary","action":"put","done":1,"bytes":48213,"unchanged":0,"skipped":0,"failed":0}
$ xfer client list --json --quiet | jq -r 'select(.event == "file") | [.size, .name] | @tsv'
\`\`\`

What programs may rely on:

- The names of events and fields, and what they mean, stay. New events and new fields may come: pass
  over what you don't know.
- \`event\` comes first. Times are ISO 8601 in UTC; sizes are bytes; ids, keys and fingerprints are as
  people see them.
- Names and paths are exact, whatever characters they hold; those that a terminal could take for a
  command are written as \`\\u\` and four digits. In messages and hints they are replaced.
- A file is stored when \`stored\` says so, and not before: \`progress\` is no promise.
- Errors are events too, also those in the command line. An error that ends the command is the last
  event. A file that failed has an \`error\`, and a \`not-stored\` or \`not-got\`
  behind it. An error that ends the work on several is told once, and a command that somebody
  stops (\`stopping\`) has none: of files that are left then there is the second alone, with a
  \`code\`.
- \`--help\` and \`--version\` print text. The log of a running server has a format of its own:
  \`--log-format json\`.

[json.schema.json](json.schema.json) has all of this for validators. Both are made of the table from
which xfer speaks (\`deno task docs\`).
`;
