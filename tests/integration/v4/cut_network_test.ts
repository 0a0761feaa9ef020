/** Networks that cut every connection after a while: retries are used up only by attempts without progress. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { getFile } from "../../../client/v4/get_files.ts";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import { putAll } from "../../support/v4/put_all.ts";
import type { Retry } from "../../../client/net/retry.ts";
import { ConnectionPool, type TransferOptions } from "../../../client/v4/connection_pool.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import type { Direction, Fault } from "../../support/net/faulty_proxy.ts";
import { SecureProxy } from "../../support/net/tls_proxy.ts";
import { Fixture } from "../../support/v4/fixture.ts";

const MIB = 1024 * 1024;
/** The longest first wait, with the random number below. */
const FIRST_WAIT = 999;
/** Bytes after which every attempt is cut. */
const EACH = 6 * CHUNK_SIZE;
const LARGE = pseudoRandomBytes(40 * MIB);
/** Fewer than the needed attempts. */
const RETRIES = 2;

interface Cut {
  readonly fixture: Fixture;
  readonly connect: ConnectOptions;
  readonly transfer: TransferOptions;
  readonly retries: readonly Retry[];
}

/**
 * A client whose connections are cut after a number of bytes in one direction. `bytes` is called for each connection.
 */
function test(
  what: string,
  way: Direction,
  bytes: () => number,
  work: (cut: Cut) => Promise<void>,
) {
  Deno.test(`a network that cuts: ${what}`, async () => {
    await using fixture = await Fixture.create();
    (await fixture.client("Alice"))[Symbol.dispose]();
    const fault = (): Fault => {
      let left = bytes();
      return (passed) => {
        const whole = passed.length < left;
        const part = passed.slice(0, left);
        left -= part.length;
        return whole ? [part] : [part, "fin"];
      };
    };
    await using proxy = await SecureProxy.start(fixture.server, { secure: { [way]: fault } });
    const retries: Retry[] = [];
    const connect = await fixture.options("Alice", { server: proxy.address });
    const transfer = {
      ...{ retries: RETRIES, random: () => 0.999, onRetry: (retry: Retry) => retries.push(retry) },
      pause: () => Promise.resolve(),
    };
    await work({ fixture, connect, transfer, retries });
  });
}

/** Asserts that there were more attempts than `retries`, each counted as a first retry. */
function assertFirst(retries: readonly Retry[]): void {
  assert.ok(retries.length > RETRIES, `${retries.length} retries`);
  for (const { retry, retries: most, delayMs } of retries) {
    assert.deepEqual([retry, most], [1, RETRIES]);
    assert.ok(delayMs <= FIRST_WAIT);
  }
}

const always = (bytes: number) => () => bytes;

test("a large file is uploaded, however often it is cut", "up", always(EACH), async (cut) => {
  const path = cut.fixture.folder.join("large");
  await Deno.writeFile(path, LARGE);
  const [outcome] = await putAll({ ...cut, paths: [path] });
  assert.equal(outcome?.state, "stored");
  assertFirst(cut.retries);
});

test("a file sent over several connections is uploaded", "up", always(3 * EACH), async (cut) => {
  const path = cut.fixture.folder.join("large");
  await Deno.writeFile(path, LARGE.subarray(0, 36 * MIB));
  const [outcome] = await putAll({
    connect: cut.connect,
    transfer: { ...cut.transfer, parallel: 2 },
    paths: [path],
  });
  assert.equal(outcome?.state, "stored");
});

test("a folder of small files is uploaded", "down", always(1200), async (cut) => {
  await Deno.mkdir(cut.fixture.folder.join("small"));
  for (let i = 0; i < 100; i++) {
    await cut.fixture.folder.write(`small/${i}`, pseudoRandomBytes(60_000, i));
  }
  const outcomes = await putAll({
    ...cut,
    paths: [cut.fixture.folder.join("small")],
  });
  assert.ok(outcomes.every(({ state }) => state === "stored"));
  assertFirst(cut.retries);
});

async function prepare(
  { fixture }: Cut,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<void> {
  for (const name of Object.keys(files)) {
    await Deno.mkdir(dirname(fixture.folder.join(name)), { recursive: true });
  }
  for (const [name, content] of Object.entries(files)) await fixture.folder.write(name, content);
  const tops = [...new Set(Object.keys(files).map((name) => name.split("/")[0] as string))];
  const outcomes = await putAll({
    connect: await fixture.options("Alice"),
    paths: tops.map((top) => fixture.folder.join(top)),
  });
  assert.ok(outcomes.every(({ state }) => state === "stored"));
}

test("a large file is downloaded", "down", always(EACH), async (cut) => {
  await prepare(cut, { large: LARGE });
  const target = cut.fixture.folder.join("back");
  const outcome = await getFile({ ...cut, name: "large", target });
  assert.equal(outcome.state, "got");
  assert.ok(areEqual(await Deno.readFile(target), LARGE));
  assertFirst(cut.retries);
});

test("a folder is downloaded", "down", always(MIB), async (cut) => {
  const files = Array.from({ length: 20 }, (_, i) => [`d/${i}`, pseudoRandomBytes(300_000, i)]);
  await prepare(cut, Object.fromEntries(files));
  const target = cut.fixture.folder.join("back");
  const outcomes = await getOutcomes({ ...cut, names: ["d"], recursive: true, target });
  assert.ok(outcomes.every(({ state }) => state === "got"));
  assertFirst(cut.retries);
});

let reached = 0;

test(
  "a list that progresses with each attempt is complete, with each file once",
  "down",
  () => reached += 20_000,
  async (cut) => {
    const names = Array.from(
      { length: 300 },
      (_, i) => `d/${"x".repeat(200)}${i} ä\u{1f600}\u{ff5e}`,
    );
    await prepare(cut, Object.fromEntries(names.map((name) => [name, new Uint8Array(0)])));
    reached = 0;
    const listed: string[] = [];
    using pool = new ConnectionPool(cut.connect, cut.transfer);
    await pool.list("d/", ({ name }) => void listed.push(name));
    assert.deepEqual(listed, names.sort());
    assertFirst(cut.retries);
  },
);

test(
  "without progress, the client gives up after the set number of retries, with growing waits",
  "up",
  always(MIB),
  async (cut) => {
    const path = cut.fixture.folder.join("large");
    await Deno.writeFile(path, LARGE);
    const [outcome] = await putAll({ ...cut, paths: [path] });
    assert.equal(outcome?.state, "not-stored");
    assert.deepEqual(cut.retries.map(({ retry }) => retry), [1, 2]);
    assert.deepEqual(cut.retries.map(({ delayMs }) => delayMs), [999, 1999]);
  },
);
