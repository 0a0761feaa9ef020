/**
 * Our own client and the client cases of the conformance suite, in every edition. Each case runs in about half of the
 * editions, a random choice in each run, and their runs share a few processes. `deno task conformance` runs every case in
 * every edition, each in its own process.
 */
import assert from "node:assert/strict";
import { EDITIONS } from "../../protocol/v3/editions/mod.ts";
import { clientCases } from "../conformance/suite/client_cases.ts";
import { runClientCase, runCommand } from "../conformance/suite/client_runner.ts";
import { formatResult } from "../conformance/suite/report.ts";
import { CommandHost } from "../support/command_host.ts";
import { sideBySide } from "../support/concurrently.ts";
import { plainEnvironment } from "../support/terminal.ts";
import { tiedCommand } from "../support/tied_processes.ts";

const AT_ONCE = 3;
const QUIET = { stdin: "null", stdout: "null", stderr: "null" } as const;

const argumentsFor = (edition: string) => [
  ...["client", "--protocol", "3", "--retries", "0", "--edition", edition],
];

const free = Array.from({ length: AT_ONCE }, () => new CommandHost(plainEnvironment()));
// Started before any test, so no test leaks them.
for (const host of free) host.start();

/** The parity of the cases that the first edition runs; the next one runs the others, and so on. */
const PARITY = crypto.getRandomValues(new Uint8Array(1))[0] as number;

for (const [number, edition] of EDITIONS.entries()) {
  Deno.test(`conformance: our client in edition ${edition.name}, half of the cases`, async () => {
    const args = argumentsFor(edition.name);
    const run = async (cwd: string) => {
      const host = free.pop() ?? assert.fail("never more at once than hosts");
      const { code } = await host.run(args, cwd);
      free.push(host);
      return code === 0;
    };
    const cases = clientCases(edition);
    assert.ok(cases.length > 30);
    const jobs = cases.filter((_, i) => (i + number + PARITY) % 2 === 0)
      .map((one) => () => runClientCase(run, edition, one));
    for await (const result of sideBySide(jobs, AT_ONCE)) {
      assert.ok(result.passed, formatResult(result));
    }
  });
}

Deno.test("conformance: the suite fails a faulty client", async () => {
  const [edition] = EDITIONS;
  const [first] = clientCases(edition ?? assert.fail());
  const idle = (cwd: string) => runCommand(tiedCommand("true", { cwd, ...QUIET }));
  const result = await runClientCase(idle, edition ?? assert.fail(), first ?? assert.fail());
  assert.equal(result.passed, false);
});
