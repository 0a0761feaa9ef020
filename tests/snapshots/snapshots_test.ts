/**
 * The output of every command, on terminals, in pipes and as JSON, equals the snapshots that a person has read. To
 * change them, run `deno task snapshots`, and read the diff before committing it.
 */
import assert from "node:assert/strict";
import { structuredPatch } from "diff";
import { HAS_TERMINAL } from "../support/terminal.ts";
import { Names } from "./names.ts";
import { makePages, type Page, pathOfPage } from "./pages.ts";
import { allCommands } from "./world.ts";

/** Commands that only have subcommands. */
const GROUPS: readonly string[] = ["", "server users", "server hooks"];

Deno.test({
  name: "snapshots: the output of every command is unchanged",
  ignore: !HAS_TERMINAL,
  async fn(t) {
    const pages = await makePages();
    for (const page of pages) {
      await t.step(page.name, async () => {
        const kept = await Deno.readTextFile(pathOfPage(page.name)).catch(() => "");
        const differences = differencesOf(kept, page.text);
        assert.ok(
          differences === "",
          `${differences}\nIf this is intended, run: deno task snapshots`,
        );
      });
    }
    await t.step("every command was run, and its help was printed", async () => {
      const commands = (page: (page: Page) => boolean) =>
        new Set(
          pages.filter(page).flatMap(({ steps }) => steps.map(([first]) => first?.[1].command)),
        );
      const [run, helped] = [
        commands(({ name }) => name !== "help"),
        commands(({ name }) => name === "help"),
      ];
      const all = await allCommands();
      assert.deepEqual(all.filter((name) => !run.has(name) && !GROUPS.includes(name)), []);
      assert.deepEqual(all.filter((name) => !helped.has(name)), []);
    });
    await t.step("help fits into 80 columns", () => {
      const help = pages.find(({ name }) => name === "help");
      assert.ok(help !== undefined);
      for (const [, { title, printed }] of help.steps.flat()) {
        assert.deepEqual(printed.shown.filter((row) => row.startsWith("┊")), [], title);
      }
    });
    await t.step("with --json people see errors and warnings only, on standard error", () => {
      let seen = 0;
      for (const { piped, json } of pages.flatMap(({ steps }) => steps).map(Object.fromEntries)) {
        if (json === undefined || PRINTS_TEXT.test(json.title)) continue;
        // Ids are numbered in the order in which they appear, which differs in JSON; hints repeat the options.
        const [all, meanwhile] = [piped, json].map(({ printed }) =>
          printed.words.filter((line: string) => !LOGGED.test(line)).map((line: string) =>
            line.replaceAll(/\bid\d+(?=\.)/g, "id").replaceAll(" --json", "")
          )
        );
        const notes = meanwhile.filter((line: string) => !PROBLEM.test(line));
        assert.deepEqual(notes, [], json.title);
        assert.deepEqual(meanwhile.filter((line: string) => !all.includes(line)), [], json.title);
        seen += meanwhile.length;
      }
      assert.ok(seen > 0);
    });
    await t.step("colors are on terminals only, unless disabled", () => {
      const forms = pages.flatMap(({ steps }) => steps.flat());
      for (const [form, { printed: { raw }, title }] of forms) {
        if (form !== "terminal") assert.doesNotMatch(raw, SGR, `${form}: ${title}`);
      }
      assert.ok(forms.some(([, { printed: { raw } }]) => SGR.test(raw)));
    });
  },
});

/** Commands that print text with `--json`, too; see docs/json.md. */
const PRINTS_TEXT = / --(help|version)( |$)/;

/** The beginning of an error, a hint, a warning or a file that failed. */
const PROBLEM =
  /^(xfer: | {6}|Warning: |Failed to |Not started: |Interrupted: |Did not |\w+ nothing, )/;

/** A line of a server's log. `--log-format` chooses its form, not `--json`. */
const LOGGED = /^YYYY-MM-DDTHH:MM:SS\.sssZ (DBG|INF|WRN|ERR) /;

// deno-lint-ignore no-control-regex
const SGR = /\x1b\[[\d;]*m/;

/** The changed parts, each below its step and form. Empty without a change. */
function differencesOf(kept: string, now: string): string {
  const lines = now.split("\n");
  const { hunks } = structuredPatch("", "", kept, now, "", "", { context: 2 });
  return hunks.map(({ newStart, lines: changed }) => {
    const before = lines.slice(0, newStart);
    const [step, form] = [/^━━━ /, /^─── /].map((mark) =>
      before.findLast((line) => mark.test(line))
    );
    return [step, form, ...changed].filter((line) => line !== undefined).join("\n");
  }).join("\n\n");
}

Deno.test("snapshots: differences are shown by step and form", () => {
  const page = "About\n\n━━━ xfer a\n\n─── piped\nout│ 1\nout│ 2\nout│ 3\n\n━━━ xfer b\n";
  assert.equal(differencesOf(page, page), "");
  assert.equal(
    differencesOf(page, page.replace("3", "4")),
    "━━━ xfer a\n─── piped\n out│ 1\n out│ 2\n-out│ 3\n+out│ 4\n \n ━━━ xfer b",
  );
});

Deno.test("snapshots: a value that differs in each run has a name of the same length", () => {
  const start = Date.parse("2026-01-02T03:04:05Z");
  const names = new Names("/tmp/xyz", () => start);
  const [a, b] = [`SHA256:${"a".repeat(43)}`, `SHA256:${"b".repeat(43)}`];
  const named = names.in(`${a} ${b} ${a} 127.0.0.1:40000 ${"0".repeat(32)} /tmp/xyz/data`);
  assert.equal(
    named,
    "SHA256:fingerprint1............................... " +
      "SHA256:fingerprint2............................... " +
      "SHA256:fingerprint1............................... " +
      "127.0.0.1:port1 id1............................. /FOLDER./data",
  );
  assert.equal(names.in("127.0.0.1:40001 127.0.0.1:40000"), "127.0.0.1:port2 127.0.0.1:port1");
});

Deno.test("snapshots: moments are distinguished, and those before the run stay", () => {
  const start = Date.parse("2026-01-02T03:04:05Z");
  const names = new Names("/tmp/xyz", () => start);
  const cases: readonly (readonly [moment: string, name: string])[] = [
    ["2026-01-02T03:04:05Z", "YYYY-MM-DDTHH:MM:SSZ"],
    ["2026-01-02T03:04:05.123Z", "YYYY-MM-DDTHH:MM:SS.sssZ"],
    ["\x1b[2m2026-01-02 03:04:05\x1b[0m", "\x1b[2mYYYY-MM-DD HH:MM:SS\x1b[0m"],
    ["2026-01-02T15:04:05Z", "in-12-hourTHH:MM:SSZ"],
    ["2026-01-09T03:04:05Z", "in-07-daysTHH:MM:SSZ"],
    ["2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z"],
  ];
  for (const [moment, name] of cases) assert.equal(names.in(moment), name);
});

Deno.test("snapshots: other values have no names", () => {
  const names = new Names("/tmp/x");
  const text = "7 bytes, cksum 3015617425, 127.0.0.1:1256, 127.0.0.1:1, in 30 s, 1.5 s, " +
    "VKbcG/yZDO0/V1cmTzV61wip7lTOPRFymWQbI09tWAA xfer client link mfzwizltoq2gk3tumuytgnbvgy";
  assert.equal(names.in(text), text);
});
