/** Networks that cut, delay, split and change the data between a client and a server. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  type Edition,
  FIELDS,
  type Layout,
  type RequestKind,
  type ResponseKind,
} from "../../protocol/v3/editions/edition.ts";
import { edition2023c } from "../../protocol/v3/editions/edition_2023c.ts";
import { generatePrivateKey } from "../../protocol/cipher/rsa.ts";
import type { Outcome } from "../../client/events.ts";
import { sendFiles } from "../../client/v3/send_files.ts";
import { nameOf } from "../support/outcomes.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { type Direction, type Faults, FaultyProxy } from "../support/net/faulty_proxy.ts";
import { countInto, cutAt, flipAt, reshape } from "../support/net/tamper.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { readFiles, readWholeFolder } from "./data_folder.ts";
import type { Loop } from "./loop.ts";
import { startInThisThread } from "../support/server.ts";

const USER = "Alice";
/** The second run reconnects instead of registering. */
const FILES = { a: pseudoRandomBytes(100), b: pseudoRandomBytes(40, 2) };
/** Ciphertext has up to one block more. */
const CONTENT_SIZES = [112, 48];
/** Longer than a registration without a key is kept. */
const LATER_MS = 11 * 60_000;
/** The wait for an answer if a length was changed. A normal answer takes milliseconds, on a busy machine hundreds. */
const RESPONSE_MS = 1000;
const RETRIES = 2;
/** Making a key for each client would take longer than everything else. */
const PRIVATE_KEY = await generatePrivateKey().then((key) => Buffer.from(key).toString("base64"));
const DIRECTIONS: readonly Direction[] = ["up", "down"];
const ENDINGS = ["fin", "rst"] as const;

const REQUESTS: readonly RequestKind[] = [
  ...["register", "publicKey", "sendFile", "crcValid"] as const,
  ...["reconnect", "sendFile", "crcValid"] as const,
];
const RESPONSES: readonly ResponseKind[] = [
  ...["registered", "keyReceived", "fileReceived", "messageReceived"] as const,
  ...["reconnected", "fileReceived", "messageReceived"] as const,
];

/** The places in a run of two files at which a field begins, as offsets in bytes, by direction. */
function fieldBoundaries(edition: Edition): Record<Direction, number[]> {
  const contents = [...CONTENT_SIZES];
  const sizesOf = (header: readonly number[], layout: Layout | undefined) => [
    ...header,
    ...(layout?.fields ?? assert.fail("the edition has no such message"))
      .map((field) => FIELDS[field].size),
    ...(layout === edition.requests.sendFile ? [contents.shift() ?? assert.fail()] : []),
  ];
  return {
    up: starts(REQUESTS.flatMap((kind) => sizesOf([16, 1, 2, 4], edition.requests[kind]))),
    down: starts(RESPONSES.flatMap((kind) => sizesOf([1, 2, 4], edition.responses[kind]))),
  };
}

function starts(sizes: readonly number[]): number[] {
  let sum = 0;
  return sizes.map((size) => (sum += size) - size);
}

/**
 * Cuts at every field boundary in both directions, with each ending, and at random places. With `sample`, only at that
 * many of these places in each direction.
 */
export async function cutEverywhere(
  loop: Loop,
  { random = 20, sample = Infinity } = {},
): Promise<void> {
  const lengths = await measure();
  const boundaries = fieldBoundaries(edition2023c);
  for (const direction of DIRECTIONS) {
    const places = boundaries[direction];
    assert.ok((places.at(-1) ?? 0) < lengths[direction], "a boundary after the end");
    const more = Array.from({ length: random }, () => loop.dice.roll(lengths[direction]));
    for (const ending of ENDINGS) {
      for (const place of loop.shuffled([...places, ...more]).slice(0, sample)) {
        if (!loop.next()) return;
        const what = `${ending} before byte ${place} ${direction}`;
        await onFaultyNetwork(what, { [direction]: cutAt(place, ending) }, (outcomes) => {
          const isLostName = outcomes[0]?.state !== "stored" && direction === "down" && place < 23;
          // Only a name whose registration was not answered cannot be registered again at once.
          const expected = isLostName ? ["not-stored", "not-tried"] : ["stored", "stored"];
          assert.deepEqual(outcomes.map(({ state }) => state), expected, what);
        });
        loop.count(`cuts by ${ending}`);
      }
    }
  }
}

/** Changes one byte in transit, at every `every`th offset in both directions. */
export async function flipEverywhere(loop: Loop, { every = 1 } = {}): Promise<void> {
  const lengths = await measure();
  for (const direction of DIRECTIONS) {
    const first = loop.dice.roll(every);
    for (let place = first; place < lengths[direction]; place += every) {
      if (!loop.next()) return;
      const mask = loop.dice.roll(2) === 0 ? 1 << loop.dice.roll(8) : 1 + loop.dice.roll(255);
      const what = `byte ${place} ${direction} changed by ${mask}`;
      await onFaultyNetwork(what, { [direction]: flipAt(place, mask) }, () => loop.count("flips"));
    }
  }
}

/** Delays, merges and splits segments: everything is stored at the first attempt. */
export async function reshapeEverything(loop: Loop): Promise<void> {
  while (loop.next()) {
    const faults = { up: reshape(loop.dice), down: reshape(loop.dice) };
    await onFaultyNetwork("reshaped", faults, (outcomes) => {
      assert.deepEqual(outcomes.map(({ state }) => state), ["stored", "stored"]);
      loop.count("reshaped sessions");
    }, { retries: 0, responseMs: 30_000 });
  }
}

/** The number of bytes of an undisturbed run. */
async function measure(): Promise<Record<Direction, number>> {
  const [up, down] = [{ bytes: 0 }, { bytes: 0 }];
  await onFaultyNetwork("measured", { up: countInto(up), down: countInto(down) }, (outcomes) => {
    assert.deepEqual(outcomes.map(({ state }) => state), ["stored", "stored"]);
  });
  return { up: up.bytes, down: down.bytes };
}

/**
 * Runs a new client over a faulty network. Asserts that its results are true, that only files it sent are stored, and
 * that the same client can store everything later, over a sound network.
 */
async function onFaultyNetwork(
  what: string,
  faults: Faults,
  judge: (outcomes: readonly Outcome[]) => void,
  { retries = RETRIES, responseMs = RESPONSE_MS } = {},
): Promise<void> {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  await folder.write("priv.key", PRIVATE_KEY);
  await Deno.chmod(folder.join("priv.key"), 0o600);
  for (const [name, content] of Object.entries(FILES)) await folder.write(name, content);
  let aheadMs = 0;
  try {
    {
      await using server = await startInThisThread({
        listen: [{ hostname: "127.0.0.1", port: 0 }],
        dataFolder,
        clock: () => Date.now() + aheadMs,
        ticks: () => Date.now() + aheadMs,
      });
      const send = (address = server.address) =>
        sendFiles({
          connect: {
            server: address,
            userName: USER,
            identityFolder: folder.path,
            timeouts: { responseMs },
          },
          retry: { retries, pause: () => Promise.resolve() },
          files: Object.keys(FILES).map((name) => folder.join(name)),
        });
      {
        await using proxy = await FaultyProxy.start(server.address, faults);
        const outcomes = await send(proxy.address);
        assertReported(outcomes, dataFolder);
        judge(outcomes);
      }
      aheadMs = LATER_MS;
      const outcomes = await send();
      assert.deepEqual(outcomes.map(({ state }) => state), ["stored", "stored"], "later");
    }
    assert.deepEqual([...readWholeFolder(dataFolder).get(USER)?.keys() ?? []], Object.keys(FILES));
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.stack : error}`, { cause: error });
  }
}

function assertReported(outcomes: readonly Outcome[], dataFolder: string): void {
  const stored = readFiles(dataFolder);
  assert.deepEqual([...stored.keys()].filter((user) => user !== USER), [], "files of other users");
  const files = stored.get(USER);
  for (const [name, content] of files ?? []) {
    assert.deepEqual(
      content,
      FILES[name as keyof typeof FILES],
      `${name} differs from what was sent`,
    );
  }
  for (const outcome of outcomes) {
    const { state } = outcome;
    if (state === "unknown") continue;
    const name = nameOf(outcome);
    assert.equal(files?.has(name) ?? false, state === "stored", `${name}: ${state}`);
  }
}
