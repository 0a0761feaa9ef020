/** Our own client against the client cases of the conformance suite, in every edition. */
import assert from "node:assert/strict";
import { EDITIONS } from "../../protocol/v3/editions/mod.ts";
import { clientCases } from "../conformance/suite/client_cases.ts";
import { runClientCase } from "../conformance/suite/client_runner.ts";
import { formatResult } from "../conformance/suite/report.ts";
import { command } from "../support/processes.ts";
import { sideBySide } from "../support/concurrently.ts";
import { tiedCommand } from "../support/tied_processes.ts";

const AT_ONCE = 4;
const QUIET = { stdin: "null", stdout: "null", stderr: "null" } as const;

for (const edition of EDITIONS) {
  Deno.test(`conformance: our client in edition ${edition.name}, all cases`, async () => {
    const start = (cwd: string) =>
      command(["client", "--protocol", "3", "--retries", "0", "--edition", edition.name], {
        cwd,
        ...QUIET,
      });
    const jobs = clientCases(edition).map((one) => () => runClientCase(start, edition, one));
    assert.ok(jobs.length > 30);
    for await (const result of sideBySide(jobs, AT_ONCE)) {
      assert.ok(result.passed, formatResult(result));
    }
  });
}

Deno.test("conformance: the suite fails a client that is at fault", async () => {
  const [edition] = EDITIONS;
  const [first] = clientCases(edition ?? assert.fail());
  const idle = (cwd: string) => tiedCommand("true", { cwd, ...QUIET });
  const result = await runClientCase(idle, edition ?? assert.fail(), first ?? assert.fail());
  assert.equal(result.passed, false);
});
