/**
 * What every command prints, on a terminal, into pipes and as JSON, is as it was when it was last read by a person.
 * Where it is to change: `deno task snapshots`, and read what has changed before it is committed.
 */
import assert from "node:assert/strict";
import { commandsOf, makeProgram } from "../../cli/program.ts";
import { Run } from "../../cli/run.ts";
import { pathOf } from "../../cli/usage.ts";
import { HAS_TERMINAL } from "../helpers/terminal.ts";
import { FORMS, narrowPages } from "./forms.ts";

function kept(name: string): Promise<string> {
  return Deno.readTextFile(new URL(`./${name}.txt`, import.meta.url));
}

/** Step by step, so that the difference is that of one command. */
function compare(printed: string, kept: string): void {
  const steps = (text: string) => text.split(/\n\n(?=[A-Za-z]*\$ )/);
  const [found, expected] = [steps(printed), steps(kept)];
  for (const [i, step] of expected.entries()) assert.equal(found[i], step);
  assert.equal(found.length, expected.length);
}

for (const [name, { terminal, tell }] of Object.entries(FORMS)) {
  Deno.test({
    name: `what commands print: ${name}`,
    ignore: terminal && !HAS_TERMINAL,
    fn: async () => compare(await tell(), await kept(name)),
  });
}

Deno.test({
  name: "what commands print: pages of help in a narrow terminal",
  ignore: !HAS_TERMINAL,
  fn: async () => compare(await narrowPages(), await kept("narrow")),
});

/** What these print is compared with docs/commands.md, packaging/server.toml and in real shells. */
const ELSEWHERE: readonly string[] = ["completions"];
/** Commands that only have others below them. */
const GROUPS: readonly string[] = ["", "server users"];

Deno.test("what commands print: every command is in it", async () => {
  const text = await kept("piped");
  const tree = await makeProgram(new Run());
  const missing = [...commandsOf(tree)]
    .map((command) => pathOf(command).replace(/^xfer ?/, ""))
    .filter((path) => !GROUPS.includes(path) && !ELSEWHERE.includes(path))
    .filter((path) => !new RegExp(`\\$ xfer ${path}( |$)`, "m").test(text));
  assert.deepEqual(missing, []);
});
