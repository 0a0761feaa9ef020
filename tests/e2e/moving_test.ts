/** The commands of docs/moving.md, run in the order of the page, do what the page says. */
import assert from "node:assert/strict";
import { listBackup, listStored, type StoreLocation } from "../../server/operator/mod.ts";
import { fencesIn } from "../support/markdown.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";
import { Fixture, got, put, startServer } from "../support/v4/fixture.ts";

const PAGE = new URL("../../docs/moving.md", import.meta.url);

/** The page's name of a state, and its folders. */
const STATE = "2026-11-29T03-00-00Z";
const FOLDERS = ["/mnt/backup", "/mnt/copy", "/srv/xfer-restored", "/srv/xfer"];

async function listing(location: StoreLocation): Promise<string[]> {
  return (await listStored(location)).flatMap(({ name: user, files }) =>
    files.map(({ name, version, current, crc }) => `${user} ${name} ${version} ${current} ${crc}`)
  );
}

Deno.test({
  name:
    "moving: every command of the page succeeds, and clients find their files and the server's key",
  ignore: Deno.build.os === "windows",
  async fn() {
    // The old machine has a server with two versions of a file.
    await using old = await Fixture.create({}, {}, await TemporaryFolder.createOnDisk());
    await using world = await TemporaryFolder.createOnDisk();
    const store = async (seed: number) => {
      using client = await old.client("Alice");
      const file = await old.source(`source-${seed}`, pseudoRandomBytes(30_000, seed));
      await put(client, [{ file, name: "report.pdf" }]);
    };
    await store(1);
    await store(2);
    const before = await listing(old.data);
    let machine = "old";
    let state = "";
    const placed = (text: string) =>
      FOLDERS.reduce(
        (text, folder) =>
          text.replaceAll(
            new RegExp(`(?<!\\S)${folder}(?!\\S)`, "g"),
            folder === "/srv/xfer" && machine === "old" ? old.data : world.join(folder),
          ),
        text.replaceAll(STATE, state),
      );
    const run = async (line: string) => {
      const command = placed(line);
      if (command.startsWith("xfer ")) {
        const { code, stderr } = await xfer(command.split(" ").slice(1), world.path);
        assert.equal(code, 0, `${command}\n${stderr}`);
      } else {
        const { success } = await tiedCommand("sh", { args: ["-euc", command] }).output();
        assert.ok(success, command);
      }
    };
    for (const name of ["srv", "mnt"]) await Deno.mkdir(world.join(name), { recursive: true });
    const blocks = fencesIn(await Deno.readTextFile(PAGE));
    assert.equal(blocks.length, 8);
    for (const [index, { info, text }] of blocks.entries()) {
      assert.match(info, /^sh( new)?$/);
      // The second backup and the copy are made when the server has been stopped.
      if (index === 1) await old.server.close();
      if (info === "sh new") machine = "new";
      if (text.includes(STATE)) {
        state = (await listBackup(world.join("/mnt/backup")))[0]?.name ?? "";
      }
      for (const line of text.trim().split("\n")) await run(line);
    }
    for (const folder of ["/srv/xfer-restored", "/mnt/copy"]) {
      assert.deepEqual(await listing(world.join(folder)), before, folder);
    }
    // A file from the backup came back with an import, which found it unchanged.
    assert.deepEqual(await listing(world.join("/srv/xfer")), before);
    const keys = [old.data, world.join("/srv/xfer")].map((data) =>
      Deno.readFileSync(`${data}/tls.pem`)
    );
    assert.deepEqual(keys[0], keys[1], "clients recognize the server");
    old.server = await startServer(world.join("/srv/xfer"));
    using client = await old.client("Alice");
    assert.deepEqual(await got(client, "report.pdf"), pseudoRandomBytes(30_000, 2));
  },
});
