/** The paths that `xfer client put` uploads. */
import assert from "node:assert/strict";
import { pathsOf, type PutChoice } from "../../../../cli/commands/client/put_options.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";

Deno.test("put --files-from: - in the list is a file of that name, not standard input", async () => {
  await using folder = await TemporaryFolder.create();
  const filesFrom = await folder.write("list", "a\n-\n-b\n");
  const paths = await pathsOf(["named"], { filesFrom } as PutChoice);
  assert.deepEqual(paths, ["named", "a", "./-", "-b"]);
});
