/** The start of a server: its data folder, what it creates there, and what it sweeps. */
import assert from "node:assert/strict";
import { listStored } from "../../server/operator/list_files.ts";
import { Server } from "../../server/server.ts";
import { tamper } from "../support/store/database.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

Deno.test("start: staged and orphaned files are removed, and a second server on the folder is refused", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const options = { listen: [{ hostname: "127.0.0.1", port: 0 }], dataFolder };
  {
    await using server = await Server.start(options);
    assert.ok(server.address.port > 0);
    await assert.rejects(Server.start(options), {
      name: "ConfigurationError",
      code: "data-folder-in-use",
    });
  }
  const blob = "0123456789abcdef".repeat(2);
  await Deno.writeTextFile(`${dataFolder}/staging/${blob}`, "half a file");
  await Deno.writeTextFile(`${dataFolder}/staging/notes.txt`, "an operator's file");
  await Deno.mkdir(`${dataFolder}/files/x`);
  await Deno.writeTextFile(`${dataFolder}/files/x/orphan`, "overwritten and not yet removed");
  await Deno.writeTextFile(`${dataFolder}/files/x/unknown`, "not in a list");
  tamper(`${dataFolder}/catalog.db`, "INSERT INTO orphans (path) VALUES ('files/x/orphan')");
  await using server = await Server.start(options);
  assert.ok(server.address.port > 0);
  const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);
  assert.deepEqual(names(`${dataFolder}/staging`), ["notes.txt"], "only blobs are swept");
  assert.deepEqual(names(`${dataFolder}/files/x`), ["unknown"], "only listed files are removed");
});

Deno.test("start: an address that cannot be listened on is refused", async () => {
  await using folder = await TemporaryFolder.create();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = taken.addr;
  await assert.rejects(
    Server.start({ listen: [{ hostname, port }], dataFolder: folder.join("data") }),
    {
      name: "NetworkError",
      code: "cannot-listen",
    },
  );
});

Deno.test("start: a folder with other content is not used as a data folder", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("site", "staging"), { recursive: true });
  await folder.write("site/staging/index.html", "hello");
  const listen = [{ hostname: "127.0.0.1", port: 0 }];
  await assert.rejects(Server.start({ listen, dataFolder: folder.join("site") }), {
    name: "ConfigurationError",
    code: "not-a-data-folder",
  });
  assert.equal(await Deno.readTextFile(folder.join("site", "staging", "index.html")), "hello");
});

Deno.test("start: an unusable data folder is an error that says so", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await folder.write("file", "");
  const listen = [{ hostname: "127.0.0.1", port: 0 }];
  for (const dataFolder of [file, `${file}/below`]) {
    const expected = { name: "ConfigurationError", code: "data-folder-unusable" };
    await assert.rejects(Server.start({ listen, dataFolder }), expected, dataFolder);
    await assert.rejects(listStored(dataFolder), { name: "ConfigurationError" }, dataFolder);
  }
});

Deno.test({
  name: "start: everything that it creates is readable by its owner only",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TemporaryFolder.create();
    const dataFolder = folder.join("data");
    await using _server = await Server.start({
      listen: [{ hostname: "127.0.0.1", port: 0 }],
      dataFolder,
    });
    assert.equal((Deno.statSync(dataFolder).mode ?? 0) & 0o777, 0o700);
    for (const name of ["catalog.db", "lock.db"]) {
      assert.equal((Deno.statSync(`${dataFolder}/${name}`).mode ?? 0) & 0o777, 0o600, name);
    }
  },
});
