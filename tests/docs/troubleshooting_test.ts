/** docs/troubleshooting.md has an entry for every error code, and no other. */
import assert from "node:assert/strict";
import { EXIT_CODES } from "../../cli/exit_codes.ts";
import { errorCodes, MISTAKES, refusalCodes } from "../support/error_codes.ts";

interface Entry {
  readonly code: string;
  /** The exit code of its section. */
  readonly exitCode: number;
  readonly text: string;
}

const page = await Deno.readTextFile(new URL("../../docs/troubleshooting.md", import.meta.url));

/** Entries are headings that name a code, and table rows that begin with one. */
function entriesOf(page: string): Entry[] {
  const [, ...sections] = page.split(/^## /m);
  return sections.flatMap((section) => {
    const exitCode = Number(/Exit code (\d+)/.exec(section)?.[1]);
    const [, ...parts] = section.split(/^### /m);
    const headed = parts.flatMap((text) => {
      const code = /^`([a-z0-9-]+)`\n/.exec(text)?.[1];
      return code === undefined ? [] : [{ code, exitCode, text }];
    });
    const rows = [...section.matchAll(/^\| `([a-z0-9-]+)` +\|(.*)\|$/gm)]
      .map(([, code = "", text = ""]) => ({ code, exitCode, text }));
    return [...headed, ...rows];
  });
}

const ENTRIES = entriesOf(page);

Deno.test("troubleshooting: every code in the sources has an entry, and no entry lacks a code", async () => {
  const codes = await errorCodes();
  assert.ok(codes.size > 100, "they were found");
  assert.deepEqual(ENTRIES.map(({ code }) => code).sort(), [...codes.keys()].sort());
});

Deno.test("troubleshooting: an entry is in the section of a class of its error", async () => {
  const codes = await errorCodes();
  for (const { code, exitCode } of ENTRIES) {
    const kind = EXIT_CODES.find((row) => row.code === exitCode)?.class;
    const kinds = codes.get(code) ?? new Set();
    assert.ok(
      kinds.has("any") || kinds.has(kind as never),
      `${code} is ${[...kinds]}, not ${kind}`,
    );
  }
});

Deno.test("troubleshooting: every entry has a meaning and a fix", () => {
  for (const { code, text } of ENTRIES) {
    if (text.includes("\n")) assert.match(text, /\n\n[\s\S]+\n\n\*\*Fix:\*\* \S/, code);
    else assert.ok(text.trim().length > 20, code);
  }
});

Deno.test("troubleshooting: the codes of protocol 4 are those of its specification", async () => {
  const specification = await Deno.readTextFile(
    new URL("../../docs/protocol-4.md", import.meta.url),
  );
  const [, errors = ""] = /^## Errors$([\s\S]*?)^## /m.exec(specification) ?? [];
  const listed = [...errors.matchAll(/^\| `([a-z-]+)`/gm)].map(([, code]) => code);
  assert.deepEqual(listed.sort(), (await refusalCodes()).sort());
});

/** Codes of commander that are not mistakes, or cannot occur with xfer's commands. */
const NO_MISTAKES = [
  ...["error", "executeSubCommandAsync", "helpDisplayed", "missingMandatoryOptionValue", "version"],
];

Deno.test("troubleshooting: commander has no other mistakes", async () => {
  const lib = new URL("./lib/", import.meta.resolve("commander"));
  const sources = ["command.js", "error.js"].map((name) => Deno.readTextFile(new URL(name, lib)));
  const codes = (await Promise.all(sources)).join("\n").matchAll(/'commander\.(\w+)'/g);
  assert.deepEqual(
    [...new Set([...codes].map(([, code]) => code))].sort(),
    [...Object.keys(MISTAKES), ...NO_MISTAKES].sort(),
  );
});
