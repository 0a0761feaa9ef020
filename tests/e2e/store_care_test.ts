/** The operator's commands as processes, with their exit codes. */
import assert from "node:assert/strict";
import { pseudoRandomBytes } from "../helpers/bytes.ts";
import { eventsIn } from "../helpers/events.ts";
import { CLIENT_3, xfer } from "../helpers/processes.ts";
import { Scene } from "../helpers/scene.ts";

Deno.test("verify, repair, backup, restore and removal from the command line", async () => {
  await using scene = await Scene.create();
  const folder = await scene.prepare("alice", {
    "a.bin": pseudoRandomBytes(5000),
    "b.bin": pseudoRandomBytes(300),
  });
  assert.equal((await xfer([...CLIENT_3, "put", "a.bin", "b.bin"], folder)).code, 0);

  const clean = await scene.operate("verify");
  assert.deepEqual([clean.code, clean.stdout], [0, "All is as it was stored\n"]);
  const target = scene.folder.join("backup");
  const copied = await scene.operate("backup", target);
  assert.deepEqual([copied.code, copied.stdout], [0, `Copied 2 files, 5300 bytes, to ${target}\n`]);

  const [file] = eventsIn((await scene.operate("list", "--json")).stdout, "client-file");
  await Deno.truncate(`${scene.data}/${file?.["path"]}`, 100);
  const damaged = await scene.operate("verify");
  assert.equal(damaged.code, 6);
  assert.match(damaged.stdout, /^changed {2}files\/\S+ {2}a\.bin: its size is 100, .*5000$/m);
  assert.match(damaged.stdout, /^Found 1 difference$/m);
  const busy = await scene.operate("verify", "--repair");
  assert.equal(busy.code, 3, "the server runs");
  assert.match(busy.stderr, /data-folder-in-use/);

  await scene.restart();
  await scene.server.logged("store.changed");
  await scene.server.stop();
  const repaired = await scene.operate("verify", "--repair");
  assert.equal(repaired.code, 6);
  assert.match(repaired.stdout, /moved to quarantine\//);
  assert.equal((await scene.operate("verify")).code, 0);

  const data = scene.folder.join("restored");
  const restored = await xfer(["server", "restore", target, "--data", data]);
  assert.equal(restored.code, 0, restored.stderr);
  assert.equal((await xfer(["server", "verify", "--data", data])).code, 0);

  const remove = ["server", "users", "remove", "Alice", "--data", data];
  const unasked = await xfer(remove);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /not-confirmed/);
  const removed = await xfer([...remove, "--yes"]);
  assert.deepEqual([removed.code, removed.stdout], [0, "Removed Alice and 2 files\n"]);
  assert.equal((await xfer([...remove, "--yes"])).code, 2);
  assert.equal((await xfer(["server", "list", "--data", data])).stdout, "");
});
