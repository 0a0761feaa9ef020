/** The memory of a server process. */
import assert from "node:assert/strict";
import { canMeasure, peakResident } from "../support/memory.ts";
import { ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const MIB = 1024 * 1024;

Deno.test({
  // With a pool of free memory for each thread, it took 143 MiB; with one for all, 115.
  name: "memory: a server that has just started takes less than 130 MiB",
  ignore: !canMeasure,
  async fn() {
    await using folder = await TemporaryFolder.createOnDisk();
    await using server = await ServerProcess.start(folder.join("data"));
    const peak = peakResident(server.pid) ?? 0;
    assert.ok(peak > 0 && peak < 130 * MIB, `${Math.round(peak / MIB)} MiB`);
  },
});
