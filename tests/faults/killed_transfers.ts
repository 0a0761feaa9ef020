/** Uploads and downloads of a folder, whose client, server, or both are killed. Small entries travel in packs. */
import assert from "node:assert/strict";
import type { Address } from "../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { setTime } from "../../client/local/file_metadata.ts";
import type { ConnectOptions } from "../../client/v4/connect_options.ts";
import { verify } from "../../server/operator/verify.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { pathOfProgram } from "../support/programs.ts";
import { startInThisThread } from "../support/server.ts";
import { seedDataFolder } from "../support/store/seeded_folder.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";
import type { Dice } from "../support/v3/fuzz.ts";
import { getOutcomes } from "../support/v4/get_outcomes.ts";
import { putAll } from "../support/v4/put_all.ts";
import { readWholeFolder } from "./data_folder.ts";
import { FaultyServer } from "./faulty_server_process.ts";
import type { Loop } from "./loop.ts";
import {
  assertMixed,
  assertSame,
  contentsOf,
  listOf,
  stateOf,
  type TreeState,
} from "./tree_state.ts";

const CLIENT = pathOfProgram("tests/faults/killed_client.ts");
const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
/** The folder on both ends. */
const TREE = "tree";
const USER = "Alice";
const FOLDERS = ["a", "a/b", "c"];
/** Files of 64 KiB travel in packs, larger ones do not. */
const SIZES = [0, 10, 3000, 20_000, 60_000, 64 * 1024, 64 * 1024 + 1, 300_000, CHUNK_SIZE + 5];
const SMALL_SIZES = SIZES.slice(0, 6);
/** The number of files in the folder, enough for several packs. */
const FILES = 60;
/** The number of entries that change from round to round. */
const CHANGES = 20;
/** The time after the first output of a client within which most end by themselves, in milliseconds. */
const MAX_LIFE_MS = 400;
const BUG = 1;

/** Whether another thread writes small files. */
const THREADS = ["thread", "alone"] as const;
const VICTIMS = ["client", "server", "both"] as const;
type Victim = typeof VICTIMS[number];

/** What a command that may have been killed reported: events in order. */
type Reported = readonly Readonly<Record<string, unknown>>[];

/**
 * Changes a folder, uploads it and downloads it into another one. Each transfer is killed at a call to files, network or
 * database, or at a random moment, and then repeated. Each approved file is there. Each entry is as before, or as it
 * should be. Files that were stored already are not stored again.
 */
export async function killTransfers(loop: Loop): Promise<void> {
  await using folder = await TemporaryFolder.create();
  await seedDataFolder(folder.join("data"));
  const transfers = new Transfers(folder, loop);
  while (loop.next()) await transfers.round();
}

/** The number of calls until an end has done its work. It is found by kills that come too late. */
class Calls {
  #most = 400;

  roll(dice: Dice): number {
    return 1 + dice.roll(this.#most);
  }

  /** The end was not killed before its call `at`. */
  survived(at: number): void {
    this.#most = Math.max(20, Math.min(this.#most, Math.ceil(1.1 * at)));
  }
}

class Transfers {
  readonly #folder: TemporaryFolder;
  readonly #loop: Loop;
  readonly #calls: Record<string, Calls> = {};
  #time = 1_600_000_000_000_000_000n;
  #rounds = 0;

  constructor(folder: TemporaryFolder, loop: Loop) {
    this.#folder = folder;
    this.#loop = loop;
  }

  get #dice(): Dice {
    return this.#loop.dice;
  }

  async round(): Promise<void> {
    // Each server has another port. The list would grow to its limit.
    await Deno.remove(this.#path("known_servers")).catch(() => undefined);
    await this.#changeTree();
    const victim = VICTIMS[this.#rounds % VICTIMS.length] as Victim;
    this.#rounds++;
    await this.#put(victim);
    await this.#get(this.#dice.pick(VICTIMS));
  }

  async #put(victim: Victim): Promise<void> {
    const before = await this.#withServer(({ list }) => list());
    const reported = await this.#kill("put", victim, ["put", TREE]);
    // The server that starts now restores order after a kill.
    const left = await this.#withServer(({ list }) => list());
    await this.#checkFolder();
    const after = await this.#withServer(async ({ connect, list }) => {
      const outcomes = await putAll({ connect, paths: [this.#path(TREE)], as: TREE });
      const complete = await list();
      const stored = outcomes.flatMap((outcome) => {
        assert.ok(!("error" in outcome), "error" in outcome ? outcome.error.message : "");
        return outcome.state === "stored" ? [outcome.name] : [];
      });
      const again = stored.filter((name) =>
        left.has(name) && left.get(name)?.all === complete.get(name)?.all
      );
      assert.deepEqual(again, [], "stored already, and stored again");
      return complete;
    });
    await this.#checkFolder();
    const here = stateOf(this.#path(TREE), TREE);
    assertSame(contentsOf(after), contentsOf(here), "the server has the folder");
    assertMixed(left, before, after);
    for (const event of reported) {
      const name = String(event["name"] ?? event["path"]);
      const isDone = event["event"] === "stored" || event["event"] === "unchanged";
      if (isDone) assert.equal(left.get(name)?.all, after.get(name)?.all, `${name} was approved`);
      if (event["event"] === "not-stored" && event["state"] === "not-tried") {
        assert.equal(left.get(name)?.all, before.get(name)?.all, `${name} was not tried`);
      }
      if (isDone) this.#loop.count("approved");
    }
  }

  async #get(victim: Victim): Promise<void> {
    const target = this.#path("back");
    // New files get their names in another way than those that overwrite others.
    const isNew = this.#dice.roll(2) === 0;
    if (isNew) await Deno.remove(target, { recursive: true }).catch(() => undefined);
    const before = stateOf(target, TREE);
    const get = ["get", TREE, "--recursive", ...isNew ? [] : ["--force"], "-o", "back"];
    const reported = await this.#kill("get", victim, get);
    const left = stateOf(target, TREE);
    await this.#withServer(async ({ connect }) => {
      const run = { connect, names: [TREE], recursive: true, force: true, target };
      const failed = (await getOutcomes(run)).filter((outcome) => "error" in outcome);
      assert.deepEqual(failed, []);
    });
    await this.#checkFolder();
    const after = stateOf(target, TREE);
    assertSame(after, stateOf(this.#path(TREE), TREE), "the folder is downloaded");
    assertMixed(left, before, after);
    for (const { event, name } of reported) {
      if (event !== "got" && event !== "already-there") continue;
      const [is, should] = [left, after].map((state) => state.get(String(name))?.content);
      assert.equal(is, should, `${name} was reported as ${event}`);
      this.#loop.count("downloaded");
    }
  }

  /** Runs a command of the client that is killed, or whose server is, or both. Returns its events. */
  async #kill(command: string, victim: Victim, args: readonly string[]): Promise<Reported> {
    const kills = (end: Victim) => victim === end || victim === "both";
    const isAtCall = this.#dice.roll(2) === 0;
    const callOf = (end: "client" | "server") =>
      isAtCall && kills(end) ? this.#callsOf(command, end).roll(this.#dice) : undefined;
    const [clientAt, serverAt] = [callOf("client"), callOf("server")];
    const moment = isAtCall ? undefined : this.#dice.roll(MAX_LIFE_MS);
    const when = this.#dice.roll(2) === 0 ? "before" : "after";
    await using server = new FaultyServer({
      ...{ dataFolder: this.#folder.join("data"), aheadMs: 0, secure: true },
      ...serverAt === undefined ? {} : { kill: { at: serverAt, when } },
    });
    const address = await server.address;
    let events: Reported = [];
    if (address !== undefined) {
      const client = await this.#spawn(address, clientAt, args);
      let killing: ReturnType<typeof setTimeout> | undefined;
      const onOutput = () => {
        if (moment === undefined) return;
        killing ??= setTimeout(() => {
          if (kills("client")) killProcess(client);
          if (kills("server")) void server.kill();
        }, moment);
      };
      const [{ code, signal }, stdout, text] = await Promise.all([
        client.status,
        readAll(client.stdout, onOutput),
        new Response(client.stderr).text(),
      ]);
      clearTimeout(killing);
      assert.ok(signal === "SIGKILL" || (code !== BUG && signal === null), `${code}: ${text}`);
      if (clientAt !== undefined && signal === null) {
        this.#callsOf(command, "client").survived(clientAt);
      }
      events = eventsOf(stdout);
      this.#loop.count(`${command}: ${signal === "SIGKILL" ? "client killed" : `exit ${code}`}`);
    }
    if (moment !== undefined) await server.kill();
    else if (await server.stop()) {
      if (serverAt !== undefined) this.#callsOf(command, "server").survived(serverAt);
    } else this.#loop.count(`${command}: server killed`);
    return events;
  }

  #callsOf(command: string, end: string): Calls {
    return this.#calls[`${command} ${end}`] ??= new Calls();
  }

  async #spawn(
    { hostname, port }: Address,
    at: number | undefined,
    args: readonly string[],
  ): Promise<Deno.ChildProcess> {
    await this.#identity();
    const line = `${hostname}:${port}\n${USER}\na\n`;
    await Deno.writeTextFile(this.#path("transfer.info"), line);
    const run = [
      "run",
      "--quiet",
      "--no-check",
      "--allow-all",
      CLIENT,
      `${at ?? 0}`,
      this.#dice.pick(THREADS),
    ];
    return tiedCommand(Deno.execPath(), {
      args: [...run, "client", ...args, "--accept-new", "--retries", "0", "--json"],
      // Killed, it cannot remove its temporary files.
      env: { TMPDIR: this.#path("") },
      ...{ cwd: this.#path(""), stdin: "null", stdout: "piped", stderr: "piped" },
    }).spawn();
  }

  /** Does something with a server that nobody kills. */
  async #withServer<T>(
    work: (server: {
      readonly connect: ConnectOptions;
      readonly list: () => Promise<TreeState>;
    }) => Promise<T>,
  ): Promise<T> {
    const dataFolder = this.#folder.join("data");
    const limits = { historyMs: Infinity, inlineSize: 16 * 1024 };
    await using server = await startInThisThread({
      ...{ listen: [LOOPBACK], tlsListen: LOOPBACK, dataFolder, limits },
    });
    const connect = {
      ...{ server: server.address, userName: USER, identityFolder: await this.#identity() },
      onNewServer: () => true,
    };
    return await work({ connect, list: () => listOf(connect, TREE) });
  }

  async #identity(): Promise<string> {
    await Deno.mkdir(this.#path(""), { recursive: true, mode: 0o700 });
    return this.#path("");
  }

  /** Checks the data folder of a server that has stopped. */
  async #checkFolder(): Promise<void> {
    const dataFolder = this.#folder.join("data");
    readWholeFolder(dataFolder);
    const { findings, catalogFaults } = await verify({ dataFolder });
    assert.deepEqual([findings, catalogFaults], [0, []], "verify finds nothing");
    this.#loop.count("data folders checked");
  }

  /** Creates the folder, or changes some of it: contents, only modes and times, links, new files. */
  async #changeTree(): Promise<void> {
    const root = this.#path(TREE);
    const isNew = this.#rounds === 0;
    for (const folder of FOLDERS) await Deno.mkdir(`${root}/${folder}`, { recursive: true });
    const places = ["", ...FOLDERS.map((folder) => `${folder}/`)];
    const count = isNew ? FILES : CHANGES;
    for (let i = 0; i < count; i++) {
      const number = isNew ? i : this.#dice.roll(FILES + 5);
      const path = `${root}/${places[number % places.length]}f${number}`;
      this.#time += 1_000_000_001n;
      if (number % 20 === 19) {
        await Deno.remove(path).catch(() => undefined);
        await Deno.symlink(`f${this.#dice.roll(100)}`, path);
      } else {
        const isKept = this.#dice.roll(4) === 0 && await Deno.stat(path).catch(() => undefined);
        if (!isKept) await Deno.writeFile(path, this.#content(number));
        await Deno.chmod(path, this.#dice.pick([0o600, 0o644, 0o755]));
      }
      setTime(path, this.#time);
    }
    for (const folder of FOLDERS.toReversed()) setTime(`${root}/${folder}`, this.#time);
  }

  #content(number: number): Bytes {
    const sizes = number % 15 === 0 ? SIZES : SMALL_SIZES;
    return pseudoRandomBytes(this.#dice.pick(sizes), this.#dice.roll(2 ** 31));
  }

  #path(name: string): string {
    return this.#folder.join(USER, name);
  }
}

function killProcess(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // It has already ended.
  }
}

async function readAll(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  onOutput: () => void,
): Promise<Bytes> {
  const pieces: Bytes[] = [];
  for await (const piece of output) {
    pieces.push(piece);
    onOutput();
  }
  return concatBytes(...pieces);
}

/** Whole lines of JSON. The last line of a killed process can be incomplete. */
function eventsOf(output: Uint8Array): Reported {
  const lines = new TextDecoder().decode(output).split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}
