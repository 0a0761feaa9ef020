/** `xfer server init`: a settings file that the server accepts. */
import assert from "node:assert/strict";
import { readEntries } from "../../../../cli/configuration/toml.ts";
import { xfer } from "../../../support/hosted_xfer.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";

async function valuesIn(path: string): Promise<Record<string, unknown>> {
  const entries = readEntries(await Deno.readTextFile(path));
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]));
}

Deno.test("server init: without a terminal, it writes given settings and safe answers", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const path = folder.join("my server.toml");
  const args = ["server", "init", path, "--registration", "closed", "--max-rate", "1MB"];
  const { code, stderr } = await xfer(args, folder.path);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await valuesIn(path), {
    ...{ data: "./xfer-data", registration: "closed", quota: "10GB", "max-rate": "1MB" },
  });
  assert.match(stderr, /run 'xfer server --config ".*my server\.toml"'/);
  const shown = await xfer(["server", "config", "--config", path], folder.path);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /^registration = "closed" +# .*my server\.toml line \d+$/m);
});

Deno.test("server init: an existing file is kept, unless --force says otherwise", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const path = await folder.write("server.toml", 'data = "/mine"\n');
  const refused = await xfer(["server", "init", "--json"], folder.path);
  assert.deepEqual([refused.code, JSON.parse(refused.stdout).code], [2, "target-exists"]);
  assert.deepEqual(await valuesIn(path), { data: "/mine" });
  assert.equal((await xfer(["server", "init", "--force"], folder.path)).code, 0);
  assert.equal((await valuesIn(path))["registration"], "invite");
});

Deno.test("server init: a link is not followed, even with --force; a failure leaves nothing", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await Deno.symlink("elsewhere", folder.join("server.toml"));
  assert.equal((await xfer(["server", "init", "--force"], folder.path)).code, 2);
  const failed = await xfer(["server", "init", "none/server.toml", "--json"], folder.path);
  assert.deepEqual([failed.code, JSON.parse(failed.stdout).code], [7, "cannot-write"]);
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["server.toml"]);
});
