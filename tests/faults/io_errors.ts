/** Servers whose calls to file system and database fail, one of them or all from some moment on. */
import assert from "node:assert/strict";
import { ConfigurationError, Server } from "../../mod.ts";
import { pseudoRandomBytes } from "../helpers/bytes.ts";
import { ERROR_NAMES, type ErrorName, type Fault, FaultySystem } from "../helpers/faulty_system.ts";
import { TemporaryFolder } from "../helpers/temporary.ts";
import { Actor, Lost, Refused } from "./actor.ts";
import { readFiles, readWholeFolder, type Stored } from "./data_folder.ts";
import type { Loop } from "./loop.ts";

/** More than a registration without a key is kept. */
const LATER_MS = 11 * 60_000;

interface Trouble {
  readonly what: string;
  readonly fault: Fault;
  /** Only that call, or all from there on. */
  readonly lasts: boolean;
}

const TROUBLES: readonly Trouble[] = [
  ...ERROR_NAMES.flatMap((error) => [
    { what: `${error}, once`, fault: failing(error), lasts: false },
    { what: `${error}, from then on`, fault: failing(error), lasts: true },
  ]),
  { what: "EIO although done", fault: { ...failing("EIO"), when: "after" }, lasts: false },
  { what: "a short write", fault: { type: "short" }, lasts: false },
];

function failing(error: ErrorName): Extract<Fault, { type: "fail" }> {
  return { type: "fail", error, when: "before" };
}

/**
 * Uploads while a call fails, for each call and each trouble: nothing is confirmed that is not stored, earlier files
 * stay, and when the trouble is over the same server serves everybody.
 */
export async function failEveryCall(loop: Loop, { every = 1 } = {}): Promise<void> {
  for (const trouble of TROUBLES) {
    for (let at = 1 + loop.dice.roll(every); loop.next(); at += every) {
      const { reached, faults } = await failAt(trouble, at);
      if (!reached) break;
      if (faults > 0) loop.count(trouble.what);
    }
  }
}

/** Starts while a call fails: the server says that it can't, or does; a later start finds everything. */
export async function failEveryCallOfStart(loop: Loop): Promise<void> {
  for (const error of ERROR_NAMES) {
    for (const fresh of [true, false]) {
      for (let at = 1; loop.next(); at++) {
        if (!(await failStartAt(failing(error), at, fresh))) break;
        loop.count(`${error} at the start`);
      }
    }
  }
}

/** Returns whether there was such a call, and how many went wrong. */
async function failAt({ what, fault, lasts }: Trouble, at: number) {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const trusting = fault.type !== "fail" || fault.when === "before";
  const [alice, bob, carol] = ["Alice", "Bob", "Carol"].map((name) =>
    new Actor(name, { trusting })
  ) as [Actor, Actor, Actor];
  const actors = [alice, bob, carol];
  const system = new FaultySystem();
  let aheadMs = 0;
  let reached = false;
  try {
    {
      await using server = await start(dataFolder, system, () => aheadMs);
      for (const actor of [alice, bob]) await storeOne(server, actor, "a", 1000);
      const armedAt = system.calls;
      system.plan = ({ number }) => {
        const strikes = lasts ? number >= armedAt + at : number === armedAt + at;
        reached ||= strikes;
        return strikes ? fault : undefined;
      };
      const refusals = [
        await isRefused(() => storeOne(server, alice, "a", 300_000)),
        await isRefused(() => storeOne(server, alice, "b", 0)),
        await isRefused(() => storeOne(server, carol, "a", 1000)),
      ];
      system.plan = () => undefined;
      if (fault.type === "short") {
        assert.ok(!refusals.includes(true), "a short write is no failure");
      }
      settle(actors, readFiles(dataFolder));
      aheadMs = LATER_MS;
      for (const actor of actors) await storeOne(server, actor, "c", 100);
      settle(actors, readFiles(dataFolder));
    }
    await using _server = await start(dataFolder, new FaultySystem());
    settle(actors, readWholeFolder(dataFolder));
    return { reached, faults: system.faults };
  } catch (error) {
    throw new Error(`${what} at call ${at}: ${error instanceof Error ? error.stack : error}`);
  }
}

async function failStartAt(fault: Fault, at: number, fresh: boolean): Promise<boolean> {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const actor = new Actor("Alice");
  if (!fresh) {
    await using server = await start(dataFolder, new FaultySystem());
    await storeOne(server, actor, "a", 1000);
    // As a server leaves it that is killed with a file on its way in.
    await Deno.writeFile(`${dataFolder}/staging/${"0".repeat(32)}`, new Uint8Array(100));
  }
  const system = new FaultySystem();
  system.plan = ({ number }) => number === at ? fault : undefined;
  try {
    await using _server = await start(dataFolder, system);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw new Error(`call ${at}: ${error}`);
    assert.equal(error.code, "data-folder-unusable");
  }
  await using server = await start(dataFolder, new FaultySystem());
  settle([actor], readWholeFolder(dataFolder));
  await storeOne(server, actor, "b", 1000);
  return system.calls >= at;
}

function start(dataFolder: string, system: FaultySystem, aheadMs = () => 0): Promise<Server> {
  const { fileSystem, openCatalog } = system;
  const listen = [{ hostname: "127.0.0.1", port: 0 }];
  const clock = () => Date.now() + aheadMs();
  return Server.start({ listen, dataFolder, clock, fileSystem, openCatalog });
}

async function storeOne(server: Server, actor: Actor, name: string, size: number): Promise<void> {
  using peer = await actor.enter(server.address);
  await actor.store(peer, name, pseudoRandomBytes(size, size + name.charCodeAt(0)));
}

async function isRefused(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof Refused || error instanceof Lost) return true;
    throw error;
  }
}

function settle(actors: readonly Actor[], stored: Stored): void {
  for (const actor of actors) actor.settle(stored.get(actor.name));
}
