/** Fills the disk of a folder (first argument), whose size in bytes is the second argument, with uploads. */
import assert from "node:assert/strict";
import { Server } from "../../server/server.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { Actor, Lost, Refused } from "./actor.ts";
import { readFiles, readWholeFolder, type Stored } from "./data_folder.ts";

const FILE_SIZE = 300_000;
/** Size of the blocks that are written until the disk is full. The disk may still have room for smaller files. */
const BLOCK_SIZE = 4096;

async function fillDisk(disk: string, diskSize: number): Promise<void> {
  const dataFolder = `${disk}/data`;
  const ballast = `${disk}/ballast`;
  await Deno.writeFile(ballast, new Uint8Array(diskSize / 4));
  const listen = [{ hostname: "127.0.0.1", port: 0 }];
  const [alice, bob] = [new Actor("Alice"), new Actor("Bob")];
  const settle = (stored: Stored) => {
    for (const actor of [alice, bob]) actor.settle(stored.get(actor.name));
  };
  const fits = async (server: Server, name: string, size: number) => {
    try {
      await store(server, alice, name, size);
      return true;
    } catch (error) {
      if (error instanceof Refused || error instanceof Lost) return false;
      throw error;
    }
  };
  let count = 0;
  {
    await using server = await Server.start({ listen, dataFolder, limits: { minFree: 0 } });
    await store(server, bob, "b", 10);
    while (await fits(server, `large${count}`, FILE_SIZE)) count++;
    assert.ok(count > 3 && count < diskSize / FILE_SIZE, `${count} files fit`);
    settle(readFiles(dataFolder));
    for (let size = FILE_SIZE / 2; size >= BLOCK_SIZE; size = Math.floor(size / 2)) {
      for (let more = 0; await fits(server, `${size}-${more}`, size);) more++;
    }
    for (let more = 0; await fits(server, `brim${more}`, 1);) more++;
    settle(readFiles(dataFolder));
    await Deno.remove(ballast);
    await store(server, alice, "large0", FILE_SIZE + 1);
    await store(server, bob, "b", 20);
    settle(readFiles(dataFolder));
  }
  await using _server = await Server.start({ listen, dataFolder });
  settle(readWholeFolder(dataFolder));
}

async function store(server: Server, actor: Actor, name: string, size: number): Promise<void> {
  using peer = await actor.enter(server.address);
  await actor.store(peer, name, pseudoRandomBytes(size, size + 1));
}

if (import.meta.main) await fillDisk(Deno.args[0] ?? "", Number(Deno.args[1]));
