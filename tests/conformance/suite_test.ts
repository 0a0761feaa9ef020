/** Our own server and the server cases of the conformance suite, in every edition. */
import assert from "node:assert/strict";
import { DEFAULT_SERVED, EDITIONS } from "../../protocol/v3/editions/mod.ts";
import { edition2024early } from "../../protocol/v3/editions/edition_2024early.ts";
import type { Server } from "../../server/server.ts";
import { sideBySide } from "../support/concurrently.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { formatResult } from "./suite/report.ts";
import type { ServerCase } from "./suite/server_case.ts";
import { serverCases } from "./suite/server_cases.ts";
import { runServerCase } from "./suite/server_runner.ts";
import { startInThisThread } from "../support/server.ts";

const AT_ONCE = 16;
/** Behavior that our server avoids on purpose. */
const NOT_OURS = ["checks the version"];

for (const edition of EDITIONS) {
  Deno.test(`conformance: our server in edition ${edition.name}, all cases`, async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder, edition === edition2024early ? [edition] : undefined);
    const cases = serverCases(edition);
    assert.ok(cases.length > 50);
    const jobs = cases.map((one) => () => runServerCase(server.address, edition, one));
    for await (const result of sideBySide(jobs, AT_ONCE)) {
      const isExpected = result.grade !== "optional" || !NOT_OURS.includes(result.name);
      assert.equal(result.passed, isExpected, formatResult(result));
    }
  });
}

Deno.test("conformance: the suite fails a faulty server", async () => {
  // A server of another edition has none of the required answers.
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder, [edition2024early]);
  const [edition] = EDITIONS;
  const required = serverCases(edition ?? assert.fail()).filter(({ grade }) =>
    grade === "required"
  );
  for (const one of required.slice(0, 3) as ServerCase[]) {
    const result = await runServerCase(server.address, edition ?? assert.fail(), one);
    assert.equal(result.passed, false, result.name);
  }
});

function start(folder: TemporaryFolder, editions = DEFAULT_SERVED): Promise<Server> {
  return startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0, editions }],
    dataFolder: folder.join("data"),
  });
}
