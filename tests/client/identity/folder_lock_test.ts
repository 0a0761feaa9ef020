/** Several clients in one folder at once: none overwrites what another has written. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LOCK_FILE, withFolderLock } from "../../../client/identity/folder_lock.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { tiedCommand } from "../../support/tied_processes.ts";

const OTHER_PROCESS = fileURLToPath(new URL("../../support/concurrent_client.ts", import.meta.url));
const SERVERS = 25;

/** A process that waits for the signal to start. */
async function startOther(folder: string, name: string) {
  const process = tiedCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", OTHER_PROCESS, folder, name, `${SERVERS}`],
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const words = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const errors = new Response(process.stderr).text();
  const first = await words.read();
  if (first.done) throw new Error(await errors);
  return {
    async begin(): Promise<string> {
      await process.stdin.close();
      let key = "";
      for (let next = await words.read(); !next.done; next = await words.read()) key += next.value;
      assert.equal((await process.status).code, 0, await errors);
      return key.trim();
    },
  };
}

Deno.test("folder lock: several processes at once in a new folder share one key, and lose no known server", async () => {
  await using folder = await TemporaryFolder.create();
  const names = ["a", "b", "c", "d"];
  const others = await Promise.all(names.map((name) => startOther(folder.path, name)));
  const keys = await Promise.all(others.map((other) => other.begin()));
  assert.match(keys[0] ?? "", /^[0-9a-f]{64}$/);
  assert.equal(new Set(keys).size, 1, "the later process has the key of the first");
  const known = (await Deno.readTextFile(folder.join("known_servers"))).trim().split("\n");
  const expected = names.flatMap((name) =>
    Array.from({ length: SERVERS }, (_, i) => `${name}:${i + 1} pki`)
  );
  assert.deepEqual(known.sort(), expected.sort());
});

Deno.test("folder lock: a client that cannot get the lock in time reports that, and changes nothing", async () => {
  await using folder = await TemporaryFolder.create();
  {
    using other = await Deno.open(folder.join(LOCK_FILE), { create: true, write: true });
    await other.lock(true);
    const working = withFolderLock(folder.path, () => assert.fail("another process has it"), 20);
    await assert.rejects(working, { name: "StorageError", code: "folder-busy" });
  }
  assert.equal(await withFolderLock(folder.path, () => Promise.resolve("done")), "done");
});

Deno.test("folder lock: a failure releases the lock", async () => {
  await using folder = await TemporaryFolder.create();
  const failing = withFolderLock(folder.path, () => Promise.reject(new Error("odd")));
  const next = withFolderLock(folder.path, () => Promise.resolve("done"));
  await assert.rejects(failing, { message: "odd" });
  assert.equal(await next, "done");
});
