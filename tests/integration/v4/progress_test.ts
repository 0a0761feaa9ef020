/** Events of a client of protocol 4: they suffice to show progress, and are true. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import { getFile } from "../../../client/v4/get_files.ts";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import { putAll } from "../../support/v4/put_all.ts";
import type { V4Event } from "../../../client/events.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { cutAt } from "../../support/net/tamper.ts";
import { SecureProxy } from "../../support/net/tls_proxy.ts";
import { Fixture, splitOptions } from "../../support/v4/fixture.ts";

const LARGE = pseudoRandomBytes(6 * CHUNK_SIZE + 7);
const SIZE = LARGE.length;

const OF_FILES = ["planned", "comparing", "sending", "resumed", "progress"];
const OF_GETTING = ["planned", "comparing", "getting", "found-part", "received"];

/** The events about files, without the files themselves. */
function reportOf(events: readonly V4Event[]) {
  return events.filter(({ type }) => [...OF_FILES, ...OF_GETTING].includes(type)).map((event) => {
    const { file, ...rest } = event as V4Event & { file?: { path: string } };
    return file === undefined ? rest : { ...rest, file: file.path.split("/").at(-1) };
  });
}

class Stage implements AsyncDisposable {
  readonly fixture: Fixture;
  readonly events: V4Event[] = [];

  private constructor(fixture: Fixture) {
    this.fixture = fixture;
  }

  static async create(files: Readonly<Record<string, Bytes>>): Promise<Stage> {
    const fixture = await Fixture.create();
    await Deno.mkdir(fixture.folder.join("photos"));
    for (const [name, content] of Object.entries(files)) await fixture.folder.write(name, content);
    return new Stage(fixture);
  }

  async options(changes = {}) {
    return splitOptions({
      ...await this.fixture.options("Alice", { onEvent: (event) => void this.events.push(event) }),
      ...{ retries: 1, pause: () => Promise.resolve(), ...changes },
    });
  }

  /** The events since the last call. */
  report() {
    return reportOf(this.events.splice(0));
  }

  async put(name: string, changes = {}) {
    const outcomes = await putAll({
      ...await this.options(changes),
      paths: [this.fixture.folder.join(name)],
    });
    for (const { state } of outcomes) assert.notEqual(state, "not-stored");
    return this.report();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture[Symbol.asyncDispose]();
  }
}

const chunks = Array.from({ length: 7 }, (_, i) => Math.min(SIZE, (i + 1) * CHUNK_SIZE));

Deno.test("v4 progress: an upload reports each chunk when it is sent", async () => {
  await using stage = await Stage.create({ a: LARGE });
  assert.deepEqual(await stage.put("a"), [
    { type: "planned", files: 1, bytes: SIZE },
    { type: "sending", file: "a", attempt: 1 },
    ...chunks.map((sent) => ({ type: "progress", file: "a", sent, attempt: 1 })),
  ]);
});

Deno.test("v4 progress: for a folder, only files to be sent are planned; stored files are compared", async () => {
  const files = { "photos/a": new Uint8Array(10), "photos/b": new Uint8Array(0) };
  await using stage = await Stage.create({ ...files, "photos/c": LARGE });
  const first = await stage.put("photos");
  assert.deepEqual(first[0], { type: "planned", files: 3, bytes: SIZE + 10 });
  const last = (name: string) => first.findLast((event) => "file" in event && event.file === name);
  assert.deepEqual(last("a"), { type: "progress", file: "a", sent: 10, attempt: 1 });
  assert.deepEqual(last("b"), { type: "progress", file: "b", sent: 0, attempt: 1 });
  assert.deepEqual(last("c"), { type: "progress", file: "c", sent: SIZE, attempt: 1 });

  await stage.fixture.folder.write("photos/a", "changed");
  const again = await stage.put("photos");
  const compared = again.filter(({ type }) => type === "comparing");
  assert.deepEqual(
    compared,
    chunks.map((done) => ({ type: "comparing", done, total: SIZE })),
    "files of another size, or empty ones, are not read",
  );
  assert.deepEqual(again.slice(compared.length), [
    { type: "planned", files: 1, bytes: 7 },
    { type: "sending", file: "a", attempt: 1 },
    { type: "progress", file: "a", sent: 7, attempt: 1 },
  ]);
});

Deno.test("v4 progress: for files, only those to be sent are planned; none is read because of another", async () => {
  await using stage = await Stage.create({ a: LARGE, b: new Uint8Array(10), c: LARGE });
  const { folder } = stage.fixture;
  await stage.put("a");
  await stage.put("b");
  const put = async (names: readonly string[]) => {
    const paths = names.map((name) => folder.join(name));
    const outcomes = await putAll({ ...await stage.options(), paths });
    return [outcomes.map(({ state }) => state), stage.report()] as const;
  };
  await folder.write("b", "other");
  const [states, report] = await put(["a", "b", "c"]);
  assert.deepEqual(states, ["unchanged", "stored", "stored"]);
  const compared = report.filter(({ type }) => type === "comparing");
  assert.deepEqual(compared, chunks.map((done) => ({ type: "comparing", done, total: SIZE })));
  assert.deepEqual(report[compared.length], { type: "planned", files: 2, bytes: SIZE + 5 });
  await Deno.utime(folder.join("b"), 1, 1);
  await Deno.mkdir(folder.join("x"));
  await folder.write("x/c", LARGE);
  const [again, later] = await put(["a", "b", "x/c"]);
  assert.deepEqual(again, ["unchanged", "updated", "updated"], "only the time is sent");
  assert.deepEqual(later.at(-1), { type: "planned", files: 0, bytes: 0 });
  using client = await stage.fixture.client("Alice");
  assert.equal((await client.stat("a")).version, 1);
  assert.equal((await client.stat("b")).version, 2);
});

Deno.test("v4 progress: over several connections it is their sum", async () => {
  const content = pseudoRandomBytes(40 * CHUNK_SIZE + 1);
  await using stage = await Stage.create({ a: content });
  const report = await stage.put("a", { parallel: 3 });
  const sent = report.flatMap((event) => event.type === "progress" ? [event.sent] : []);
  assert.equal(sent.length, 41);
  assert.deepEqual(sent, [...sent].sort((a, b) => a - b), "it never decreases");
  assert.equal(sent.at(-1), content.length);
});

Deno.test("v4 progress: after a network failure an upload resumes at the server's offset, and reports so", async () => {
  await using stage = await Stage.create({ a: LARGE });
  {
    await using proxy = await SecureProxy.start(stage.fixture.server, {
      secure: { up: cutAt(5 * CHUNK_SIZE, "fin") },
    });
    const report = await stage.put("a", { server: proxy.address });
    const begun = report.findLastIndex(({ type }) => type === "sending");
    assert.ok(begun > 1, "it was started twice");
    const [, ...rest] = report.slice(begun);
    const resumed = rest.find((event) => event.type === "resumed");
    assert.ok(resumed?.type === "resumed" && resumed.offset > 0);
    const progress = rest.flatMap((event) => event.type === "progress" ? [event.sent] : []);
    assert.deepEqual(progress, chunks.filter((sent) => sent > resumed.offset));
  }
});

Deno.test("v4 progress: a download reports each chunk when it arrives", async () => {
  await using stage = await Stage.create({ a: LARGE });
  await stage.put("a");
  const target = stage.fixture.folder.join("back");
  await getFile({ ...await stage.options(), name: "a", target });
  const here = { name: "a", size: SIZE, attempt: 1 };
  assert.deepEqual(stage.report(), [
    { type: "planned", files: 1, bytes: SIZE },
    { type: "getting", ...here, done: 0 },
    ...chunks.map((done) => ({ type: "received", ...here, done })),
  ]);
  await getFile({ ...await stage.options(), name: "a", target });
  assert.deepEqual(
    stage.report(),
    [
      ...chunks.map((done) => ({ type: "comparing", done, total: SIZE })),
      { type: "planned", files: 0, bytes: 0 },
    ],
    "the chunk was written before",
  );
});

Deno.test("v4 progress: for a range its own bytes count, not those of the chunks around it", async () => {
  await using stage = await Stage.create({ a: LARGE });
  await stage.put("a");
  for (
    const [from, to, dones] of [
      [CHUNK_SIZE - 3, CHUNK_SIZE + 5, [3, 8]],
      [SIZE - 2, SIZE + 1000, [2]],
    ] as const
  ) {
    const target = stage.fixture.folder.join(`back-${from}`);
    await getFile({ ...await stage.options(), name: "a", target, range: { from, to } });
    const here = { name: "a", size: dones.at(-1), attempt: 1 };
    assert.deepEqual(stage.report(), [
      { type: "planned", files: 1, bytes: dones.at(-1) },
      { type: "getting", ...here, done: 0 },
      ...dones.map((done) => ({ type: "received", ...here, done })),
    ]);
  }
});

Deno.test("v4 progress: after a network failure a download continues as another attempt", async () => {
  await using stage = await Stage.create({ a: LARGE });
  await stage.put("a");
  await using proxy = await SecureProxy.start(stage.fixture.server, {
    secure: { down: cutAt(3 * CHUNK_SIZE, "fin") },
  });
  const target = stage.fixture.folder.join("back");
  await getFile({ ...await stage.options({ server: proxy.address }), name: "a", target });
  const report = stage.report();
  const begun = report.findLastIndex(({ type }) => type === "getting");
  const before = report.slice(0, begun);
  const here = before.filter(({ type }) => type === "received").length;
  assert.ok(here > 0);
  assert.deepEqual(report.slice(begun), [
    { type: "getting", name: "a", size: SIZE, attempt: 2, done: here * CHUNK_SIZE },
    ...chunks.slice(here).map((done) => (
      { type: "received", name: "a", size: SIZE, attempt: 2, done }
    )),
  ]);
});

Deno.test("v4 progress: a partial download of an earlier run is compared, reported and counted", async () => {
  await using stage = await Stage.create({ a: LARGE });
  await stage.put("a");
  const target = stage.fixture.folder.join("back");
  await Deno.writeFile(
    stage.fixture.folder.join(".back.xfer-part"),
    LARGE.subarray(0, 3 * CHUNK_SIZE),
    {
      mode: 0o600,
    },
  );
  await getFile({ ...await stage.options(), name: "a", target });
  const here = { name: "a", size: SIZE, attempt: 1 };
  assert.deepEqual(stage.report(), [
    { type: "planned", files: 1, bytes: SIZE },
    { type: "getting", ...here, done: 0 },
    ...chunks.slice(0, 3).map((done) => ({ type: "comparing", done, total: 3 * CHUNK_SIZE })),
    { type: "found-part", name: "a", bytes: 3 * CHUNK_SIZE, size: SIZE },
    ...chunks.slice(3).map((done) => ({ type: "received", ...here, done })),
  ]);
});

Deno.test("v4 progress: no empty partial download stays if the file cannot be written", async () => {
  await using stage = await Stage.create({ a: LARGE });
  await stage.put("a");
  const target = stage.fixture.folder.join("back");
  const { write } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.write = () => Promise.reject(new Error("No space left on device"));
  try {
    const getting = getFile({ ...await stage.options(), name: "a", target });
    await assert.rejects(getting, {
      code: "cannot-write",
      message: /^cannot write .*back: No space/,
    });
  } finally {
    Deno.FsFile.prototype.write = write;
  }
  assert.ok(!stage.events.some(({ type }) => type === "kept-part"));
  const left = [...Deno.readDirSync(stage.fixture.folder.path)].map(({ name }) => name);
  assert.deepEqual(left.filter((name) => /back|xfer/.test(name)), []);
});

Deno.test("v4 progress: a partial download that was not compared yet stays if the run is interrupted", async () => {
  await using stage = await Stage.create({ a: LARGE });
  await stage.put("a");
  const [target, part] = ["back", ".back.xfer-part"].map((name) => stage.fixture.folder.join(name));
  await Deno.writeFile(part as string, LARGE.subarray(0, CHUNK_SIZE), { mode: 0o600 });
  const stop = new AbortController();
  const onEvent = ({ type }: V4Event) => type === "getting" ? stop.abort() : undefined;
  const options = await stage.options({ onEvent, signal: stop.signal });
  await assert.rejects(getFile({ ...options, name: "a", target }), { code: "interrupted" });
  assert.equal((await Deno.stat(part as string)).size, CHUNK_SIZE);
});

Deno.test("v4 progress: a download of a folder reports the total", async () => {
  const files = { "photos/a": new Uint8Array(10), "photos/b": new Uint8Array(0) };
  await using stage = await Stage.create({ ...files, "photos/c": LARGE });
  await stage.put("photos");
  const target = stage.fixture.folder.join("back");
  await getOutcomes({
    ...await stage.options({ parallel: 2 }),
    ...{ names: ["photos"], recursive: true, target },
  });
  const report = stage.report();
  assert.deepEqual(report[0], { type: "planned", files: 3, bytes: SIZE + 10 });
  const last = (name: string) =>
    report.findLast((event) => "name" in event && event.name === `photos/${name}`);
  assert.deepEqual(last("a"), {
    ...{ type: "received", name: "photos/a", size: 10, done: 10, attempt: 1 },
  });
  assert.deepEqual(last("b"), {
    ...{ type: "getting", name: "photos/b", size: 0, done: 0, attempt: 1 },
  });
  assert.deepEqual(last("c"), {
    ...{ type: "received", name: "photos/c", size: SIZE, done: SIZE, attempt: 1 },
  });
});

Deno.test("v4 progress: a download of several files reports the total before the first file", async () => {
  const files = { "photos/a": new Uint8Array(10), "photos/b": new Uint8Array(0), c: LARGE };
  await using stage = await Stage.create(files);
  for (const name of ["photos", "c"]) await stage.put(name);
  const target = stage.fixture.folder.join("back");
  for (
    const [names, recursive, planned] of [
      [["c", "missing", "photos/a"], false, { files: 2, bytes: SIZE + 10 }],
      [["photos", "c", "missing"], true, { files: 1, bytes: 0 }],
    ] as const
  ) {
    await Deno.mkdir(`${target}/photos`, { recursive: true });
    await Deno.writeFile(`${target}/photos/a`, new Uint8Array(10));
    const outcomes = await getOutcomes({ ...await stage.options(), names, recursive, target });
    const report = stage.report().filter(({ type }) => type !== "comparing");
    assert.deepEqual(report[0], { type: "planned", ...planned });
    assert.equal(report.filter(({ type }) => type === "planned").length, 1);
    const missing = outcomes.find(({ name }) => name === "missing");
    assert.equal(missing?.state === "not-got" && missing.error.code, "no-such-file");
  }
});
