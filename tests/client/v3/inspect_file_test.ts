import assert from "node:assert/strict";
import { inspectFile } from "../../../client/v3/inspect_file.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { NO_QUIRKS } from "../../../protocol/v3/editions/quirks.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const inspect = (path: string) => inspectFile(path, { edition: edition2023c, quirks: NO_QUIRKS });

Deno.test("v3: a name of 254 bytes can be sent, a longer one is refused before sending", async () => {
  await using folder = await TemporaryFolder.create();
  const long = await folder.write("é".repeat(127), "");
  assert.equal((await inspect(long)).nameField.length, 255);
  const longer = await folder.write("é".repeat(127) + "x", "");
  await assert.rejects(inspect(longer), { code: "name-too-long" });
});

Deno.test("v3: a file of 4 GiB − 273 bytes can be sent, one byte more cannot", async () => {
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("sparse", "");
  await Deno.truncate(path, 2 ** 32 - 273);
  await inspect(path);
  await Deno.truncate(path, 2 ** 32 - 272);
  await assert.rejects(inspect(path), { name: "StorageError", code: "file-too-large" });
});
