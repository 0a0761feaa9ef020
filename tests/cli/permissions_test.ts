/** Permissions that commands give up. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { PERMISSION_FLAGS } from "../../scripts/release/permissions.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { runTool } from "../support/tools.ts";

const MAIN = new URL("../../cli/main.ts", import.meta.url).href;
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

Deno.test("permissions: a command of the server gives up libraries, one of the client keeps them", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const script = await folder.write(
    "script.ts",
    `import { main } from ${JSON.stringify(MAIN)};
    const report = () => console.error(Deno.permissions.querySync({ name: "ffi" }).state);
    await main(["client", "--quiet", "status"]);
    report();
    await main(["server", "--quiet", "config"]);
    report();
    try {
      Deno.dlopen("libc.so.6", {});
    } catch (error) {
      console.error(error.name);
    }`,
  );
  const run = ["run", "--quiet", "--no-check", "--config", CONFIG, ...PERMISSION_FLAGS, script];
  const { stderr } = await runTool(Deno.execPath(), run, { cwd: folder.path });
  const [kept, ...after] = stderr.trimEnd().split("\n").slice(-3);
  assert.deepEqual([kept, ...after], ["granted", "prompt", "NotCapable"]);
});
