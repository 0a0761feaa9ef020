/** Servers whose calls to file system and database fail, a single one or all from some moment on. */
import assert from "node:assert/strict";
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { ConfigurationError } from "../../protocol/errors.ts";
import type { V4Client } from "../../client/v4/client.ts";
import { Server } from "../../server/server.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import {
  ERROR_NAMES,
  type ErrorName,
  type Fault,
  FaultySystem,
} from "../support/store/faulty_file_system.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { Actor, Lost, Refused } from "./actor.ts";
import { readFiles, readWholeFolder, type Stored } from "./data_folder.ts";
import type { Loop } from "./loop.ts";
import { SecureActor } from "./secure_actor.ts";

/** Longer than a registration without a key is kept. */
const LATER_MS = 11 * 60_000;

interface InjectedError {
  readonly what: string;
  readonly fault: Fault | undefined;
  /** Whether all later calls fail, too. */
  readonly lasts: boolean;
}

const INJECTED_ERRORS: readonly InjectedError[] = [
  ...ERROR_NAMES.flatMap((error) => [
    { what: `${error}, once`, fault: failing(error), lasts: false },
    { what: `${error}, from then on`, fault: failing(error), lasts: true },
  ]),
  { what: "EIO although done", fault: { ...failing("EIO"), when: "after" }, lasts: false },
  { what: "a short write", fault: { type: "short" }, lasts: false },
];

/** For counting calls. */
const SOUND: InjectedError = { what: "nothing", fault: undefined, lasts: false };

function failing(error: ErrorName): Extract<Fault, { type: "fail" }> {
  return { type: "fail", error, when: "before" };
}

interface Extent {
  /** The number of calls that fail, for each kind of fault. Without it, all of them. */
  readonly sample?: number;
}

/**
 * Uploads while a call fails, for each call and each fault. Nothing is confirmed that is not stored, and earlier files
 * stay. After the fault, the same server serves everybody.
 */
export function failEveryCall(loop: Loop, extent: Extent = {}): Promise<void> {
  return failThroughout(loop, gatherPlain, extent);
}

/** The same over protocol 4, with files of several chunks and several at once, renames, removals and downloads. */
export function failEveryCallSecurely(loop: Loop, extent: Extent = {}): Promise<void> {
  return failThroughout(loop, gatherSecure, extent);
}

async function failThroughout(loop: Loop, gather: Gather, { sample }: Extent): Promise<void> {
  const soundly = async () => (await failAt(SOUND, 1, gather)).calls;
  const calls = sample === undefined ? undefined : await soundly();
  for (const injected of INJECTED_ERRORS) {
    for (const at of loop.callsOf(calls, sample)) {
      const { reached, faults } = await failAt(injected, at, gather);
      if (!reached) break;
      if (faults > 0) loop.count(injected.what);
    }
  }
}

/** Clients of one protocol, and their work with a server. */
interface Cast {
  readonly actors: readonly (Actor | SecureActor)[];
  /** Before the fault. */
  readonly begin: (address: Address) => Promise<void>;
  /** Actions during the fault, in order. */
  readonly acts: readonly ((address: Address) => Promise<void>)[];
  /** After the fault. */
  readonly goOn: (address: Address) => Promise<void>;
}

type Gather = (folder: TemporaryFolder, options: { readonly trusting: boolean }) => Promise<Cast>;

const gatherPlain: Gather = (_folder, options) => {
  const [alice, bob, carol] = ["Alice", "Bob", "Carol"].map((name) => new Actor(name, options)) as [
    Actor,
    Actor,
    Actor,
  ];
  const store = async (address: Address, actor: Actor, name: string, size: number) => {
    using peer = await actor.enter(address);
    await actor.store(peer, name, contentOf(name, size));
  };
  return Promise.resolve({
    actors: [alice, bob, carol],
    begin: async (address) => {
      for (const actor of [alice, bob]) await store(address, actor, "a", 1000);
    },
    acts: [
      (address) => store(address, alice, "a", 300_000),
      (address) => store(address, alice, "b", 0),
      (address) => store(address, carol, "a", 1000),
    ],
    goOn: async (address) => {
      for (const actor of [alice, bob, carol]) await store(address, actor, "c", 100);
    },
  });
};

const gatherSecure: Gather = async (folder, options) => {
  const [alice, bob, carol] = await Promise.all(
    ["Alice", "Bob", "Carol"].map(async (name) => {
      await Deno.mkdir(folder.join(name), { mode: 0o700 });
      return new SecureActor(name, folder.join(name), options);
    }),
  ) as [SecureActor, SecureActor, SecureActor];
  const entered = async (
    actor: SecureActor,
    address: Address,
    act: (client: V4Client) => Promise<void>,
  ) => {
    using client = await actor.enter(address);
    await act(client);
  };
  const files = (...sizes: readonly (readonly [name: string, size: number])[]) =>
    sizes.map(([name, size]) => ({ name, content: contentOf(name, size) }));
  const small = files(...Array.from({ length: 8 }, (_, i) => [`small/${i}`, 100 * i] as const));
  return {
    actors: [alice, bob, carol],
    begin: async (address) => {
      const begun = files(["a", 1000], ["b", CHUNK_SIZE + 1], ["c", 10]);
      for (const actor of [alice, bob]) {
        await entered(actor, address, (client) => actor.store(client, begun));
      }
    },
    acts: [
      (address) =>
        entered(alice, address, (client) => alice.store(client, files(["a", 2 * CHUNK_SIZE + 1]))),
      (address) => entered(alice, address, (client) => alice.store(client, small)),
      (address) =>
        entered(alice, address, (client) => alice.pack(client, files(["a", 10], ["p", 40_000]))),
      (address) =>
        entered(alice, address, (client) => alice.pack(client, files(["p", 50_000], ["q", 10]))),
      (address) => entered(alice, address, (client) => alice.update(client, ["p", "q"])),
      (address) => entered(bob, address, (client) => bob.fetch(client, ["a", "c"])),
      (address) => entered(bob, address, (client) => bob.list(client)),
      (address) => entered(bob, address, (client) => bob.recheck(client, "b")),
      (address) => entered(alice, address, (client) => alice.rename(client, "b", "d/b")),
      (address) => entered(alice, address, (client) => alice.remove(client, "c")),
      (address) => entered(bob, address, (client) => bob.compare(client, "b")),
      (address) => bob.disconnectHalfway(address, "halfway", 1),
      (address) => bob.stream(address, "s", contentOf("s", CHUNK_SIZE + 1)),
      (address) => entered(carol, address, (client) => carol.store(client, files(["a", 1000]))),
    ],
    goOn: async (address) => {
      for (const actor of [alice, bob, carol]) {
        await entered(actor, address, async (client) => {
          await actor.store(client, files(["e", 100], ["f", CHUNK_SIZE + 100]));
          await actor.compare(client, "f");
        });
      }
    },
  };
};

function contentOf(name: string, size: number): Bytes {
  return pseudoRandomBytes(size, size + name.charCodeAt(0));
}

/** Starts a server while a call fails. It reports the failure, or serves. A later start finds everything. */
export async function failEveryCallOfStart(loop: Loop, { sample }: Extent = {}): Promise<void> {
  for (const fresh of [true, false]) {
    const calls = sample === undefined ? undefined : await failStartAt(undefined, 1, fresh);
    for (const error of ERROR_NAMES) {
      for (const at of loop.callsOf(calls, sample)) {
        if (await failStartAt(failing(error), at, fresh) < at) break;
        loop.count(`${error} at the start`);
      }
    }
  }
}

/** Returns whether the call was reached, the number of failures, and the number of calls. */
async function failAt({ what, fault, lasts }: InjectedError, at: number, gather: Gather) {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const trusting = fault?.type !== "fail" || fault.when === "before";
  const { actors, begin, acts, goOn } = await gather(folder, { trusting });
  const system = new FaultySystem();
  let aheadMs = 0;
  let [calls, reached] = [0, false];
  try {
    {
      await using server = await start(dataFolder, system, () => aheadMs);
      await begin(server.address);
      const armedAt = system.calls;
      system.plan = ({ number }) => {
        const strikes = lasts ? number >= armedAt + at : number === armedAt + at;
        reached ||= strikes;
        return strikes ? fault : undefined;
      };
      for (const act of acts) {
        const refused = await isRefused(() => act(server.address));
        assert.ok(!refused || fault?.type !== "short", "a short write is not a failure");
      }
      calls = system.calls - armedAt;
      system.plan = () => undefined;
      settle(actors, readFiles(dataFolder));
      aheadMs = LATER_MS;
      await goOn(server.address);
      settle(actors, readFiles(dataFolder));
    }
    await using _server = await start(dataFolder, new FaultySystem());
    settle(actors, readWholeFolder(dataFolder));
    return { reached, faults: system.faults, calls };
  } catch (error) {
    throw new Error(`${what} at call ${at}: ${error instanceof Error ? error.stack : error}`);
  }
}

/** Returns the number of calls of the start. */
async function failStartAt(fault: Fault | undefined, at: number, fresh: boolean): Promise<number> {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  // A client of protocol 4 recognizes the server, or refuses it.
  const [alice, bob] = [new Actor("Alice"), new SecureActor("Bob", folder.path)];
  const storeOne = async ({ address }: Server, name: string) => {
    const content = contentOf(name, 1000);
    using peer = await alice.enter(address);
    await alice.store(peer, name, content);
    using client = await bob.enter(address);
    await bob.store(client, [{ name, content }]);
  };
  if (!fresh) {
    await using server = await start(dataFolder, new FaultySystem());
    await storeOne(server, "a");
    // The state that a server leaves if it is killed during an upload.
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
  const { calls } = system;
  await using server = await start(dataFolder, new FaultySystem());
  settle([alice, bob], readWholeFolder(dataFolder));
  await storeOne(server, "b");
  return calls;
}

function start(dataFolder: string, system: FaultySystem, aheadMs = () => 0): Promise<Server> {
  const { fileSystem, openCatalog } = system;
  const loopback = { hostname: "127.0.0.1", port: 0 };
  const ports = { listen: [loopback], tlsListen: loopback };
  const clock = () => Date.now() + aheadMs();
  // Packs then have contents in the catalog and in files of their own.
  const limits = { inlineSize: 16 * 1024 };
  return Server.start({
    ...ports,
    dataFolder,
    limits,
    clock,
    ticks: clock,
    fileSystem,
    openCatalog,
  });
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

function settle(actors: readonly (Actor | SecureActor)[], stored: Stored): void {
  for (const actor of actors) actor.settle(stored.get(actor.name));
}
