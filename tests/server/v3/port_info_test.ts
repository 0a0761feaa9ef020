import assert from "node:assert/strict";
import { readPortInfo } from "../../../server/v3/port_info.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

Deno.test("port.info: the port in digits, with or without a line end", async () => {
  await using folder = await TemporaryFolder.create();
  assert.equal(await readPortInfo(folder.join("port.info")), undefined);
  for (const text of ["1357", "1357\n", "1357\r\n", "\uFEFF1357\n"]) {
    assert.equal(await readPortInfo(await folder.write("port.info", text)), 1357);
  }
});

Deno.test("port.info: anything else is refused with what was found", async () => {
  await using folder = await TemporaryFolder.create();
  for (const text of ["", "0", "65536", "-1", "80 81", "http", "1.5"]) {
    const path = await folder.write("port.info", text);
    await assert.rejects(readPortInfo(path), {
      name: "ConfigurationError",
      code: "bad-port-info",
      message: /port\.info line 1: found .*, expected a port from 1 to 65535/,
    });
  }
});
