/** Servers that are killed, at any moment and at every call to file system and database. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Address, Server } from "../../mod.ts";
import { pseudoRandomBytes } from "../helpers/bytes.ts";
import { TemporaryFolder } from "../helpers/temporary.ts";
import { Actor, Lost } from "./actor.ts";
import { readWholeFolder } from "./data_folder.ts";
import type { FaultyServerOptions } from "./faulty_server.ts";
import type { Loop } from "./loop.ts";

const PROGRAM = fileURLToPath(new URL("faulty_server.ts", import.meta.url));
/** More than a registration without a key is kept. */
const LATER_MS = 11 * 60_000;
const CLIENTS = ["Alice", "Bob", "Carol", "Dave"] as const;
/** A server is left alone for up to this long before it is killed. */
const MAX_LIFE_MS = 200;
const SIDE_BY_SIDE = 2;

/** A process of `faulty_server.ts`. Killed with the scope that holds it. */
class FaultyServer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  /** Where it listens; `undefined` where it died before it did. */
  readonly address: Promise<Address | undefined>;

  constructor(options: FaultyServerOptions) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--allow-all", PROGRAM, JSON.stringify(options)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.address = this.#readAddress();
  }

  /** Ends at once. */
  async kill(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
    await this.#ended();
  }

  /** Stops gracefully. Returns whether it got to the end without having killed itself. */
  async stop(): Promise<boolean> {
    await this.#process.stdin.close().catch(() => undefined);
    const { code, signal } = await this.#ended();
    assert.ok(code === 0 || signal === "SIGKILL", `the server ended with ${code} (${signal})`);
    return code === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #ended(): Promise<Deno.CommandStatus> {
    const status = await this.#process.status;
    await this.address;
    if (!this.#process.stdin.locked) await this.#process.stdin.abort().catch(() => undefined);
    return status;
  }

  async #readAddress(): Promise<Address | undefined> {
    let text = "";
    for await (const part of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.endsWith("\n")) break;
    }
    return text === "" ? undefined : { hostname: "127.0.0.1", port: Number(text) };
  }
}

/** One data folder, and server after server on it, each killed at some moment with its clients at work. */
export async function killAtAnyMoment(loop: Loop): Promise<void> {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const actors = CLIENTS.map((name) => new Actor(name));
  for (let aheadMs = 0; loop.next(); aheadMs += LATER_MS) {
    await using server = new FaultyServer({ dataFolder, aheadMs });
    const address = await server.address;
    assert.ok(address !== undefined, "a server that was not killed does not start");
    settle(actors, dataFolder);
    loop.count("restarts checked");
    const lives = { on: true };
    const acting = actors.map((actor) => actUntilLost(actor, address, loop, lives));
    const killing = new Promise((resolve) => setTimeout(resolve, loop.dice.roll(MAX_LIFE_MS)))
      .then(() => {
        lives.on = false;
        return server.kill();
      });
    await Promise.all([...acting, killing]);
    loop.count("kills");
  }
  await using _last = await startSound(dataFolder, loop.begun * LATER_MS);
  settle(actors, dataFolder);
  loop.count("restarts checked");
}

async function actUntilLost(
  actor: Actor,
  address: Address,
  loop: Loop,
  server: { readonly on: boolean },
): Promise<void> {
  try {
    while (server.on) {
      using peer = await actor.enter(address);
      for (let acts = 1 + loop.dice.roll(4); acts > 0; acts--) {
        loop.count(await actor.actAtRandom(peer, loop.dice));
      }
    }
  } catch (error) {
    if (!(error instanceof Lost) || server.on) throw error;
  }
}

/** One upload and its replacement, with the server killed before or after each of its calls in turn. */
export async function killAtEveryCall(loop: Loop): Promise<void> {
  for (const when of ["before", "after"] as const) {
    let next = 1;
    let reachedEnd = false;
    const lane = async () => {
      while (!reachedEnd && loop.next()) {
        if (await killAtCall({ at: next++, when })) loop.count(`killed ${when} a call`);
        else reachedEnd = true;
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
  }
}

/** Returns whether the server got as far as to be killed. */
async function killAtCall(kill: NonNullable<FaultyServerOptions["kill"]>): Promise<boolean> {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const actor = new Actor("Alice");
  let killed: boolean;
  {
    await using server = new FaultyServer({ dataFolder, aheadMs: 0, kill });
    const address = await server.address;
    if (address !== undefined) await storeTwice(actor, address);
    killed = !(await server.stop());
  }
  try {
    await using server = await startSound(dataFolder, LATER_MS);
    settle([actor], dataFolder);
    using peer = await actor.enter(server.address);
    await actor.store(peer, "later", pseudoRandomBytes(1000, 3));
    settle([actor], dataFolder);
  } catch (error) {
    throw new Error(`killed ${kill.when} call ${kill.at}: ${error}`, { cause: error });
  }
  return killed;
}

async function storeTwice(actor: Actor, address: Address): Promise<void> {
  try {
    using peer = await actor.enter(address);
    await actor.store(peer, "a", pseudoRandomBytes(300_000));
    await actor.store(peer, "a", pseudoRandomBytes(1000, 2));
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
  }
}

function startSound(dataFolder: string, aheadMs: number): Promise<Server> {
  const listen = [{ hostname: "127.0.0.1", port: 0 }];
  return Server.start({ listen, dataFolder, clock: () => Date.now() + aheadMs });
}

/** What is stored is what the clients may expect, whole, and nothing else. */
function settle(actors: readonly Actor[], dataFolder: string): void {
  const stored = readWholeFolder(dataFolder);
  const names = actors.map(({ name }) => name);
  assert.deepEqual([...stored.keys()].filter((name) => !names.includes(name)), [], "users");
  for (const actor of actors) actor.settle(stored.get(actor.name));
}
