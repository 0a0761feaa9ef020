/** A slow disk for one client delays no other. */
import assert from "node:assert/strict";
import { cksum } from "../../protocol/crc/cksum.ts";
import { listStored } from "../../server/operator/list_files.ts";
import { Server } from "../../server/server.ts";
import type { FileSystem } from "../../server/fs/file_system.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { openDatabase } from "../support/store/database.ts";
import { kindOf, RawClient } from "../support/v3/raw_client.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const content = pseudoRandomBytes(300_000);

function start(folder: TemporaryFolder, fileSystem: FileSystem = Deno): Promise<Server> {
  const listen = [{ hostname: "127.0.0.1", port: 0 }];
  return Server.start({ listen, dataFolder: folder.join("data"), fileSystem });
}

async function registered(server: Server, name: string): Promise<RawClient> {
  const peer = await RawClient.connect(server.address);
  await peer.enrol(name);
  return peer;
}

async function storedNames(folder: TemporaryFolder): Promise<string[]> {
  const clients = await listStored(folder.join("data"));
  return clients.flatMap(({ name, files }) => files.map((file) => `${name}/${file.name}`));
}

Deno.test("slow disk: while the catalog waits to commit one file, others reconnect and send theirs", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using alice = await registered(server, "Alice");
  using bob = await registered(server, "Bob");
  await alice.sendFile("a.txt", content);

  // Other writers of the catalog wait for this transaction, up to the five seconds of their busy timeout.
  using other = openDatabase(folder.join("data", "catalog.db"));
  other.exec("BEGIN IMMEDIATE");
  let confirmed = false;
  const confirming = alice.judge("crcValid", "a.txt").finally(() => confirmed = true);

  await bob.reconnectSocket();
  assert.equal(kindOf(await bob.reconnect("Bob")), "reconnected");
  const received = await bob.sendFile("b.txt", content);
  assert.equal(received !== "closed" && "crc" in received && received.crc, cksum(content));
  assert.equal(confirmed, false, "the commit waited all the time");

  other.exec("ROLLBACK");
  assert.equal(kindOf(await confirming), "messageReceived");
  assert.equal(kindOf(await bob.judge("crcValid", "b.txt")), "messageReceived");
  assert.deepEqual(await storedNames(folder), ["Alice/a.txt", "Bob/b.txt"]);
});

Deno.test("slow disk: while one file waits for its sync, others are stored", async () => {
  await using folder = await TemporaryFolder.create();
  const syncing = Promise.withResolvers<void>();
  const slow = Promise.withResolvers<void>();
  let staged = 0;
  await using server = await start(folder, {
    ...Deno,
    open: async (path, options) => {
      const file = await Deno.open(path, options);
      if (options?.write !== true || ++staged > 1) return file;
      return new Proxy(file, {
        get(target, name) {
          const value = Reflect.get(target, name);
          if (name === "sync") {
            return async () => {
              syncing.resolve();
              await slow.promise;
              await target.sync();
            };
          }
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  });
  using alice = await registered(server, "Alice");
  using bob = await registered(server, "Bob");
  const sending = alice.sendFile("a.txt", content);
  await syncing.promise;

  assert.equal(kindOf(await bob.sendFile("b.txt", content)), "fileReceived");
  assert.equal(kindOf(await bob.judge("crcValid", "b.txt")), "messageReceived");
  assert.deepEqual(await storedNames(folder), ["Bob/b.txt"]);

  slow.resolve();
  assert.equal(kindOf(await sending), "fileReceived");
  assert.equal(kindOf(await alice.judge("crcValid", "a.txt")), "messageReceived");
  assert.deepEqual(await storedNames(folder), ["Alice/a.txt", "Bob/b.txt"]);
});
