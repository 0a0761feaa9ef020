/** Every path in the pages for developers exists. */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);
const PAGES = ["docs/code-map.md", "CONTRIBUTING.md"];

/** Paths in backticks, recognized by a slash or a file extension. */
function pathsIn(page: string): string[] {
  const spans = [...page.matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);
  return spans.filter((span) =>
    /^[\w.-]+(?:\/[\w.-]+)*\/?$/.test(span) && /\/|\.(?:ts|md|json|toml|lock)$/.test(span)
  );
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(new URL(path, ROOT)).then(
    ({ isDirectory }) => isDirectory === path.endsWith("/"),
    () => false,
  );
}

for (const page of PAGES) {
  Deno.test(`paths of ${page}`, async () => {
    const paths = pathsIn(await Deno.readTextFile(new URL(page, ROOT)));
    assert.notEqual(paths.length, 0);
    const missing = [];
    for (const path of paths) if (!await exists(path)) missing.push(path);
    assert.deepEqual(missing, []);
  });
}

Deno.test("paths: missing paths are found", async () => {
  assert.deepEqual(pathsIn("`a/b.ts` `a/` `c.ts` `deno task ok` `--json` `printable` `x.y()`"), [
    "a/b.ts",
    "a/",
    "c.ts",
  ]);
  assert.equal(await exists("docs/nothing.ts"), false);
  assert.equal(await exists("docs"), false);
  assert.equal(await exists("docs/"), true);
});
