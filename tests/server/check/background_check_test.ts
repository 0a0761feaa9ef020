/** The check of all stored files, with a fake clock. */
import assert from "node:assert/strict";
import { MAX_FAILURES } from "../../../server/check/background_reader.ts";
import { LEAST_RATE } from "../../../server/check/check_schedule.ts";
import { SETTLING_MS } from "../../../server/check/files_of_round.ts";
import { alice } from "../../support/store/catalog_suite.ts";
import { blobOf, CheckFixture, DAY_MS, INTERVAL_MS } from "./check_fixture.ts";

const MIB = 1024 * 1024;

Deno.test("check: a flipped byte is found within the interval, counted, and reported once", async () => {
  const files = await CheckFixture.create(5);
  files.flip(3);
  await using server = await files.start();
  await files.pass(DAY_MS);
  assert.deepEqual(server.events("file.damaged", "check.completed"), [
    ...["file.damaged", "check.completed"],
  ]);
  const { last, damaged, damagedFiles, state } = await server.check.status();
  assert.deepEqual([last?.files, last?.bytes, last?.damaged, state], [5, 500, 1, "idle"]);
  assert.deepEqual([damaged, damagedFiles.map(({ name }) => name)], [1, ["3"]]);
  await files.pass(INTERVAL_MS);
  assert.equal((await server.check.status()).last?.damaged, 1, "it still is damaged");
  assert.deepEqual(server.events("file.damaged"), ["file.damaged"]);
  files.flip(3);
  await files.pass(INTERVAL_MS);
  const mended = await server.check.status();
  assert.deepEqual([mended.last?.damaged, mended.damaged], [0, 0]);
  assert.deepEqual(server.events("file.mended"), ["file.mended"]);
});

Deno.test("check: every file is read once in each interval", async () => {
  const files = await CheckFixture.create(3);
  await using _server = await files.start();
  const all = [1, 2, 3].map(blobOf);
  await files.pass(DAY_MS);
  assert.deepEqual(files.blobs.reads, all);
  await files.pass(INTERVAL_MS - 2 * DAY_MS);
  assert.deepEqual(files.blobs.reads, all);
  await files.pass(DAY_MS + 1000);
  assert.deepEqual(files.blobs.reads, [...all, ...all]);
});

Deno.test("check: after a restart it continues where it was", async () => {
  const files = await CheckFixture.create(6);
  files.limits.checkRate = 1000;
  const first = await files.start();
  // A file takes 66 seconds.
  await files.pass(150_000);
  await first[Symbol.asyncDispose]();
  assert.deepEqual(files.blobs.reads.splice(0), [1, 2, 3].map(blobOf));
  await using second = await files.start({ settle: true });
  await files.pass(SETTLING_MS - 1);
  assert.deepEqual(files.blobs.reads, []);
  await files.pass(DAY_MS);
  assert.deepEqual(files.blobs.reads, [4, 5, 6].map(blobOf));
  const { last } = await second.check.status();
  assert.deepEqual([last?.files, last?.bytes], [6, 600]);
});

Deno.test("check: after a crash, it reads at most the files of ten seconds again", async () => {
  const files = await CheckFixture.create(20);
  // A file takes a second.
  files.limits.checkRate = 65_636;
  let isAlive = true;
  const first = await files.start({ isHousekeeper: () => isAlive });
  await files.pass(15_500);
  // Nothing is saved at the end.
  isAlive = false;
  await first[Symbol.asyncDispose]();
  const done = files.blobs.reads.splice(0).length;
  assert.ok(done >= 14 && done <= 17, `${done}`);
  await using second = await files.start();
  await files.pass(DAY_MS);
  const again = done + files.blobs.reads.length - 20;
  assert.ok(again > 0 && again <= 11, `${again}`);
  assert.equal((await second.check.status()).last?.files, 20);
});

Deno.test("check: a round takes nine tenths of the interval if its files need that long", async () => {
  const files = await CheckFixture.create(100, 1);
  // At LEAST_RATE, the files would take 6.25 seconds.
  files.limits.checkIntervalMs = 5000;
  const begun = files.time.now + SETTLING_MS;
  await using server = await files.start();
  await files.pass(4000);
  assert.equal((await server.check.status()).state, "reading");
  await files.pass(900);
  const { last } = await server.check.status();
  const lastedMs = (last?.endedAt ?? 0) - begun;
  assert.ok(lastedMs > 4300 && lastedMs < 4600, `${lastedMs}`);
});

Deno.test("check: a small store is read at the least rate, and then rests", async () => {
  const files = await CheckFixture.create(16);
  await using server = await files.start();
  // 16 files cost 1 MiB.
  await files.pass(500);
  assert.equal((await server.check.status()).state, "reading");
  await files.pass(600);
  assert.equal((await server.check.status()).state, "idle");
  assert.equal(LEAST_RATE, MIB);
});

Deno.test("check: it yields to transfers", async () => {
  const files = await CheckFixture.create(2, 8 * MIB);
  await using server = await files.start({ idleMs: 10_000 });
  await files.pass(60_000);
  await server.check.begin();
  await files.pass(2000);
  assert.equal((await server.check.status()).state, "idle", "16 MiB in a second");
  const counts = files.traffic.of(4, "upload");
  const { pause } = files.time;
  await using busy = await files.start({
    idleMs: 10_000,
    isHousekeeper: () => true,
    pause: (ms, signal) => {
      counts.bytes++;
      return pause(ms, signal);
    },
  });
  await busy.check.begin();
  await files.pass(10_000);
  const { current } = await busy.check.status();
  assert.ok((current?.bytes ?? 0) <= 8 * MIB);
  await files.pass(20_000);
  assert.equal((await busy.check.status()).current, undefined, "even then it ends some day");
});

Deno.test("check: while the store is down it waits and says so, and finds no damage", async () => {
  const files = await CheckFixture.create(20);
  files.blobs.failure = new Error("Connection refused (os error 111)");
  await using server = await files.start({ retryMs: 60_000 });
  await files.pass(60 * 60_000);
  const status = await server.check.status();
  assert.equal(status.state, "waiting");
  assert.match(status.reason ?? "", /connection refused/i);
  assert.deepEqual([status.damaged, status.current?.files, status.current?.unreadable], [0, 0, 0]);
  assert.deepEqual(server.events("check.waiting", "file.not-checked", "file.damaged"), [
    "check.waiting",
  ]);
  files.blobs.failure = undefined;
  await files.pass(2 * 60 * 60_000);
  assert.deepEqual((await server.check.status()).last?.files, 20);
  assert.deepEqual(server.events("check.waiting", "check.continued", "check.completed"), [
    ...["check.waiting", "check.continued", "check.completed"],
  ]);
});

Deno.test("check: a file that cannot be read is no damage, is counted, and does not stop the others", async () => {
  const files = await CheckFixture.create(5);
  files.blobs.onRead = (id) => {
    if (id === blobOf(2)) throw new Error("Input/output error (os error 5)");
  };
  await using server = await files.start();
  await files.pass(DAY_MS);
  const { last, damaged } = await server.check.status();
  assert.deepEqual([last?.files, last?.unreadable, last?.damaged, damaged], [5, 1, 0, 0]);
  assert.deepEqual(server.events("file.not-checked", "file.damaged"), ["file.not-checked"]);
});

Deno.test("check: one missing file is damaged, but not many in a row: then the disk may be missing", async () => {
  const files = await CheckFixture.create(20);
  const all = new Map(files.blobs.contents);
  files.blobs.contents.delete(blobOf(3));
  await using server = await files.start();
  await files.pass(DAY_MS);
  assert.deepEqual((await server.check.status()).last?.damaged, 1);
  files.blobs.contents.clear();
  await server.check.begin();
  await files.pass(DAY_MS);
  const { state, damaged } = await server.check.status();
  assert.deepEqual([state, damaged], ["waiting", 1]);
  for (const [id, content] of all) files.blobs.contents.set(id, content);
  await files.pass(DAY_MS);
  const { last, damaged: left } = await server.check.status();
  assert.deepEqual([last?.files, last?.damaged, left], [20, 0, 0]);
  assert.ok(20 > MAX_FAILURES);
});

Deno.test("check: a file that is removed or replaced while it is read is no error", async () => {
  const files = await CheckFixture.create(3);
  files.blobs.onRead = async (id) => {
    if (id !== blobOf(2)) return;
    await files.catalog.files.remove(alice, "2", { now: 1, forever: true });
    files.blobs.contents.delete(id);
  };
  await using server = await files.start();
  await files.pass(DAY_MS);
  const { last, damaged } = await server.check.status();
  assert.deepEqual([last?.files, last?.unreadable, last?.damaged, damaged], [2, 0, 0, 0]);
  assert.deepEqual(server.events("file.damaged", "file.not-checked"), []);
});

Deno.test("check: a server that has just started reads nothing, unless an operator begins a check", async () => {
  const files = await CheckFixture.create(2);
  await using server = await files.start({ settle: true });
  await files.pass(SETTLING_MS - 1000);
  assert.deepEqual(files.blobs.reads, []);
  assert.equal(await server.check.begin(), true);
  await files.pass(500);
  assert.equal(files.blobs.reads.length, 2);
});

Deno.test("check: interval 0 turns it off; an operator can still begin one", async () => {
  const files = await CheckFixture.create(2);
  files.limits.checkIntervalMs = 0;
  await using server = await files.start();
  await files.pass(INTERVAL_MS);
  assert.deepEqual(files.blobs.reads, []);
  const { state, oldestMs } = await server.check.status();
  assert.deepEqual([state, oldestMs], ["off", undefined]);
  await server.check.begin();
  await files.pass(INTERVAL_MS);
  assert.equal(files.blobs.reads.length, 2);
});

Deno.test("check: an operator's check begins with the first file, and a second one changes nothing", async () => {
  const files = await CheckFixture.create(4);
  files.limits.checkRate = 1000;
  await using server = await files.start();
  await files.pass(70_000);
  assert.deepEqual(files.blobs.reads, [1, 2].map(blobOf));
  assert.equal(await server.check.begin(), true);
  assert.equal(await server.check.begin(), false);
  await files.pass(DAY_MS);
  assert.deepEqual(files.blobs.reads, [1, 2, 1, 2, 3, 4].map(blobOf));
  const { last } = await server.check.status();
  assert.deepEqual([last?.files, last?.isRequested], [4, true]);
});

Deno.test("check: of two servers one reads, and the other continues where that one was", async () => {
  const files = await CheckFixture.create(6);
  files.limits.checkRate = 200;
  let oldest = "a";
  await using a = await files.start({ isHousekeeper: () => oldest === "a" });
  await using b = await files.start({ isHousekeeper: () => oldest === "b" });
  // A file takes more than five minutes, and the second server needed ten to settle.
  const states = async () =>
    (await Promise.all([a, b].map(({ check }) => check.status()))).map(({ state }) => state);
  assert.deepEqual(await states(), ["reading", "elsewhere"]);
  const done = files.blobs.reads.length;
  assert.ok(done > 0 && done < 6);
  const [ofA, ofB] = await Promise.all([a.check.status(), b.check.status()]);
  assert.deepEqual(ofB.current, ofA.current, "the other server knows the progress");
  oldest = "b";
  for (const { check } of [a, b]) check.look();
  await files.pass(DAY_MS);
  assert.deepEqual(files.blobs.reads, [1, 2, 3, 4, 5, 6].map(blobOf));
  // The operator's request reaches the server that reads.
  await a.check.begin();
  b.check.look();
  await files.pass(DAY_MS);
  assert.equal(files.blobs.reads.length, 12);
  assert.deepEqual(a.events("check.completed"), []);
  assert.equal(b.events("check.completed").length, 2);
});

Deno.test("check: a server that has waited for its store reads again when it does the housekeeping again", async () => {
  const files = await CheckFixture.create(10);
  let isHousekeeper = true;
  await using server = await files.start({ isHousekeeper: () => isHousekeeper });
  const state = async () => (await server.check.status()).state;
  const look = async () => {
    server.check.look();
    await files.pass(DAY_MS);
    return await state();
  };
  assert.equal(await look(), "idle");
  files.blobs.failure = new Error("Connection refused (os error 111)");
  files.limits.checkIntervalMs = DAY_MS;
  assert.equal(await look(), "waiting");
  isHousekeeper = false;
  assert.equal(await look(), "elsewhere");
  files.blobs.failure = undefined;
  isHousekeeper = true;
  assert.equal(await look(), "idle");
  files.blobs.failure = new Error("Connection refused (os error 111)");
  assert.equal(await look(), "waiting");
  files.limits.checkIntervalMs = 0;
  assert.equal(await look(), "off");
  files.blobs.failure = undefined;
  files.limits.checkIntervalMs = DAY_MS;
  assert.equal(await look(), "idle");
});

Deno.test("check: a check that falls behind shows it by the age of the oldest file", async () => {
  const files = await CheckFixture.create(20);
  files.limits.checkIntervalMs = DAY_MS;
  await using server = await files.start();
  await files.pass(DAY_MS / 2);
  const age = async () => (await server.check.status()).oldestMs ?? 0;
  assert.ok(Math.abs(await age() - DAY_MS / 2) < 1000);
  files.blobs.failure = new Error("Connection refused (os error 111)");
  await files.pass(DAY_MS);
  assert.ok(await age() > 1.4 * DAY_MS);
  files.blobs.failure = undefined;
  await files.pass(DAY_MS / 12);
  assert.ok(await age() < 0.7 * DAY_MS, "since the round began that has read them all");
});
