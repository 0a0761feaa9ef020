/** The order in which a file is made durable, and the state after a failure of each step. */
import assert from "node:assert/strict";
import { listStored } from "../../server/operator/list_files.ts";
import { Server } from "../../server/server.ts";
import type { FileSystem } from "../../server/fs/file_system.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { openDatabase } from "../support/store/database.ts";
import { kindOf, RawClient } from "../support/v3/raw_client.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

type Call = "create" | "sync file" | "rename" | "sync folder" | "mkdir" | "remove";

/** A file system that reports each call before it is done, and can let it fail. */
function observed(before: (call: Call, path: string) => void): FileSystem {
  return {
    ...Deno,
    open: async (path, options) => {
      const isFolder = options?.write !== true;
      if (!isFolder) before("create", `${path}`);
      const file = await Deno.open(path, options);
      return new Proxy(file, {
        get(target, name) {
          const value = Reflect.get(target, name);
          if (name === "sync") {
            return () => {
              before(isFolder ? "sync folder" : "sync file", `${path}`);
              return target.sync();
            };
          }
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
    rename: async (from, to) => {
      before("rename", `${to}`);
      await Deno.rename(from, to);
    },
    mkdir: async (path, options) => {
      before("mkdir", `${path}`);
      await Deno.mkdir(path, options);
    },
    remove: async (path, options) => {
      before("remove", `${path}`);
      await Deno.remove(path, options);
    },
  };
}

const start = (folder: TemporaryFolder, fileSystem: FileSystem) =>
  Server.start({
    limits: { historyMs: 0, inlineSize: 0 },
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    dataFolder: folder.join("data"),
    fileSystem,
  });

Deno.test("durability: synced, renamed, folders synced, cataloged, and only then confirmed", async () => {
  await using folder = await TemporaryFolder.create();
  const calls: string[] = [];
  const catalog = () => {
    using database = openDatabase(folder.join("data", "catalog.db"), { readOnly: true });
    const count = (table: string) =>
      database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"];
    return `${count("files")} files, ${count("orphans")} orphans`;
  };
  let watching = false;
  const fileSystem = observed((call, path) => {
    if (watching && call !== "mkdir") {
      calls.push(`${call}${/files$/.test(path) ? " files" : ""}, ${catalog()}`);
    }
  });
  await using server = await start(folder, fileSystem);
  using peer = await RawClient.connect(server.address);
  await peer.enrol("Alice");
  watching = true;
  await peer.sendFile("a", pseudoRandomBytes(1000));
  assert.equal(kindOf(await peer.judge("crcValid", "a")), "messageReceived");
  calls.push(`confirmed, ${catalog()}`);
  await peer.sendFile("a", pseudoRandomBytes(1000, 2));
  await peer.judge("crcValid", "a");
  calls.push(`confirmed, ${catalog()}`);
  assert.deepEqual(calls, [
    "create, 0 files, 0 orphans",
    "sync file, 0 files, 0 orphans",
    "sync folder files, 0 files, 1 orphans",
    "rename, 0 files, 1 orphans",
    "sync folder, 0 files, 1 orphans",
    "confirmed, 1 files, 0 orphans",
    "create, 1 files, 0 orphans",
    "sync file, 1 files, 0 orphans",
    "rename, 1 files, 1 orphans",
    "sync folder, 1 files, 1 orphans",
    "remove, 1 files, 1 orphans",
    "confirmed, 1 files, 0 orphans",
  ]);
});

for (const failing of ["create", "sync file", "mkdir", "rename", "sync folder"] as const) {
  Deno.test(`durability: if "${failing}" fails, nothing is confirmed, the previous file stays, and others are served`, async () => {
    await using folder = await TemporaryFolder.create();
    let broken = false;
    const fileSystem = observed((call) => {
      if (broken && call === failing) throw new Error("No space left on device (os error 28)");
    });
    const stored = async () =>
      (await listStored(folder.join("data"))).flatMap(({ files }) => files.map(({ crc }) => crc));
    {
      await using server = await start(folder, fileSystem);
      using peer = await RawClient.connect(server.address);
      await peer.enrol("Alice");
      await peer.sendFile("a", pseudoRandomBytes(1000));
      await peer.judge("crcValid", "a");
      const before = await stored();
      // An owner's folder is created once.
      using newcomer = await RawClient.connect(server.address);
      await newcomer.enrol("Carol");
      const victim = failing === "mkdir" ? newcomer : peer;
      broken = true;
      const received = kindOf(await victim.sendFile("a", pseudoRandomBytes(1000, 2)));
      assert.equal(
        received === "generalError" ? received : kindOf(await victim.judge("crcValid", "a")),
        "generalError",
      );
      assert.deepEqual(await stored(), before);
      broken = false;
      using other = await RawClient.connect(server.address);
      await other.enrol("Bob");
      await other.sendFile("b", pseudoRandomBytes(10));
      assert.equal(kindOf(await other.judge("crcValid", "b")), "messageReceived");
    }
    await using server = await start(folder, Deno);
    assert.ok(server.address.port > 0);
    assert.equal((await stored()).length, 2);
    assert.equal([...Deno.readDirSync(folder.join("data", "staging"))].length, 0);
    const blobs = [...Deno.readDirSync(folder.join("data", "files"))]
      .flatMap(({ name }) => [...Deno.readDirSync(folder.join("data", "files", name))]);
    assert.equal(blobs.length, 2, "no blob without a row");
  });
}
