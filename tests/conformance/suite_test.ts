/** Our own server and the server cases of the conformance suite, in every edition. */
import assert from "node:assert/strict";
import type { Address } from "../../protocol/address.ts";
import type { Edition } from "../../protocol/v3/editions/edition.ts";
import { DEFAULT_SERVED, EDITIONS } from "../../protocol/v3/editions/mod.ts";
import { edition2024 } from "../../protocol/v3/editions/edition_2024.ts";
import { edition2024early } from "../../protocol/v3/editions/edition_2024early.ts";
import type { Server } from "../../server/server.ts";
import { sideBySide } from "../support/concurrently.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { formatResult } from "./suite/report.ts";
import type { ServerCase } from "./suite/server_case.ts";
import { serverCases } from "./suite/server_cases.ts";
import { runServerCase } from "./suite/server_runner.ts";
import { elsewhereForReal, ElsewhereInMemory } from "../support/store/elsewhere.ts";
import { ServersInTurn } from "../support/v3/servers_in_turn.ts";
import { startInThisThread } from "../support/server.ts";

const AT_ONCE = 16;
/** Editions for which several servers use a real database. For the others, they have one in memory, which is faster. */
const FOR_REAL: readonly Edition[] = [edition2024];
/** The size of a part in the object store, in bytes. */
const PART_SIZE = 2 ** 16;
/** Behavior that our server avoids on purpose. */
const NOT_OURS = ["checks the version"];

for (const edition of EDITIONS) {
  Deno.test(`conformance: our server in edition ${edition.name}, all cases`, async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder, servedOf(edition));
    await runAll(server.address, edition);
  });

  Deno.test(`conformance: two servers in turn in edition ${edition.name}, all cases`, async () => {
    await using elsewhere = FOR_REAL.includes(edition)
      ? await elsewhereForReal(PART_SIZE)
      : new ElsewhereInMemory(PART_SIZE);
    await using servers = await ServersInTurn.start(elsewhere, { editions: servedOf(edition) });
    await runAll(servers.address, edition);
  });
}

async function runAll(address: Address, edition: Edition): Promise<void> {
  const cases = serverCases(edition);
  assert.ok(cases.length > 50);
  const jobs = cases.map((one) => () => runServerCase(address, edition, one));
  for await (const result of sideBySide(jobs, AT_ONCE)) {
    const isExpected = result.grade !== "optional" || !NOT_OURS.includes(result.name);
    assert.equal(result.passed, isExpected, formatResult(result));
  }
}

function servedOf(edition: Edition): readonly Edition[] {
  return edition === edition2024early ? [edition] : DEFAULT_SERVED;
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
