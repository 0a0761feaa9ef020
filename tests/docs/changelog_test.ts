/** CHANGELOG.md: its newest release is the program's version. */
import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };

Deno.test("changelog: the newest release is the version of deno.json", async () => {
  const page = await Deno.readTextFile(new URL("../../CHANGELOG.md", import.meta.url));
  const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
  const newest = headings.find((heading) => heading !== "Unreleased");
  assert.match(newest ?? "", /^\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)$/);
  assert.equal(newest?.split(" ")[0], config.version);
});
