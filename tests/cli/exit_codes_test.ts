/** Exit codes: one for each class of error, none twice. */
import assert from "node:assert/strict";
import { EXIT_CODES, exitCodeOf, exitCodeOfAll, killedBy } from "../../cli/exit_codes.ts";
import * as errors from "../../protocol/errors.ts";

Deno.test("every class of error has an exit code of its own", () => {
  const classes = [
    errors.UsageError,
    errors.ConfigurationError,
    errors.NetworkError,
    errors.RefusedError,
    errors.IntegrityError,
    errors.StorageError,
    errors.ProtocolError,
    errors.InterruptedError,
  ];
  const codes = classes.map((Class) => exitCodeOf(new Class("x", "x")));
  assert.deepEqual(codes, [2, 3, 4, 5, 6, 7, 8, 130]);
  assert.equal(exitCodeOf(new TypeError("x")), 1);
  const all = EXIT_CODES.map(({ code }) => code);
  assert.equal(new Set(all).size, all.length);
});

Deno.test("a signal's exit code is 128 and its number", () => {
  assert.equal(killedBy("SIGINT"), 130);
  assert.equal(killedBy("SIGTERM"), 143);
  assert.equal(killedBy("SIGBREAK"), 149);
});

Deno.test("several files: 0 if none failed, 9 if some failed, the code of the first failure if all failed", () => {
  const failures = [new errors.StorageError("x", "x"), new errors.RefusedError("x", "x")];
  assert.equal(exitCodeOfAll(2, []), 0);
  assert.equal(exitCodeOfAll(0, []), 0);
  assert.equal(exitCodeOfAll(1, failures), 9);
  assert.equal(exitCodeOfAll(0, failures), 7);
  const lost = new errors.NetworkError("x", "x");
  assert.equal(
    exitCodeOfAll(1, [...failures, lost]),
    4,
    "the code of the failure that ended the command",
  );
});
