/** Permissions of a data folder, and files in it that are not opened. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { judgeFolder } from "../../../server/data_folder/permissions.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { files, listen, prepared } from "../../support/store/stored.ts";
import { startInThisThread } from "../../support/server.ts";

const posix = Deno.build.os !== "windows";

Deno.test("data folder: owner and mode decide whether it can be trusted", () => {
  const cases: readonly [number, number, string][] = [
    [0o40700, 1000, "private"],
    [0o40500, 1000, "private"],
    [0o40755, 1000, "open"],
    [0o40710, 1000, "open"],
    [0o40770, 1000, "writable"],
    [0o40777, 1000, "writable"],
    [0o40702, 1000, "writable"],
    [0o40700, 1001, "foreign"],
    [0o40777, 0, "foreign"],
  ];
  for (const [mode, uid, expected] of cases) {
    assert.equal(judgeFolder({ mode, uid }, 1000), expected, mode.toString(8));
  }
});

Deno.test({
  name: "data folder: closed to others who could read it, refused if they could write it",
  ignore: !posix,
  async fn() {
    await using folder = await TemporaryFolder.create();
    const dataFolder = await prepared(folder);
    await Deno.chmod(dataFolder, 0o755);
    {
      await using _server = await startInThisThread({ listen, dataFolder });
      assert.equal((Deno.statSync(dataFolder).mode ?? 0) & 0o777, 0o700);
    }
    await Deno.chmod(dataFolder, 0o770);
    await assert.rejects(startInThisThread({ listen, dataFolder }), {
      code: "data-folder-not-private",
    });
  },
});

Deno.test({
  name: "data folder: links in it are not followed, one to it is; no stored file is executable",
  ignore: !posix,
  async fn() {
    await using folder = await TemporaryFolder.create();
    const dataFolder = await prepared(folder);
    for (const { content: { id: path } } of await files(dataFolder)) {
      assert.equal((Deno.statSync(join(dataFolder, path)).mode ?? 0) & 0o777, 0o600);
    }
    await Deno.symlink(dataFolder, folder.join("link"));
    await (await startInThisThread({ listen, dataFolder: folder.join("link") })).close();
    for (const name of ["files", "staging", "catalog.db", "lock.db"]) {
      await Deno.rename(join(dataFolder, name), folder.join(name));
      await Deno.symlink(folder.join(name), join(dataFolder, name));
      const refused = { code: "link-in-data-folder" };
      await assert.rejects(startInThisThread({ listen, dataFolder }), refused, name);
      await Deno.remove(join(dataFolder, name));
      await Deno.rename(folder.join(name), join(dataFolder, name));
    }
    await (await startInThisThread({ listen, dataFolder })).close();
  },
});
