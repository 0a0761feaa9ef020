/** The check of stored files by a running server: metrics, page and commands of the operator. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { CONTROL_SOCKET } from "../../protocol/server_files.ts";
import { callServer } from "../../server/control/call_server.ts";
import type { CheckReport } from "../../server/control/check_report.ts";
import type { RunningServer } from "../../server/control/server_status.ts";
import { ask } from "../support/net/http.ts";
import { ServerLog } from "../support/server_log.ts";
import { blobOf, contentOf, flipByte, putFirst, SIZE } from "../support/v4/damage.ts";
import { Fixture, LOOPBACK, ON_DISK, put } from "../support/v4/fixture.ts";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

Deno.test({
  name:
    "check: an operator starts it by a command, and sees damage in status, metrics and on the page",
  ignore: Deno.build.os === "windows",
}, async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create(ON_DISK, {
    ...{ admin: { listen: [LOOPBACK] }, control: true, name: "a" },
  });
  const { name } = await putFirst(fixture, "a folder", SIZE);
  await flipByte(await blobOf(fixture, name));
  await Deno.stat(join(fixture.data, CONTROL_SOCKET));
  const report = async () => await callServer(fixture.data, "check") as CheckReport;
  assert.equal((await report()).state, "off", "other tests turn it off");
  assert.equal(await callServer(fixture.data, "begin-check", { operator: "uid 0" }), true);
  const [damaged] = await log.awaits("file.damaged");
  assert.deepEqual([damaged?.["file"], damaged?.["user"]], [name, "Alice"]);
  const [completed] = await log.awaits("check.completed");
  assert.equal(completed?.["damaged"], 1);

  const { last, damaged: count, damagedFiles } = await report();
  assert.deepEqual([last?.damaged, last?.isRequested, count], [1, true, 1]);
  assert.deepEqual(damagedFiles, [{ user: "Alice", file: name, version: 1, damage: "content" }]);
  const { check } = await callServer(fixture.data, "status") as RunningServer;
  assert.equal(check?.damaged, 1);

  const address = fixture.server.adminAddresses[0] ?? assert.fail();
  const { body } = await ask(address, { path: "/metrics" });
  for (
    const line of [
      'xfer_unrepaired_files{server="a"} 1',
      'xfer_file_check_files{result="damaged",server="a"} 1',
      'xfer_file_check_state{state="off",server="a"} 1',
      'xfer_file_check_interval_seconds{server="a"} 0',
      'xfer_damaged_files_total{by="server",server="a"} 1',
    ]
  ) assert.ok(body.includes(`${line}\n`), line);
  assert.match(body, /^xfer_file_check_oldest_seconds\{server="a"\} \d/m);

  const token = new URL(fixture.server.createAdminLink() ?? "").searchParams.get("token") ?? "";
  const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
    ask(address, { method: "POST", path, body, headers: { ...FORM, ...headers } });
  const signedIn = await post("/login", `token=${token}`);
  const [Cookie = ""] = (signedIn.headers.get("set-cookie") ?? "").split(";");
  const page = (await ask(address, { path: "/storage", headers: { Cookie } })).body;
  assert.match(page, new RegExp(`1 damaged file</h3>[\\s\\S]*${name}[\\s\\S]*changed content`));
  assert.match(page, /xfer server verify --repair/);
  const [, form = ""] = /name="form-token" value="([^"]+)"/.exec(page) ?? [];
  const foreign = await post("/check", "form-token=x", { Cookie });
  assert.equal(foreign.status, 403);
  assert.equal((await post("/check", `form-token=${form}`, { Cookie })).status, 303);
  await log.awaits("check.completed", 2);
  assert.equal(log.of("file.damaged").length, 1, "it is reported once");
  assert.equal(
    log.of("operator.acted").filter((one) => one["action"] === "check-started").length,
    2,
  );

  // The user repairs the file.
  using client = await fixture.client("Alice");
  const file = await fixture.source("again", contentOf("a", SIZE));
  await put(client, [{ file, name }]);
  assert.equal((await report()).damaged, 0);
});
