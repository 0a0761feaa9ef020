/** The log and the access log of `xfer server`. */
import assert from "node:assert/strict";
import { xfer } from "../../support/hosted_xfer.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

Deno.test({
  name: "server logs: the log and the access log cannot be one file, by another name either",
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await folder.write("one.log", "");
  await Deno.symlink("one.log", folder.join("other.log"));
  for (const other of ["one.log", "./one.log", "other.log"]) {
    const args = ["server", "--listen", "127.0.0.1:0", "--log-file", "one.log"];
    const { code, stderr } = await xfer([...args, "--access-log", other], folder.path);
    assert.equal(code, 7, stderr);
    assert.match(stderr, /the log and the access log are the same file/);
  }
  assert.deepEqual([...Deno.readDirSync(folder.path)].length, 2, "no data folder was created");
});
