/** docs/json.md and docs/json.schema.json, from the table in cli/events/mod.ts. */
import { definitionOf, type EventName, EVENTS, schemaOfEvent } from "../../cli/events/mod.ts";
import { COMMON_EVENTS } from "../../cli/events/common.ts";
import { CONNECTION_EVENTS } from "../../cli/events/connection.ts";
import type { EventKind, Fields, Schema } from "../../cli/events/definition.ts";
import { FILE_EVENTS } from "../../cli/events/files.ts";
import { OPERATOR_EVENTS } from "../../cli/events/operator.ts";
import { STANDING_EVENTS } from "../../cli/events/status.ts";
import { table } from "./markdown.ts";

const SECTIONS: readonly [title: string, events: Readonly<Record<string, unknown>>][] = [
  ["Any command", COMMON_EVENTS],
  ["The server and the account", CONNECTION_EVENTS],
  ["Files", FILE_EVENTS],
  ["The client's `init` and `status`", STANDING_EVENTS],
  ["The operator's commands", OPERATOR_EVENTS],
];

const KINDS: Readonly<Record<EventKind, string>> = {
  result: "result of the command",
  note: "note",
  warning: "warning",
  security: "security warning, also with `--quiet`",
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
    // Fields of later versions are to be ignored, not refused.
    (key, value) => key === "additionalProperties" ? undefined : value,
    2,
  ) + "\n";
}

function entry(name: EventName): string {
  const { what, kind, fields, isDetail = false } = definitionOf({ event: name });
  const told = isDetail === true
    ? "; in text only with `--verbose`"
    : isDetail === false
    ? ""
    : "; in text, some only with `--verbose`";
  const said = typeof kind === "function" ? "note, or error" : KINDS[kind];
  const paragraph = `### \`${name}\`\n\n${what} (${said}${told})`;
  const rows = rowsOf(fields);
  if (rows.length === 0) return paragraph;
  return `${paragraph}\n\n${table(["field", "type", "meaning"], rows)}`;
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

const INTRODUCTION = `# JSON output

With \`--json\`, every command prints one JSON object per line on standard output: an event. The option
may come before or after the names of commands. Standard error is for people. With \`--quiet\`, it has
only security warnings. The [exit code](exit-codes.md) is the same as without \`--json\`.

\`\`\`sh
$ xfer client put report.pdf --json --quiet
{"event":"planned","files":1,"bytes":48213}
{"event":"connected","server":"files.example.org:1256","protocol":4,"fingerprint":"SHA256:2vo…"}
{"event":"sending","file":"report.pdf","size":48213,"attempt":1}
{"event":"stored","name":"report.pdf","path":"report.pdf","size":48213,"cksum":2382472371,"user":"Alice","server":"files.example.org:1256"}
{"event":"summary","action":"put","done":1,"bytes":48213,"unchanged":0,"skipped":0,"failed":0}
$ xfer client list --json --quiet | jq -r 'select(.event == "file") | [.size, .name] | @tsv'
\`\`\`

Programs may rely on this:

- Names and meanings of events and fields never change. New events and fields may be added: ignore
  those that you do not know.
- \`event\` is the first field. Times are ISO 8601 in UTC. Sizes are in bytes. Ids, keys and
  fingerprints are written as in text output.
- Names and paths are exact. Characters that a terminal could interpret are written as \`\\u\` and four
  digits. In messages and hints they are replaced.
- A file is stored when \`stored\` reports it, not before. \`progress\` promises nothing.
- Errors are events, including those of the command line. An error that ends the command is the last
  event. A file that failed has an \`error\`, followed by \`not-stored\` or \`not-got\`. An error that
  ends the work on several files is reported once. A command that a signal stops (\`stopping\`) has no
  \`error\`: each remaining file has only its \`not-stored\` or \`not-got\`, with a \`code\`.
- \`--help\` and \`--version\` print text. The log of a running server has its own format,
  \`--log-format json\`.

Validators can use [json.schema.json](json.schema.json). It and this page are made from the table of
events in xfer (\`deno task docs\`).
`;
