/** Generates docs/json.md and docs/json.schema.json from the table in cli/events/mod.ts. */
import { definitionOf, type EventName, EVENTS, schemaOfEvent } from "../../cli/events/mod.ts";
import { COMMON_EVENTS } from "../../cli/events/common.ts";
import { CONNECTION_EVENTS } from "../../cli/events/connection.ts";
import type { EventKind, Fields, Schema } from "../../cli/events/definition.ts";
import { DOWNLOAD_EVENTS } from "../../cli/events/downloads.ts";
import { DRY_RUN_EVENTS } from "../../cli/events/dry_run.ts";
import { FILE_EVENTS } from "../../cli/events/files.ts";
import { REMOTE_FILE_EVENTS } from "../../cli/events/remote_files.ts";
import { OPERATOR_EVENTS } from "../../cli/events/operator.ts";
import { STATUS_EVENTS } from "../../cli/events/status.ts";
import { UPLOAD_EVENTS } from "../../cli/events/uploads.ts";
import { MANY_FILES } from "../../cli/text/presentation.ts";
import { table } from "./markdown.ts";

const SECTIONS: readonly [title: string, events: Readonly<Record<string, unknown>>][] = [
  ["Any command", COMMON_EVENTS],
  ["The server and the account", CONNECTION_EVENTS],
  ["Files", {
    ...{ ...FILE_EVENTS, ...DOWNLOAD_EVENTS, ...UPLOAD_EVENTS },
    ...{ ...REMOTE_FILE_EVENTS, ...DRY_RUN_EVENTS },
  }],
  ["The client's `init` and `status`", STATUS_EVENTS],
  ["The operator's commands", OPERATOR_EVENTS],
];

const KINDS: Readonly<Record<EventKind, string>> = {
  result: "result",
  note: "note",
  warning: "warning",
  security: "security warning, which `--quiet` keeps on standard error",
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
      title: "A line of xfer --json",
      oneOf: names.map(schemaOfEvent),
    },
    // Validators must accept fields of later versions.
    (key, value) => key === "additionalProperties" ? undefined : value,
    2,
  ) + "\n";
}

function entry(name: EventName): string {
  const { what, kind, fields, isDetail = false } = definitionOf({ event: name });
  const visible = isDetail === true
    ? "; people see it with `--verbose`"
    : isDetail === false
    ? ""
    : isDetail === "many"
    ? `; with more than ${MANY_FILES} files, people see it with \`--verbose\``
    : "; people see some of them with `--verbose` only";
  const kindWords = typeof kind === "function"
    ? "result if anything was done, else error or note"
    : KINDS[kind];
  const paragraph = `### \`${name}\`\n\n${what} (${kindWords}${visible})`;
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

With \`--json\`, every command prints events on standard output, one JSON object per line. Errors and
warnings also go to standard error, as text for people; with \`--quiet\` only security warnings do.
Exit codes do not change ([list](exit-codes.md)). \`--json\` may stand before or after the names of the
command.

\`\`\`sh
$ xfer client put report.pdf --json --quiet
{"event":"planned","files":1,"bytes":48213}
{"event":"connected","server":"files.example.org:1256","protocol":4,"fingerprint":"SHA256:2vo…"}
{"event":"sending","file":"report.pdf","size":48213,"attempt":1}
{"event":"stored","name":"report.pdf","path":"report.pdf","kind":"file","size":48213,"cksum":2382472371,"version":1,"user":"Alice","server":"files.example.org:1256"}
{"event":"summary","action":"put","done":1,"bytes":48213,"unchanged":0,"skipped":0,"failed":0}
$ xfer client list --json --quiet | jq -r 'select(.event == "file") | [.size, .name] | @tsv'
\`\`\`

Programs can rely on this:

- Names and meanings of events and fields are stable. Later versions may add events and fields;
  ignore those that you don't know.
- \`event\` is the first field. Times are ISO 8601 in UTC. Sizes are in bytes. Ids, keys and
  fingerprints look as people see them.
- Names and paths are exact. Characters that control a terminal are written as \`\\u\` and four
  digits. In messages and hints they are replaced.
- A file is stored when a \`stored\` event says so. \`progress\` does not mean that it is.
- Errors are events, including errors in the command line. An error that ends the command is the
  last event.
- A file that failed has an \`error\`, followed by \`not-stored\`, \`not-got\` or \`not-removed\` with the
  same \`code\`. An error that affects several files appears once.
- An interrupted command (\`stopping\`) has no \`error\`. Each remaining file has a \`not-stored\`,
  \`not-got\` or \`not-removed\` with the code \`interrupted\`.
- \`--help\` and \`--version\` print text. The log of a running server has its own format:
  \`--log-format json\`.

[json.schema.json](json.schema.json) describes the events for validators. Both files are generated
from the program (\`deno task docs\`).
`;
