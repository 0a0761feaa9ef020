/** What is said of failures that are not our own. */
import assert from "node:assert/strict";
import { whyFailed } from "../../mod.ts";

/** As Deno says it: to those who start it, and by an executable that it has made. */
const DENIALS = [
  'Requires all access to "/proc/self/status", run again with the --allow-all flag',
  'Requires all access to "/proc/self/status", specify the required permissions during ' +
  "compilation using `deno compile --allow-all`",
];

Deno.test("why something has failed is told without advice that no user can follow", () => {
  for (const message of DENIALS) {
    assert.equal(
      whyFailed(new Deno.errors.NotCapable(message)),
      'xfer has no permission for it: Requires all access to "/proc/self/status"',
    );
  }
});

Deno.test("why something has failed is safe to show", () => {
  assert.equal(whyFailed(new Error("no \u001b[31m such file")), "no \\u{1b}[31m such file");
  assert.equal(whyFailed("a\nb"), "a\\u{a}b");
});
