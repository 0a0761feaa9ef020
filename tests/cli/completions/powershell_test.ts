/** Completions for PowerShell, checked against its grammar, without PowerShell. */
import treeSitter from "@vscode/tree-sitter-wasm";
import assert from "node:assert/strict";
import { join } from "node:path";
import denoJson from "../../../deno.json" with { type: "json" };
import { describeProgram } from "../../../cli/command_tree.ts";
import { toPowerShell } from "../../../cli/completions/powershell.ts";
import { makeProgram } from "../../../cli/program.ts";
import { Run } from "../../../cli/run.ts";
import { unpackedPackages } from "../../../scripts/release/npm_cache.ts";
import { packagesBehind, parseLock } from "../../../scripts/release/packages.ts";
import { ROOT } from "../../../scripts/release/stage.ts";
import { AWKWARD, makeTool } from "../../support/tool.ts";

/** A parser of PowerShell. */
async function makeParser() {
  const { Language, Parser } = treeSitter;
  const lock = parseLock(await Deno.readTextFile(join(ROOT, "deno.lock")));
  const [grammars] = packagesBehind(lock, [denoJson.imports["@vscode/tree-sitter-wasm"]]);
  assert.ok(grammars !== undefined);
  const folder = await (await unpackedPackages())(grammars);
  await Parser.init();
  const parser = new Parser();
  const grammar = await Deno.readFile(join(folder, "wasm", "tree-sitter-powershell.wasm"));
  return parser.setLanguage(await Language.load(grammar));
}

/** Parses a script and returns its texts in single quotation marks, as PowerShell reads them. */
async function textsIn(script: string): Promise<readonly string[]> {
  const parser = await makeParser();
  const tree = parser.parse(script);
  try {
    assert.ok(tree !== null && !tree.rootNode.hasError, "a script of PowerShell");
    return tree.rootNode.descendantsOfType("verbatim_string_characters").map((node) =>
      (node?.text ?? "").slice(1, -1).replaceAll(/(['‘’‚‛])['‘’‚‛]/g, "$1")
    );
  } finally {
    tree?.delete();
    parser.delete();
  }
}

Deno.test("completions: PowerShell's script is valid, and keeps every text whole", async () => {
  const texts = await textsIn(toPowerShell(describeProgram(makeTool())));
  for (const text of ["tool user keys", "--color", "never", "fast", AWKWARD, "back\\:slash"]) {
    assert.ok(texts.includes(text), text);
  }
  assert.ok(!texts.includes("--secret"));
});

Deno.test("completions: PowerShell's script of xfer is valid and has every command", async () => {
  const texts = await textsIn(toPowerShell(describeProgram(await makeProgram(new Run()))));
  for (const text of ["xfer client put", "xfer server users keys", "--transfer-info", "fish"]) {
    assert.ok(texts.includes(text), text);
  }
});

Deno.test("completions: the grammar rejects invalid scripts", async () => {
  await assert.rejects(textsIn("foreach ($a in { 'b' }"), /a script of PowerShell/);
});
