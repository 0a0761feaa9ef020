/** Networks that cut, change, delay and split the data between client and server of protocol 4. */
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { getFile } from "../../client/v4/get_files.ts";
import { getOutcomes } from "../support/v4/get_outcomes.ts";
import { putAll } from "../support/v4/put_all.ts";
import type { PutOutcome } from "../../client/v4/put_options.ts";
import { RESPONSE_HEADER_SIZE } from "../../protocol/header.ts";
import { UsageError, XferError } from "../../protocol/errors.ts";
import { HELLO } from "../../protocol/hello.ts";
import type { Address } from "../../protocol/address.ts";
import type { ConnectOptions } from "../../client/v4/connect_options.ts";
import type { TransferOptions } from "../../client/v4/connection_pool.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { MAX_PACKED_SIZE } from "../../protocol/v4/pack.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import type { Direction } from "../support/net/faulty_proxy.ts";
import { countInto, cutAt, flipAt, reshape } from "../support/net/tamper.ts";
import { type SecureFaults, SecureProxy } from "../support/net/tls_proxy.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { readFiles, readWholeFolder } from "./data_folder.ts";
import type { Loop } from "./loop.ts";
import { startInThisThread } from "../support/server.ts";

const USER = "Alice";
const FILES: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  a: pseudoRandomBytes(100),
  b: pseudoRandomBytes(CHUNK_SIZE + 3000, 2),
};
/** Small files of a folder, which travel in packs and fetches. */
const SMALL: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = Object.fromEntries(
  [0, 10, 3000, 40_000, MAX_PACKED_SIZE].map((size, i) => [`s/${i}`, pseudoRandomBytes(size, i)]),
);
const FOLDER = "s";
const STORED: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  ...FILES,
  ...SMALL,
  [FOLDER]: new Uint8Array(0),
};
/** The file that is downloaded, and the folder. */
const WANTED = "b";
const DIRECTIONS: readonly Direction[] = ["up", "down"];
const ENDINGS = ["fin", "rst"] as const;
const RETRIES = 2;
/** The wait if a length was changed. Normal answers take a few milliseconds. */
const PATIENCE_MS = 1000;
/** The wait if nothing has to time out, so that a busy machine changes no result. */
const LONG_PATIENCE_MS = 30_000;

/** Cuts the connection of the hello before each `every`th byte, with each ending, in both directions. */
export async function cutHello(loop: Loop, { every = 1 } = {}): Promise<void> {
  const { plain } = await measure();
  for (const direction of DIRECTIONS) {
    for (const ending of ENDINGS) {
      for (let place = loop.dice.roll(every); place < plain[direction]; place += every) {
        if (!loop.next()) return;
        const faults = { plain: { [direction]: cutAt(place, ending) } };
        await onFaultyNetwork(`hello: ${ending} before byte ${place} ${direction}`, faults);
        loop.count(`hellos cut by ${ending}`);
      }
    }
  }
}

/** Changes one byte of the hello or its answer, every `every`th in turn. */
export async function flipHello(loop: Loop, { every = 1 } = {}): Promise<void> {
  const { plain } = await measure();
  for (const direction of DIRECTIONS) {
    for (let place = loop.dice.roll(every); place < plain[direction]; place += every) {
      if (!loop.next()) return;
      const mask = 1 + loop.dice.roll(255);
      const faults = { plain: { [direction]: flipAt(place, mask) } };
      await onFaultyNetwork(`hello: byte ${place} ${direction} changed by ${mask}`, faults);
      loop.count("hellos changed");
    }
  }
}

/**
 * Cuts the TLS connections at `places` places, with each ending, in both directions: everything succeeds in the end.
 */
export async function cutSecurely(loop: Loop, { places = 10 } = {}): Promise<void> {
  await injectIntoTls(loop, places, async (place, direction) => {
    const ending = loop.dice.pick(ENDINGS);
    const faults = { secure: { [direction]: cutAt(place, ending) } };
    const what = `${ending} before byte ${place} ${direction}`;
    const { outcomes, isUpdated, got } = await onFaultyNetwork(what, faults, {
      patienceMs: LONG_PATIENCE_MS,
    });
    assert.deepEqual([statesOf(outcomes), isUpdated, got], [["stored"], true, true], what);
    loop.count(`secure connections cut by ${ending}`);
  });
}

/** Changes one byte at `places` places of the TLS connections: TLS detects it, and another attempt succeeds. */
export async function flipSecurely(loop: Loop, { places = 10 } = {}): Promise<void> {
  await injectIntoTls(loop, places, async (place, direction) => {
    const mask = 1 + loop.dice.roll(255);
    const faults = { secure: { [direction]: flipAt(place, mask) } };
    await onFaultyNetwork(`byte ${place} ${direction} changed by ${mask}`, faults);
    loop.count("bytes changed on secure connections");
  });
}

/** Delays, merges and splits segments: everything is stored at the first attempt. */
export async function reshapeSecurely(loop: Loop): Promise<void> {
  while (loop.next()) {
    const both = { up: reshape(loop.dice), down: reshape(loop.dice) };
    const { outcomes, got } = await onFaultyNetwork("reshaped", { plain: both, secure: both }, {
      retries: 0,
      patienceMs: LONG_PATIENCE_MS,
    });
    assert.deepEqual([statesOf(outcomes), got], [["stored"], true]);
    loop.count("reshaped secure sessions");
  }
}

async function injectIntoTls(
  loop: Loop,
  places: number,
  inject: (place: number, direction: Direction) => Promise<void>,
): Promise<void> {
  const { secure } = await measure();
  for (const direction of DIRECTIONS) {
    for (let i = 0; i < places; i++) {
      if (!loop.next()) return;
      // Half of the places are in the first kilobytes, which contain handshake, sign-in and the small file.
      const end = i % 2 === 0 ? Math.min(6000, secure[direction]) : secure[direction];
      await inject(loop.dice.roll(end), direction);
    }
  }
}

type Lengths = Record<Direction, number>;

/** The number of bytes of an undisturbed run. A little less if lengths vary between runs. */
async function measure(): Promise<{ plain: Lengths; secure: Lengths }> {
  const counters = { up: { bytes: 0 }, down: { bytes: 0 } };
  const secure = { up: countInto(counters.up), down: countInto(counters.down) };
  const answer = { bytes: 0 };
  const plain = { down: countInto(answer) };
  const { outcomes, hellos } = await onFaultyNetwork("measured", { plain, secure }, {
    patienceMs: LONG_PATIENCE_MS,
  });
  assert.deepEqual(statesOf(outcomes), ["stored"]);
  assert.ok(answer.bytes / hellos > RESPONSE_HEADER_SIZE);
  return {
    plain: { up: HELLO.length, down: Math.floor(answer.bytes / hellos) },
    secure: { up: counters.up.bytes - 100, down: counters.down.bytes - 100 },
  };
}

/** The states of all entries, once each. */
function statesOf(outcomes: readonly PutOutcome[] = []): string[] {
  assert.ok(outcomes.length === 0 || outcomes.length === Object.keys(STORED).length);
  return [...new Set(outcomes.map(({ state }) => state))];
}

interface Course {
  /** `undefined` if the client did not sign in. */
  readonly outcomes: readonly PutOutcome[] | undefined;
  /** Whether the file was downloaded. */
  readonly got: boolean;
  /** Whether the folder was uploaded again after a change of permissions and times only. */
  readonly isUpdated: boolean;
  /** The number of hellos that the client sent. */
  readonly hellos: number;
}

/**
 * Runs a new client that uploads files and downloads one over a faulty network. Asserts that its results are true, that
 * downloads equal the source, that every error has a code, and that protocol 3 is never used. Later, over a sound
 * network, the same client can do everything.
 */
async function onFaultyNetwork(
  what: string,
  { plain = {}, secure = {} }: SecureFaults,
  { retries = RETRIES, patienceMs = PATIENCE_MS } = {},
): Promise<Course> {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const paths: string[] = [];
  for (const [name, content] of Object.entries(FILES)) {
    paths.push(await folder.write(name, content));
  }
  await Deno.mkdir(folder.join(FOLDER));
  for (const [name, content] of Object.entries(SMALL)) await folder.write(name, content);
  paths.push(folder.join(FOLDER));
  await Deno.mkdir(folder.join("identity"), { mode: 0o700 });
  const loopback = { hostname: "127.0.0.1", port: 0 };
  let hellos = 0;
  const serve = (ms: number) =>
    startInThisThread({
      ...{ listen: [loopback], tlsListen: loopback, dataFolder },
      limits: { idleTimeoutMs: ms, requestTimeoutMs: ms, stallTimeoutMs: ms },
    });
  const run = async (address: Address, waitMs: number): Promise<Course> => {
    const connect = {
      ...{ server: address, userName: USER, identityFolder: folder.join("identity") },
      timeouts: { responseMs: waitMs, connectMs: waitMs },
      onNewServer: () => true,
    };
    const transfer = { retries, pause: () => Promise.resolve() };
    const outcomes = await typed(() => putAll({ connect, transfer, paths }));
    const again = await putTouched(connect, transfer, folder.join(FOLDER));
    const target = folder.join("got");
    await Deno.remove(target).catch(() => undefined);
    const got = await typed(() => getFile({ connect, transfer, name: WANTED, target }));
    const content = await Deno.readFile(target).catch(() => undefined);
    assert.deepEqual(content, got && FILES[WANTED], "a download is whole, or missing");
    const small = await getSmall(connect, transfer, folder.join("got-s"));
    return { outcomes, got: got !== undefined && small, isUpdated: again, hellos };
  };
  try {
    let course: Course;
    {
      await using server = await serve(patienceMs / 2);
      const counted = () => {
        hellos++;
        return (plain.up ?? (() => (bytes) => [bytes]))();
      };
      const faults = { plain: { ...plain, up: counted }, secure };
      await using proxy = await SecureProxy.start(server, faults);
      course = await run(proxy.address, patienceMs);
      assertReported(course.outcomes ?? [], folder.path, dataFolder);
    }
    {
      await using server = await serve(LONG_PATIENCE_MS);
      const later = await run(server.address, LONG_PATIENCE_MS);
      const states = statesOf(later.outcomes);
      const isThere = (state: string) => state === "stored" || state === "unchanged";
      assert.ok(states.length > 0 && states.every(isThere), `later: ${states}`);
      assert.ok(later.got, "later it is downloaded");
      assert.ok(later.isUpdated, "later its times are updated");
    }
    assert.deepEqual(readWholeFolder(dataFolder).get(USER), new Map(Object.entries(STORED)));
    const left = [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
    assert.deepEqual(
      left,
      ["a", "b", "data", "got", "got-s", "identity", "s"],
      "the client leaves nothing else",
    );
    return { ...course, hellos };
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.stack : error}`, { cause: error });
  }
}

/**
 * Changes permissions and times of the files of the folder, and uploads it again: the server gets no content. Returns
 * whether all of it was done.
 */
async function putTouched(
  connect: ConnectOptions,
  transfer: TransferOptions,
  path: string,
): Promise<boolean> {
  const now = Date.now() / 1000;
  for (const name of Object.keys(SMALL)) {
    const file = join(path, name.slice(FOLDER.length + 1));
    await Deno.chmod(file, 0o600);
    await Deno.utime(file, now, now - 1000);
  }
  const outcomes = await typed(() => putAll({ connect, transfer, paths: [path] })) ?? [];
  const done = outcomes.filter(({ state }) => state === "updated" || state === "unchanged");
  return done.length === Object.keys(SMALL).length + 1;
}

/** Downloads the folder. Every file of it is whole, or missing. Returns whether none is missing. */
async function getSmall(
  connect: ConnectOptions,
  transfer: TransferOptions,
  target: string,
): Promise<boolean> {
  await Deno.remove(target, { recursive: true }).catch(() => undefined);
  const options = { connect, transfer, names: [FOLDER], recursive: true, target };
  const outcomes = await typed(() => getOutcomes(options)) ?? [];
  let missing = 0;
  for (const [name, content] of Object.entries(SMALL)) {
    const path = `${target}/${name.slice(FOLDER.length + 1)}`;
    const found = await Deno.readFile(path).catch(() => undefined);
    if (found === undefined) missing++;
    else assert.deepEqual(found, content, `${name} is whole, or missing`);
    const outcome = outcomes.find((one) => one.name === name);
    const isGot = outcome !== undefined && "state" in outcome && outcome.state === "got";
    if (isGot) assert.ok(found !== undefined, `${name} was reported`);
  }
  return missing === 0;
}

/** The result, or `undefined` for an error with a code of ours. */
async function typed<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof XferError && !(error instanceof UsageError)) return undefined;
    throw error;
  }
}

function assertReported(
  outcomes: readonly PutOutcome[],
  folder: string,
  dataFolder: string,
): void {
  const stored = readFiles(dataFolder);
  assert.deepEqual([...stored.keys()].filter((user) => user !== USER), [], "files of other users");
  const files = stored.get(USER);
  for (const [name, content] of files ?? []) {
    assert.deepEqual(content, STORED[name], `${name} differs from what was sent`);
  }
  for (const outcome of outcomes) {
    const { state } = outcome;
    if (state === "unknown") continue;
    const path = "path" in outcome ? outcome.path : "file" in outcome ? outcome.file.path : "";
    const name = relative(folder, path);
    assert.equal(files?.has(name) ?? false, state === "stored", `${name}: ${state}`);
  }
}
