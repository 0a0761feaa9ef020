/** The library is documented. Its examples run in tests/scripts/library_test.ts. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };
import { tiedCommand } from "../support/tied_processes.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test("library: entry points list what they export", async () => {
  for (const path of Object.values(denoJson.exports)) {
    const text = await Deno.readTextFile(new URL(path, ROOT));
    assert.doesNotMatch(text, /^export \*/m, path);
  }
});

Deno.test("library: every export is documented, and no signature shows a type that is not exported", async () => {
  const [deno, ...lint] = denoJson.tasks["lint:docs"].command.split(" ");
  assert.deepEqual([deno, ...lint.slice(0, 2)], ["deno", "doc", "--lint"]);
  const entryPoints = Object.values(denoJson.exports).map((path) => path.slice(2));
  assert.deepEqual(lint.slice(2).toSorted(), entryPoints.toSorted());
  const { success, stderr } = await tiedCommand(Deno.execPath(), {
    args: lint,
    cwd: fileURLToPath(ROOT),
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});
