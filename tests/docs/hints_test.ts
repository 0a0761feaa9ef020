/** Hints of errors are one sentence: docs/style.md, "Errors and hints". */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);
const FOLDERS = ["protocol/", "client/", "server/", "cli/"];

/** The first text after the name of a hint, or of a table of hints. */
const HINT = /\bhint(?::| =)[^"`{};]*?(?:"([^"\n]*)"|`([^`]*)`)/gi;
/** The code of a refusal, and the hint for it. */
const ENTRY = /^ +"?[a-z-]+"?:\s+"([^"\n]*)"/gm;

/** The hints in a source. Texts that are written in several pieces are joined. */
function hintsIn(source: string): string[] {
  const joined = source.replaceAll(/["`]\s*\+\s*["`]/g, "");
  const table = /const HINTS\b[\s\S]*?^}/m.exec(joined)?.[0] ?? "";
  return [...joined.matchAll(HINT), ...table.matchAll(ENTRY)].map(([, a, b]) => a ?? b ?? "");
}

/** Whether a hint has more than one sentence. */
function isFaulty(hint: string): boolean {
  return /[a-z')…]\. [A-Z]|; /.test(hint);
}

async function* sources(folder: string): AsyncGenerator<[path: string, text: string]> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) yield* sources(`${folder}${name}/`);
    else if (name.endsWith(".ts")) {
      yield [`${folder}${name}`, await Deno.readTextFile(new URL(`${folder}${name}`, ROOT))];
    }
  }
}

Deno.test("hints: each is one sentence", async () => {
  const faults: string[] = [];
  let count = 0;
  for (const folder of FOLDERS) {
    for await (const [path, text] of sources(folder)) {
      const hints = hintsIn(text);
      count += hints.length;
      faults.push(...hints.filter(isFaulty).map((hint) => `${path}: ${hint}`));
    }
  }
  assert.deepEqual(faults, []);
  assert.ok(count > 150, `found only ${count} hints`);
});

Deno.test("hints: two sentences, and a hinge between them, are found", () => {
  const source = 'new E("a", "b", { hint: "Stop it. Then " +\n  "go." });\nconst HINTS = {\n' +
    '  "no-such-file": "Look; it is there.",\n};\nconst hint = a ? "Add --b." : "No";';
  assert.deepEqual(hintsIn(source), ["Stop it. Then go.", "Add --b.", "Look; it is there."]);
  assert.deepEqual(hintsIn(source).map(isFaulty), [true, false, true]);
});
