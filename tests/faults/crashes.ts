/** Servers that are killed at any moment, and at every call to file system and database. */
import assert from "node:assert/strict";
import type { Address } from "../../protocol/address.ts";
import type { Server } from "../../server/server.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { startInThisThread } from "../support/server.ts";
import { seedDataFolder } from "../support/store/seeded_folder.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { Actor, Lost } from "./actor.ts";
import { readWholeFolder } from "./data_folder.ts";
import type { FaultyServerOptions } from "./faulty_server.ts";
import { FaultyServer } from "./faulty_server_process.ts";
import type { Loop } from "./loop.ts";
import { actAtRandom } from "./random_work.ts";
import { SecureActor } from "./secure_actor.ts";

/** Longer than a registration without a key is kept. */
const LATER_MS = 11 * 60_000;
const CLIENTS = ["Alice", "Bob"] as const;
const SECURE_CLIENTS = ["Carol", "Dave"] as const;
/** Maximum time before a server is killed, in milliseconds. */
const MAX_LIFE_MS = 600;
const SIDE_BY_SIDE = 2;

/**
 * One data folder, and a series of servers on it. Each is killed at some moment while clients of both protocols are
 * active.
 */
export async function killAtAnyMoment(loop: Loop): Promise<void> {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const actors = CLIENTS.map((name) => new Actor(name));
  const secureActors = await gather(folder, SECURE_CLIENTS);
  const all = [...actors, ...secureActors];
  for (let aheadMs = 0; loop.next(); aheadMs += LATER_MS) {
    await using server = new FaultyServer({ dataFolder, aheadMs, secure: true });
    const address = await server.address;
    assert.ok(address !== undefined, "the server starts on the folder of one that was killed");
    settle(all, dataFolder);
    loop.count("restarts checked");
    const lives = { on: true };
    const acting = [
      ...actors.map((actor) =>
        untilLost(lives, loop, async () => {
          const peer = await actor.enter(address);
          return { peer, act: () => actor.actAtRandom(peer, loop.dice) };
        })
      ),
      ...secureActors.map((actor) =>
        untilLost(lives, loop, async () => {
          const peer = await actor.enter(address);
          return { peer, act: () => actAtRandom(actor, peer, address, loop.dice) };
        })
      ),
    ];
    const killing = new Promise((resolve) => setTimeout(resolve, loop.dice.roll(MAX_LIFE_MS)))
      .then(() => {
        lives.on = false;
        return server.kill();
      });
    await Promise.all([...acting, killing]);
    loop.count("kills");
  }
  await using _last = await startIntact(dataFolder, loop.begun * LATER_MS);
  settle(all, dataFolder);
  loop.count("restarts checked");
}

interface Connected {
  readonly peer: Disposable;
  /** Does something, and returns its description. */
  readonly act: () => Promise<string>;
}

/** Connects and acts repeatedly, until the server is killed. */
async function untilLost(
  server: { readonly on: boolean },
  loop: Loop,
  enter: () => Promise<Connected>,
): Promise<void> {
  try {
    while (server.on) {
      const { peer, act } = await enter();
      using _left = peer;
      for (let acts = 1 + loop.dice.roll(4); acts > 0; acts--) loop.count(await act());
    }
  } catch (error) {
    if (!(error instanceof Lost) || server.on) throw error;
  }
}

/** Creates folders for clients of protocol 4. */
async function gather(folder: TemporaryFolder, names: readonly string[]): Promise<SecureActor[]> {
  for (const name of names) await Deno.mkdir(folder.join(name), { mode: 0o700 });
  return names.map((name) => new SecureActor(name, folder.join(name)));
}

/** The work during which the server is killed at one call after another. */
interface Scenario {
  readonly secure: boolean;
  /** Whether the server has not made its key and its catalog before. */
  readonly first: boolean;
  readonly prepare: (folder: TemporaryFolder) => Promise<Victim>;
}

interface Victim {
  readonly actor: Actor | SecureActor;
  /** Runs until the server is gone, or to the end. */
  readonly live: (address: Address) => Promise<void>;
  /** Stores one more file. */
  readonly storeLater: (address: Address) => Promise<void>;
}

const CONTENT = pseudoRandomBytes(300_000);

/** Uploads a file and overwrites it. */
const PLAIN: Scenario = {
  ...{ secure: false, first: true },
  prepare: () => {
    const actor = new Actor("Alice");
    return Promise.resolve({
      actor,
      live: async (address) => {
        using peer = await actor.enter(address);
        await actor.store(peer, "a", CONTENT);
        await actor.store(peer, "a", pseudoRandomBytes(1000, 2));
      },
      storeLater: async (address) => {
        using peer = await actor.enter(address);
        await actor.store(peer, "later", pseudoRandomBytes(1000, 3));
      },
    });
  },
};

/**
 * Uploads a file of two chunks and two files at once; overwrites, renames and removes one each; renames a folder, removes
 * and restores it, and restores an overwritten file; stores packs of small files, some of them again, updates and
 * downloads them; interrupts an upload and starts it again; uploads a file of unknown size, and interrupts another.
 */
const SECURE: Scenario = {
  ...{ secure: true, first: false },
  prepare: async (folder) => {
    const [actor] = await gather(folder, ["Alice"]) as [SecureActor];
    return {
      actor,
      live: async (address) => {
        using client = await actor.enter(address);
        await actor.store(client, [{ name: "a", content: pseudoRandomBytes(CHUNK_SIZE + 1) }]);
        const both = ["b", "c"].map((name) => ({ name, content: pseudoRandomBytes(1000) }));
        await actor.store(client, both);
        await actor.store(client, [{ name: "a", content: pseudoRandomBytes(1000, 2) }]);
        await actor.rename(client, "a", "d/a");
        await actor.remove(client, "b");
        await actor.renameFolder(client, "d", "f/g");
        await actor.undo(client, "f");
        await actor.overwriteAndUndo(client, "f/g/a", pseudoRandomBytes(20_000, 5));
        await actor.renameFolder(client, "f/g", "d");
        const small = [0, 10, 20_000, 40_000].map((size, i) => ({
          ...{ name: `pack/${i}`, content: pseudoRandomBytes(size, i) },
        }));
        await actor.pack(client, small);
        await actor.pack(client, [
          ...small.slice(0, 3),
          { name: "pack/3", content: pseudoRandomBytes(50_000, 7) },
          { name: "pack/4", content: pseudoRandomBytes(100, 8) },
        ]);
        await actor.update(client, ["pack/0", "pack/3"]);
        await actor.fetch(client, ["pack/0", "pack/2", "pack/3", "none"]);
        await actor.disconnectHalfway(address, "halfway", 1);
        await actor.disconnectHalfway(address, "halfway", 1);
        await actor.stream(address, "d/s", pseudoRandomBytes(CHUNK_SIZE + 1, 4));
        await actor.disconnectHalfway(address, "streamed halfway", 0, "unknown");
        await actor.compare(client, "d/a");
      },
      storeLater: async (address) => {
        using client = await actor.enter(address);
        await actor.store(client, [{ name: "later", content: pseudoRandomBytes(1000, 3) }]);
        await actor.compare(client, "later");
      },
    };
  },
};

/** Only starts and stops the server. */
const FIRST_START: Scenario = {
  ...{ secure: true, first: true },
  prepare: async (folder) => ({
    ...await SECURE.prepare(folder),
    live: () => Promise.resolve(),
  }),
};

/** Uploads a file and overwrites it, with the server killed before or after each of its calls in turn. */
export function killAtEveryCall(loop: Loop, { every = 1 } = {}): Promise<void> {
  return killThroughout(loop, PLAIN, every);
}

/** The same over protocol 4, from the server's first start. */
export async function killAtEveryCallSecurely(loop: Loop, { every = 1 } = {}): Promise<void> {
  await killThroughout(loop, FIRST_START, every);
  await killThroughout(loop, SECURE, every);
}

async function killThroughout(loop: Loop, scenario: Scenario, every: number): Promise<void> {
  for (const when of ["before", "after"] as const) {
    await loop.atCalls({ every, sideBySide: SIDE_BY_SIDE }, async (at) => {
      const killed = await killAtCall(scenario, { at, when });
      if (killed) loop.count(`killed ${when} a call`);
      return killed;
    });
  }
}

/** Returns whether the server reached the call and was killed. */
async function killAtCall(
  { secure, first, prepare }: Scenario,
  kill: NonNullable<FaultyServerOptions["kill"]>,
): Promise<boolean> {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const { actor, live, storeLater } = await prepare(folder);
  if (!first) await seedDataFolder(dataFolder);
  let killed: boolean;
  {
    await using server = new FaultyServer({ dataFolder, aheadMs: 0, secure, kill });
    const address = await server.address;
    if (address !== undefined) {
      await live(address).catch((error) => {
        if (!(error instanceof Lost)) throw error;
      });
    }
    killed = !(await server.stop());
  }
  try {
    await using server = await startIntact(dataFolder, LATER_MS);
    settle([actor], dataFolder);
    await storeLater(server.address);
    settle([actor], dataFolder);
  } catch (error) {
    throw new Error(`killed ${kill.when} call ${kill.at}: ${error}`, { cause: error });
  }
  return killed;
}

function startIntact(dataFolder: string, aheadMs: number): Promise<Server> {
  const loopback = { hostname: "127.0.0.1", port: 0 };
  const ports = { listen: [loopback], tlsListen: loopback };
  return startInThisThread({
    ...ports,
    dataFolder,
    clock: () => Date.now() + aheadMs,
    ticks: () => Date.now() + aheadMs,
    limits: { historyMs: Infinity },
  });
}

/** Asserts that the stored files are what the clients may expect, whole, and nothing else. */
function settle(actors: readonly (Actor | SecureActor)[], dataFolder: string): void {
  const stored = readWholeFolder(dataFolder);
  const names = actors.map(({ name }) => name);
  assert.deepEqual([...stored.keys()].filter((name) => !names.includes(name)), [], "users");
  for (const actor of actors) actor.settle(stored.get(actor.name));
}
