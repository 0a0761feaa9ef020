/** The operator's commands as processes, with their exit codes. */
import assert from "node:assert/strict";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { CLIENT_3, startXfer } from "../support/processes.ts";
import { inNewestState } from "../support/store/stored.ts";
import { ProcessFixture } from "../support/process_fixture.ts";

Deno.test("operator: verify, repair, backup, restore and removal on the command line", async () => {
  await using fixture = await ProcessFixture.create();
  const folder = await fixture.prepare("alice", {
    "a.bin": pseudoRandomBytes(500_000),
    "b.bin": pseudoRandomBytes(300),
  });
  assert.equal((await xfer([...CLIENT_3, "put", "a.bin", "b.bin"], folder)).code, 0);

  const clean = await fixture.operate("verify");
  assert.deepEqual([clean.code, clean.stdout], [0, "No problems found\n"]);
  const target = fixture.folder.join("backup");
  const copied = await fixture.operate("backup", target);
  assert.equal(copied.code, 0);
  const [before, after] = copied.stdout.split(/\S+Z(?=,)/);
  assert.deepEqual([before, after], [
    `Backed up 2 files (488 KiB) to ${target} as `,
    ", 2 new (488 KiB)\n",
  ]);

  const [file] = eventsIn((await fixture.operate("list", "--json")).stdout, "client-file");
  await Deno.truncate(`${fixture.data}/${file?.["path"]}`, 100);
  const damaged = await fixture.operate("verify");
  assert.equal(damaged.code, 6);
  assert.match(
    damaged.stdout,
    /^Damaged: a\.bin of Alice \(files\/\S+\): its size is 100 bytes, not 500000$/m,
  );
  assert.match(damaged.stdout, /^Found 1 problem$/m);
  const busy = await fixture.operate("verify", "--repair");
  assert.equal(busy.code, 3, "the server runs");
  assert.match(busy.stderr, /data-folder-in-use/);

  const rest = fixture.folder.join("rest");
  const partly = await fixture.operate("backup", rest);
  assert.equal(partly.code, 6);
  assert.match(
    partly.stdout,
    /^Skipped the damaged file a\.bin \(files\/\S+\)\nBacked up 1 file /,
  );
  assert.match(partly.stdout, /to \S+rest as \S+, 1 new .*, skipped 1 damaged file\n$/);
  assert.match(partly.stderr, /Restore them from an earlier backup/);
  const again = await fixture.operate("backup", fixture.folder.join("rest2"), "--json");
  assert.equal(eventsIn(again.stdout, "copied")[0]?.["leftOut"], 1);

  await fixture.restart();
  await fixture.server.logged("store.changed");
  await fixture.server.stop();
  const log = await fixture.folder.write("log", "");
  const repaired = await fixture.operate("verify", "--repair", "--log-file", log);
  assert.equal(repaired.code, 6);
  assert.match(await Deno.readTextFile(log), /Operator \(uid \d+\): files-quarantined: 1 file\n$/);
  assert.match(repaired.stdout, /moved to quarantine\//);
  assert.equal((await fixture.operate("verify")).code, 0);

  const data = fixture.folder.join("restored");
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

Deno.test("operator: a backup without the server's key is restored with a warning, which clients confirm", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const alice = await fixture.prepare("alice", { "a": "a" });
  assert.equal((await xfer([...CLIENT_3, "put", "a"], alice)).code, 0);
  const backup = async (name: string) => {
    const target = fixture.folder.join(name);
    assert.equal((await fixture.operate("backup", target)).code, 0);
    return target;
  };
  const restore = async (source: string) => {
    const data = `${source}-restored`;
    const ended = await xfer(["server", "restore", source, "--data", data]);
    assert.equal(ended.code, 0, ended.stderr);
    return ended.stderr;
  };
  const before = await backup("before");
  await Deno.remove(inNewestState(before, "tls.pem"));
  assert.equal(await restore(before), "", "it has no account of protocol 4");
  const bob = await fixture.prepare("bob", { "b": "b" }, { userName: "Bob" });
  assert.equal((await xfer(["client", "put", "b", "--accept-new"], bob)).code, 0);
  const whole = await backup("whole");
  assert.equal(await restore(whole), "");
  await Deno.remove(inNewestState(whole, "tls.pem"));
  await Deno.remove(`${whole}-restored`, { recursive: true });
  assert.match(
    await restore(whole),
    /^Warning: .* no server key \(tls\.pem\), .* 1 account of protocol 4\. .*other-server/,
  );
});

Deno.test("export: a write error names the target; an interrupted export is not complete", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const large = new Uint8Array(300_000_000);
  const folder = await fixture.prepare("alice", { "large": large });
  assert.equal((await xfer([...CLIENT_3, "put", "large"], folder)).code, 0);
  const nowhere = fixture.folder.join("nowhere", "x");
  const failed = await fixture.operate("export", "Alice", "large", nowhere);
  assert.equal(failed.code, 7);
  assert.match(failed.stderr, /^xfer: cannot write \S+nowhere.x: .* \[cannot-write\]$/m);
  assert.doesNotMatch(failed.stderr, /\.tmp|NotFound/);

  const target = fixture.folder.join("out");
  const args = ["server", "export", "Alice", "large", target, "--data", fixture.data];
  await using running = startXfer(args, fixture.folder.path);
  while (![...Deno.readDirSync(fixture.folder.path)].some(({ name }) => name.endsWith(".tmp"))) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  running.kill("SIGINT");
  const stopped = await running.end();
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stderr, /^Interrupted: \S+out was not written$/m);
});
