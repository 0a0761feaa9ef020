/** Several clients at work in one folder at once: nothing that one writes is lost by another. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LOCK_FILE, whileAlone } from "../../../client/identity/folder_lock.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { tiedCommand } from "../../support/tied_processes.ts";

const MATE = fileURLToPath(new URL("../../support/concurrent_client.ts", import.meta.url));
const SERVERS = 25;

/** A process that is ready to begin when it is told. */
async function startMate(folder: string, name: string) {
  const process = tiedCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", MATE, folder, name, `${SERVERS}`],
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

Deno.test("several processes at once in a new folder: one key for all, and no server that any has met is lost", async () => {
  await using folder = await TemporaryFolder.create();
  const names = ["a", "b", "c", "d"];
  const mates = await Promise.all(names.map((name) => startMate(folder.path, name)));
  const keys = await Promise.all(mates.map((mate) => mate.begin()));
  assert.match(keys[0] ?? "", /^[0-9a-f]{64}$/);
  assert.equal(new Set(keys).size, 1, "who was later has the key of who was first");
  const known = (await Deno.readTextFile(folder.join("known_servers"))).trim().split("\n");
  const expected = names.flatMap((name) =>
    Array.from({ length: SERVERS }, (_, i) => `${name}:${i + 1} pki`)
  );
  assert.deepEqual(known.sort(), expected.sort());
});

Deno.test("who can't have the folder for itself in time says so, and does nothing", async () => {
  await using folder = await TemporaryFolder.create();
  {
    using other = await Deno.open(folder.join(LOCK_FILE), { create: true, write: true });
    await other.lock(true);
    const working = whileAlone(folder.path, () => assert.fail("it is another's"), 20);
    await assert.rejects(working, { name: "StorageError", code: "folder-busy" });
  }
  assert.equal(await whileAlone(folder.path, () => Promise.resolve("done")), "done");
});

Deno.test("what fails while it has the folder for itself leaves it to the next", async () => {
  await using folder = await TemporaryFolder.create();
  const failing = whileAlone(folder.path, () => Promise.reject(new Error("odd")));
  const next = whileAlone(folder.path, () => Promise.resolve("done"));
  await assert.rejects(failing, { message: "odd" });
  assert.equal(await next, "done");
});
