/** The topics of `xfer help`. */
import assert from "node:assert/strict";
import { isTopic, topicList, TOPICS } from "../../../cli/help/topics.ts";
import { topicText } from "../../../cli/help/topic_text.ts";
import { commandsOf, loadProgram } from "../../../cli/program.ts";
import { CLIENT_QUIRKS, EDITIONS } from "../../../client/mod.ts";

const program = await loadProgram();
const NAMES = Object.keys(TOPICS).filter(isTopic);

function textOf(name: string, width = 80): string {
  assert.ok(isTopic(name));
  return topicText(name, program, width);
}

Deno.test("topics: each is listed with a phrase, and named like no command", () => {
  const commands = [...commandsOf(program)].map((command) => command.name());
  for (const name of NAMES) {
    assert.ok(topicList().includes(`  ${name} `));
    assert.ok(!commands.includes(name), name);
  }
});

for (const name of NAMES) {
  for (const width of [40, 80]) {
    Deno.test(`topics: ${name} fits a terminal of ${width} columns`, () => {
      const wide = textOf(name, width).split("\n").filter((line) => line.length > width);
      // Lines that stay as they are, and terms.
      assert.deepEqual(wide.filter((line) => !line.startsWith("  ")), []);
      if (width === 80) assert.deepEqual(wide, []);
    });
  }
}

Deno.test("topics: every option is explained by its command's help or by a topic that it names", () => {
  const topics = NAMES.map((name) => textOf(name));
  for (const command of commandsOf(program)) {
    for (const { flags } of command.options) {
      let help = "";
      command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
      const isExplained = [help, ...topics].some((text) => text.includes(`\n  ${flags}`));
      assert.ok(isExplained, `${command.name()} ${flags}`);
    }
  }
});

Deno.test("topics: protocol-3 explains every edition and every quirk that --quirk takes", () => {
  const text = textOf("protocol-3");
  for (const name of [...EDITIONS.map(({ name }) => name), ...CLIENT_QUIRKS]) {
    assert.match(text, new RegExp(`^ {2}${name} {2,}\\S`, "m"));
  }
});
