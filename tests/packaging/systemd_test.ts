/** packaging/xfer.service, judged by systemd's own tools and by what the server says of itself. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseQuantity } from "../../cli/arguments/quantities.ts";
import { xfer } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { hasTool, runTool } from "../support/tools.ts";

const UNIT = fileURLToPath(new URL("../../packaging/xfer.service", import.meta.url));
const ANALYZE = "systemd-analyze";
const ignore = !hasTool(ANALYZE);
/** Ten times the exposure that systemd-analyze computes: 1.5 of 10. Most of what is left is the network. */
const MAX_EXPOSURE = 15;

/** The settings of the unit; a setting may be there several times. */
async function settings(): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (const line of (await Deno.readTextFile(UNIT)).split("\n")) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) found.set(name, [...found.get(name) ?? [], value ?? ""]);
  }
  return found;
}

Deno.test({ name: "the systemd unit is one that systemd takes as it is", ignore }, async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  // The executable must be there, which it is not on every machine that tests it.
  const text = (await Deno.readTextFile(UNIT)).replace("/usr/local/bin/xfer", "/bin/true");
  const unit = await folder.write("xfer.service", text);
  const { code, stderr } = await runTool(ANALYZE, ["verify", "--man=no", unit]);
  assert.deepEqual(stderr.split("\n").filter((line) => line.includes("xfer.service")), []);
  assert.equal(code, 0, stderr);
});

Deno.test({ name: "the systemd unit leaves little open", ignore }, async () => {
  const { code, stdout } = await runTool(ANALYZE, [
    ...["security", "--offline=yes", "--no-pager", `--threshold=${MAX_EXPOSURE}`],
    UNIT,
  ]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /Overall exposure level for xfer\.service: \d/);
});

Deno.test("the systemd unit waits longer than the server takes to stop, and asks as it expects", async () => {
  const { stdout } = await xfer(["server", "--help"]);
  const [, grace = ""] = /--grace [\s\S]*?\(default:\s+(\w+)\)/.exec(stdout) ?? [];
  const unit = await settings();
  const [timeout] = unit.get("TimeoutStopSec") ?? [];
  assert.ok(Number(timeout) * 1000 > parseQuantity(grace, "time"), `${timeout} s, ${grace}`);
  assert.deepEqual(unit.get("KillSignal"), ["SIGTERM"]);
  assert.deepEqual(unit.get("ExecReload"), ["kill -HUP $MAINPID"]);
});

Deno.test("the systemd unit starts a server that keeps its data where it may write", async () => {
  const unit = await settings();
  const [start = ""] = unit.get("ExecStart") ?? [];
  assert.match(
    start,
    /^\/usr\/local\/bin\/xfer server --data \$\{STATE_DIRECTORY\} --config \/etc\/xfer\/server\.toml /,
  );
  assert.deepEqual(unit.get("ProtectSystem"), ["strict"]);
  assert.equal(unit.get("ReadWritePaths"), undefined);
  const options = start.split(" ").slice(1).filter((word) => !word.startsWith("$"));
  const { code, stderr } = await xfer([...options.filter((word) => word !== "--data"), "--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
});
