/** Exit codes: one for each class of error, none twice. */
import assert from "node:assert/strict";
import { EXIT_CODES, exitCodeOf, killedBy } from "../../cli/exit_codes.ts";
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
