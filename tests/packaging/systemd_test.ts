/** packaging/xfer.service, checked with systemd's own tools and against the server. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseQuantity } from "../../cli/arguments/quantities.ts";
import { xfer } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { hasTool, runTool } from "../support/tools.ts";

const UNIT = fileURLToPath(new URL("../../packaging/xfer.service", import.meta.url));
const ANALYZE = "systemd-analyze";
const ignore = !hasTool(ANALYZE);
/** The maximum exposure by systemd-analyze, times ten: 1.5 of 10. Most of it is network access. */
const MAX_EXPOSURE = 15;

/** The settings of the unit. A setting may be repeated. */
async function settings(): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (const line of (await Deno.readTextFile(UNIT)).split("\n")) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) found.set(name, [...found.get(name) ?? [], value ?? ""]);
  }
  return found;
}

Deno.test({ name: "systemd unit: systemd accepts it without warnings", ignore }, async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  // The executable must exist, which is not the case on every test machine.
  const text = (await Deno.readTextFile(UNIT)).replace("/usr/local/bin/xfer", "/bin/true");
  const unit = await folder.write("xfer.service", text);
  const { code, stderr } = await runTool(ANALYZE, ["verify", "--man=no", unit]);
  assert.deepEqual(stderr.split("\n").filter((line) => line.includes("xfer.service")), []);
  assert.equal(code, 0, stderr);
});

Deno.test({ name: "systemd unit: its exposure is low", ignore }, async () => {
  const { code, stdout } = await runTool(ANALYZE, [
    ...["security", "--offline=yes", "--no-pager", `--threshold=${MAX_EXPOSURE}`],
    UNIT,
  ]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /Overall exposure level for xfer\.service: \d/);
});

Deno.test("systemd unit: it stops the server with SIGTERM and waits longer than --grace", async () => {
  const { stdout } = await xfer(["help", "serving"]);
  const [, grace = ""] = /--grace <time>[\s\S]*?\(default:\s+(\w+)\)/.exec(stdout) ?? [];
  const unit = await settings();
  const [timeout] = unit.get("TimeoutStopSec") ?? [];
  assert.ok(Number(timeout) * 1000 > parseQuantity(grace, "time"), `${timeout} s, ${grace}`);
  assert.deepEqual(unit.get("KillSignal"), ["SIGTERM"]);
  assert.deepEqual(unit.get("ExecReload"), ["kill -HUP $MAINPID"]);
});

Deno.test("systemd unit: the server can write where the pages and messages put its logs and sockets", async () => {
  const unit = await settings();
  assert.deepEqual(unit.get("LogsDirectory"), ["xfer"]);
  assert.deepEqual(unit.get("RuntimeDirectory"), ["xfer"]);
  const page = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
  assert.match(page, /^log-file = "\/var\/log\/xfer\/server\.log"$/m);
  const { stderr } = await xfer(["server", "--admin-listen", "nowhere"]);
  assert.match(stderr, /unix:\/run\/xfer\//);
});

Deno.test("systemd unit: the server keeps its data in the writable folder", async () => {
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
