import assert from "node:assert/strict";
import { allCommands, describeProgram, optionsOf } from "../../cli/command_tree.ts";
import { makeTool } from "../support/tool.ts";

const TOOL = describeProgram(makeTool(), { stars: { about: "what they say" } });

function find(...path: readonly string[]) {
  const found = allCommands(TOOL).find((command) => command.path.join(" ") === path.join(" "));
  assert.ok(found !== undefined, path.join(" "));
  return found;
}

Deno.test("tree: every command, with implicit ones marked", () => {
  assert.deepEqual(
    allCommands(TOOL).map(({ path, implicit }) => [path.join(" "), implicit]),
    [
      ["tool", false],
      ["tool store", false],
      ["tool user", false],
      ["tool user list", false],
      ["tool user keys", false],
      ["tool user help", true],
      ["tool user help list", true],
      ["tool user help keys", true],
      ["tool mode", false],
      ["tool help", true],
      ["tool help store", true],
      ["tool help user", true],
      ["tool help user list", true],
      ["tool help user keys", true],
      ["tool help mode", true],
      ["tool help stars", true],
    ],
  );
  assert.equal(find("tool", "help", "stars").description, "what they say");
});

Deno.test("tree: options with names, values, choices and defaults, without hidden ones", () => {
  const { options, inherited, usage } = find("tool", "store");
  assert.equal(usage, "tool store [options] <path...>");
  const byFlags = new Map(options.map((option) => [option.flags, option]));
  assert.deepEqual([...byFlags.keys()], [
    "--as <name>",
    "-o, --output <path>",
    "--into <dir>",
    "--quirk <name...>",
    "-h, --help",
  ]);
  const output = byFlags.get("-o, --output <path>");
  assert.deepEqual(output?.names, ["-o", "--output"]);
  assert.deepEqual(output?.value, {
    ...{ name: "path", required: true, variadic: false, choices: [], path: "file" },
  });
  assert.equal(output?.details, 'path to write to (default: "out")');
  assert.equal(byFlags.get("--into <dir>")?.value?.path, "folder");
  assert.equal(byFlags.get("--into <dir>")?.group, "Places");
  assert.equal(byFlags.get("--quirk <name...>")?.value?.variadic, true);
  assert.equal(byFlags.get("-h, --help")?.value, undefined);
  assert.deepEqual(inherited.map(({ flags }) => flags), ["-v, --verbose", "--color <when>"]);
  const [, color] = inherited;
  assert.deepEqual(color?.value?.choices, ["auto", "always", "never"]);
});

Deno.test("tree: a command's own option replaces an inherited one of the same name", () => {
  const { options, inherited } = find("tool", "user", "list");
  assert.deepEqual(options.map(({ flags }) => flags), ["--color <name>", "-h, --help"]);
  assert.deepEqual(inherited.map(({ flags }) => flags), ["-v, --verbose"]);
  assert.equal(optionsOf(find("tool", "user", "list")).length, 3);
});

Deno.test("tree: arguments with their paths and choices", () => {
  const [name, file] = find("tool", "user", "keys").arguments;
  assert.deepEqual([name?.name, name?.required, name?.path], ["name", true, undefined]);
  assert.deepEqual([file?.name, file?.required, file?.path], ["file", false, "file"]);
  const [speed] = find("tool", "mode").arguments;
  assert.deepEqual(speed?.choices, ["fast", "slow"]);
  assert.equal(speed?.details, 'speed (choices: "fast", "slow")');
});

Deno.test("tree: examples, and other texts after a command's help", () => {
  const { examples, notes } = find("tool", "mode");
  assert.deepEqual(examples, ["$ tool mode fast", "$ tool mode slow   # at night"]);
  assert.deepEqual(notes, [
    { kind: "text", text: "Fast is the better of both, mostly:" },
    { kind: "code", lines: ["fast    10 a second", "  more  at night"] },
    { kind: "text", text: "Not so if it rains." },
  ]);
});

Deno.test("tree: describing a program prints nothing and does not change it", () => {
  const program = makeTool();
  let printed = "";
  program.configureOutput({ writeOut: (text) => void (printed += text) });
  describeProgram(program);
  assert.equal(printed, "");
  program.outputHelp();
  assert.match(printed, /^Usage: tool/);
});
