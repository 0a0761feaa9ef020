/**
 * A killed backup leaves its old states whole, a killed restore a whole data folder or none, a killed import whole files.
 */
import assert from "node:assert/strict";
import { failBackupAtEveryCall, killBackupAtEveryCall, killRestoreAtEveryCall } from "./backups.ts";
import { killImportAtEveryCall } from "./imports.ts";
import { Loop } from "./loop.ts";

// The longer loops of `deno task soak` cover all calls. Here some are chosen, different in each run.
for (
  const [what, work, every] of [
    ["backup --keep", killBackupAtEveryCall, 28],
    ["restore", killRestoreAtEveryCall, 26],
    ["import", killImportAtEveryCall, 16],
  ] as const
) {
  Deno.test({
    name: `crash safety: ${what}, killed before and after calls to the file system`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const { counts } = await new Loop({}).run((loop) => work(loop, { every }));
      assert.ok((counts.get("killed") ?? 0) >= 4, "it was killed at every chosen call");
    },
  });
}

Deno.test("I/O errors: any failing call of backup --keep leaves whole states", async () => {
  const { counts } = await new Loop({}).run((loop) => failBackupAtEveryCall(loop, { every: 20 }));
  assert.ok((counts.get("failed") ?? 0) >= 4, "it failed at nearly every chosen call");
});
