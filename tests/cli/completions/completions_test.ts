/** Completions in the shells of this machine: one program and one table for all shells. */
import assert from "node:assert/strict";
import { describeProgram } from "../../../cli/command_tree.ts";
import { toBash } from "../../../cli/completions/bash.ts";
import { toFish } from "../../../cli/completions/fish.ts";
import type { ScriptMaker } from "../../../cli/completions/words.ts";
import { toZsh } from "../../../cli/completions/zsh.ts";
import { TOPICS } from "../../../cli/help/topics.ts";
import { makeProgram } from "../../../cli/program.ts";
import { Run } from "../../../cli/run.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { type Shell, SHELLS } from "../../support/shells.ts";
import { AWKWARD, makeTool } from "../../support/tool.ts";

const MAKERS: Readonly<Record<Shell["name"], ScriptMaker>> = {
  bash: toBash,
  zsh: toZsh,
  fish: toFish,
};

/** Lines up to the cursor, and the completions there. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  // Commands, at each level
  "tool ": ["help", "mode", "store", "user"],
  "tool st": ["store"],
  "tool user ": ["help", "keys", "list"],
  "tool -v user li": ["list"],
  "tool --color never user li": ["list"],
  "tool --color=never user li": ["list"],
  "tool help ": ["mode", "store", "user"],
  "tool help us": ["user"],
  "tool help user k": ["keys"],
  "tool help mode f": [],
  "tool user help k": ["keys"],
  "tool nonsense ": [],
  // Options, including inherited ones
  "tool --": ["--color", "--help", "--verbose"],
  "tool store --": ["--as", "--color", "--help", "--into", "--output", "--quirk", "--verbose"],
  "tool user keys --c": ["--color"],
  "tool user list --color a": [],
  "tool store report.pdf --ver": ["--verbose"],
  // Values
  "tool --color ": ["always", "auto", "never"],
  "tool --color a": ["always", "auto"],
  "tool --color=n": ["never"],
  "tool store --color n": ["never"],
  "tool mode ": ["fast", "slow"],
  "tool mode fast f": [],
  "tool store --as ": [],
  "tool store --as st": [],
  // Several values of an option, to the next option
  "tool store --quirk tw": ["two"],
  "tool store --quirk one tw": ["two"],
  "tool store --quirk one --a": ["--as"],
  "tool store --quirk one two --as x re": ["report.pdf"],
  "tool store --quirk it": [AWKWARD],
  "tool store --quirk b": ["back\\:slash"],
  // Paths
  "tool store re": ["report.pdf"],
  "tool store report.pdf a": ["a b.txt"],
  "tool store a\\ b.txt re": ["report.pdf"],
  "tool store 'a b.txt' re": ["report.pdf"],
  "tool store host:1=2 re": ["report.pdf"],
  "tool store --output re": ["report.pdf"],
  "tool store --output=re": ["report.pdf"],
  "tool store -o re": ["report.pdf"],
  "tool store --into ph": ["photos"],
  "tool store --into=ph": ["photos"],
  "tool store --into re": [],
  // The place of an argument
  "tool user keys ": [],
  "tool user keys me re": ["report.pdf"],
  "tool user keys me report.pdf re": [],
  "tool user keys --color never me re": ["report.pdf"],
  "tool user keys me --verbose re": ["report.pdf"],
  "tool user --verbose keys me re": ["report.pdf"],
  // No options after --
  "tool store -- --a": [],
  "tool store -- re": ["report.pdf"],
};

for (const shell of SHELLS) {
  const { name, isHere } = shell;
  const toScript = MAKERS[name];

  Deno.test({ name: `completions: ${name} completes the table`, ignore: !isHere }, async (t) => {
    await using folder = await TemporaryFolder.createOnDisk();
    const script = await folder.write("tool.completions", toScript(describeProgram(makeTool())));
    await Deno.mkdir(folder.join("photos"));
    for (const file of ["report.pdf", "a b.txt"]) await folder.write(file, "");
    const offered = await shell.complete(script, Object.keys(CASES));
    for (const [index, [line, offers]] of Object.entries(CASES).entries()) {
      await t.step(line, () => assert.deepEqual(offered[index], [...offers].sort()));
    }
  });

  Deno.test({ name: `completions: ${name} completes xfer`, ignore: !isHere }, async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    const script = await folder.write(
      "xfer.completions",
      toScript(describeProgram(await makeProgram(new Run()), TOPICS)),
    );
    assert.equal(await shell.check(script), "");
    const lines = [
      "xfer cl",
      "xfer client pu",
      "xfer completions ",
      "xfer server --dat",
      "xfer server --registration ",
      "xfer help ex",
    ];
    assert.deepEqual(await shell.complete(script, lines), [
      ["client"],
      ["put"],
      ["bash", "fish", "powershell", "zsh"],
      ["--data"],
      ["closed", "invite", "open"],
      ["exit-codes"],
    ]);
  });
}
