/** The tree of commands: each is explained, with an example, and takes the options of the output. */
import assert from "node:assert/strict";
import { commandsOf, makeProgram } from "../../../cli/program.ts";
import { Run } from "../../../cli/run.ts";
import { nearest } from "../../../cli/arguments/closest.ts";
import { pathOf } from "../../../cli/arguments/usage_error.ts";

const OUTPUT = ["--json", "--quiet", "--verbose", "--color", "--no-progress"];

const program = await makeProgram(new Run());

for (const command of commandsOf(program)) {
  Deno.test(`${pathOf(command)}: described, with an example, and with the options of the output`, () => {
    assert.match(command.description(), /^[A-Z].*\.$/);
    let help = "";
    command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
    const [, examples = ""] = help.split(/^Examples?:$/m);
    assert.ok(examples.includes(`\n  $ ${pathOf(command)}`), help);
    const flags = command.options.map(({ long }) => long);
    for (const option of OUTPUT) {
      assert.equal(flags.filter((flag) => flag === option).length, 1, option);
    }
    for (const { description, long } of command.options) assert.ok(description !== "", `${long}`);
    for (const argument of command.registeredArguments) {
      assert.ok(argument.description !== "", argument.name());
    }
    assert.match(help, /\nOutput:\n +--json /);
  });
}

Deno.test("no option of a command is one of all commands with another meaning", () => {
  for (const command of commandsOf(program)) {
    const flags = command.options.flatMap(({ short, long }) => [short, long])
      .filter((flag) => flag !== undefined);
    assert.equal(new Set(flags).size, flags.length, pathOf(command));
  }
});

Deno.test("the nearest names, and none where nothing is near", () => {
  const names = ["client", "server", "help"];
  assert.deepEqual(nearest("clint", names), ["client"]);
  assert.deepEqual(nearest("sevrer", names), ["server"]);
  assert.deepEqual(nearest("report.pdf", names), []);
  assert.deepEqual(nearest("", names), []);
  assert.deepEqual(nearest("lint", ["link", "list", "rename"]), ["link", "list"]);
});
