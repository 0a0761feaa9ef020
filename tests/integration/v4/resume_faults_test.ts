/** Protocol 4: partial uploads are durable before they are recorded, whatever fails then. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { V4Client } from "../../../client/v4/client.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { WriteBacklog } from "../../../server/v4/write_backlog.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { type Call, type Fault, FaultySystem } from "../../support/store/faulty_file_system.ts";
import { ServerProcess } from "../../support/processes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { LOOPBACK } from "../../support/v4/fixture.ts";
import { digestOfFirst, missing, Uploader, type Where } from "../../support/v4/raw_client.ts";
import { startInThisThread } from "../../support/server.ts";

const content = pseudoRandomBytes(3 * CHUNK_SIZE + 1);

/** Has Alice register, with her identity in a folder of her name. */
async function register({ server, folder }: Where): Promise<void> {
  const identityFolder = folder.join("Alice");
  await Deno.mkdir(identityFolder, { mode: 0o700 });
  const options = { server: server.address, userName: "Alice", identityFolder };
  (await V4Client.connect({ ...options, onNewServer: () => true }))[Symbol.dispose]();
}

/** An upload that the stop of the server interrupts after two chunks, on a file system with planned faults. */
async function breakOff(folder: TemporaryFolder, plan: (call: Call) => Fault | undefined) {
  const system = new FaultySystem();
  await using server = await startInThisThread({
    ...{ listen: [LOOPBACK], tlsListen: LOOPBACK, dataFolder: folder.join("data") },
    ...{ fileSystem: system.fileSystem, openCatalog: system.openCatalog },
  });
  const where = { server, folder };
  await register(where);
  using alice = await Uploader.login(where, "Alice");
  const { transfer } = await alice.resume(content);
  using other = await Uploader.login(where, "Alice");
  const joined = await other.join(transfer);
  await other.send(joined, content, 0, 1);
  await other.leave(joined);
  system.plan = plan;
  await server.close();
  return system;
}

function staged(folder: TemporaryFolder): string[] {
  return [...Deno.readDirSync(folder.join("data", "staging"))].map(({ name }) => name);
}

async function durableBytesAfterRestart(folder: TemporaryFolder): Promise<number> {
  const dataFolder = folder.join("data");
  await using server = await startInThisThread({
    listen: [LOOPBACK],
    tlsListen: LOOPBACK,
    dataFolder,
  });
  using alice = await Uploader.login({ server, folder }, "Alice");
  const { tag, offset, digest } = await alice.resume(content);
  assert.deepEqual(digest, digestOfFirst(content, offset));
  await alice.send(tag, content, ...missing(content, offset));
  await alice.end(tag, content);
  assert.deepEqual(staged(folder), []);
  return offset;
}

/** The calls that durability depends on. */
const isOfNote = ({ operation, target }: Call) =>
  operation === "sync" && target.includes("staging") || /INTO partials/.test(target);

Deno.test("v4 resume: content and name are durable before the row is written", async () => {
  await using folder = await TemporaryFolder.create();
  const calls: string[] = [];
  await breakOff(folder, (call) => {
    if (isOfNote(call) && call.operation !== "prepare") {
      const what = call.operation === "sync" ? call.target.split("staging")[1] : "row";
      calls.push(what === "" ? "folder" : what === "row" ? "row" : "file");
    }
    return undefined;
  });
  assert.deepEqual(calls, ["file", "folder", "row"]);
  assert.equal(await durableBytesAfterRestart(folder), 2 * CHUNK_SIZE);
});

for (const error of ["EIO", "ENOSPC"] as const) {
  for (const step of ["file", "folder", "row"]) {
    Deno.test(`v4 resume: ${error} when the ${step} is made durable: no partial upload, nothing left behind`, async () => {
      await using folder = await TemporaryFolder.create();
      const system = await breakOff(folder, (call) => {
        const { operation, target } = call;
        if (!isOfNote(call)) return undefined;
        const at = operation !== "sync" ? "row" : target.endsWith("staging") ? "folder" : "file";
        return at === step ? { type: "fail", error, when: "before" } : undefined;
      });
      assert.ok(system.faults > 0);
      assert.deepEqual(staged(folder), []);
      assert.equal(await durableBytesAfterRestart(folder), 0);
    });
  }
}

Deno.test("v4 resume: a server that is killed keeps all of a large file but the last part", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const large = pseudoRandomBytes(80 * CHUNK_SIZE);
  const dataFolder = folder.join("data");
  {
    await using process = await ServerProcess.start(dataFolder);
    const where = { server: { address: { ...LOOPBACK, port: process.port } }, folder };
    await register(where);
    using alice = await Uploader.login(where, "Alice");
    const { tag } = await alice.resume(large);
    await alice.send(tag, large, ...missing(large, 0).slice(0, 70));
    while (durableBytes(dataFolder) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await process.stop("SIGKILL");
  }
  assert.equal(staged(folder).length, 1);
  await using process = await ServerProcess.start(dataFolder);
  const where = { server: { address: { ...LOOPBACK, port: process.port } }, folder };
  using alice = await Uploader.login(where, "Alice");
  const { tag, offset, digest } = await alice.resume(large);
  assert.ok(offset >= 64 * CHUNK_SIZE, `${offset / CHUNK_SIZE} chunks are kept`);
  assert.deepEqual(digest, digestOfFirst(large, offset));
  await alice.send(tag, large, ...missing(large, offset));
  await alice.end(tag, large);
  assert.deepEqual(staged(folder), []);
});

function durableBytes(dataFolder: string): unknown {
  using database = new DatabaseSync(`${dataFolder}/catalog.db`, { readOnly: true });
  return database.prepare("SELECT held FROM partials").get()?.["held"];
}

Deno.test("v4: data waiting for the disk is bounded, per connection and for many", async () => {
  for (const count of [1, 10, 100]) {
    const backlog = new WriteBacklog(() => count);
    const waiting: (() => void)[] = [];
    let durableBytes = 0;
    let most = 0;
    const sending = (async () => {
      for (let chunk = 0; chunk < 50; chunk++) {
        durableBytes += CHUNK_SIZE;
        most = Math.max(most, durableBytes);
        backlog.add(CHUNK_SIZE, new Promise((resolve) => waiting.push(resolve)));
        await backlog.makeRoom();
      }
      await backlog.settle();
    })();
    let done = false;
    sending.then(() => done = true);
    while (!done) {
      const written = waiting.shift();
      if (written !== undefined) durableBytes -= CHUNK_SIZE;
      written?.();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const bound = Math.max(2, Math.min(5, 24 / count + 1));
    assert.ok(most <= bound * CHUNK_SIZE, `${most / CHUNK_SIZE} chunks of each of ${count}`);
  }
});
