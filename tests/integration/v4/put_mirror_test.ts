/** Folders on a real server that become mirrors of local ones, and previews. */
import assert from "node:assert/strict";
import { previewPut } from "../../../client/v4/put_files.ts";
import type { PreviewedEntry } from "../../../client/v4/put_preview.ts";
import { putAll } from "../../support/v4/put_all.ts";
import type { PutOptions, PutOutcome } from "../../../client/v4/put_options.ts";
import type { FolderRemovals } from "../../../client/v4/put_plan.ts";
import { InterruptedError, UsageError } from "../../../protocol/errors.ts";
import { Fixture } from "../../support/v4/fixture.ts";

const stateOf = (outcome: PutOutcome) =>
  "name" in outcome ? `${outcome.state} ${outcome.name}` : `${outcome.state} ${outcome.error.code}`;

async function makeFiles(fixture: Fixture, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await Deno.mkdir(fixture.folder.join(name, ".."), { recursive: true });
    await fixture.folder.write(name, name);
  }
}

async function put(fixture: Fixture, options: Partial<PutOptions> = {}): Promise<string[]> {
  const connect = await fixture.options("Alice");
  const outcomes = await putAll({ connect, paths: [fixture.folder.join("d")], ...options });
  return outcomes.filter(({ state }) => state !== "unchanged" && state !== "updated").map(stateOf);
}

async function namesOn(fixture: Fixture): Promise<string[]> {
  using client = await fixture.client("Alice");
  const names: string[] = [];
  await client.list("", ({ name }) => names.push(name));
  return names;
}

Deno.test("mirror: what is missing here is removed there, and becomes history", async () => {
  await using fixture = await Fixture.create({ historyMs: Infinity });
  await makeFiles(fixture, "d/a", "d/old/b", "d/old/deep/c", "e/x");
  await put(fixture, { paths: ["d", "e"].map((name) => fixture.folder.join(name)) });
  await Deno.remove(fixture.folder.join("d/old"), { recursive: true });
  await makeFiles(fixture, "d/new");
  assert.deepEqual(
    await put(fixture, { mirror: {} }),
    [
      ...["stored d/new", "removed d/old/deep/c", "removed d/old/b"],
      ...["removed d/old/deep", "removed d/old"],
    ].toSorted((a, b) => order(a) - order(b)),
  );
  assert.deepEqual(await namesOn(fixture), ["d", "d/a", "d/new", "e", "e/x"]);
  assert.deepEqual(await put(fixture, { mirror: {} }), []);
  using client = await fixture.client("Alice");
  const removed: string[] = [];
  await client.list("d/", ({ name }) => removed.push(name), { scope: "removed" });
  assert.deepEqual(removed, ["d/old", "d/old/b", "d/old/deep", "d/old/deep/c"]);
});

/** Stored first, then removed from the deepest level up. */
function order(line: string): number {
  return line.startsWith("stored") ? 0 : 10 - line.split("/").length;
}

Deno.test("mirror: a folder here takes the place of a file, and a file that of a folder with files", async () => {
  await using fixture = await Fixture.create();
  await makeFiles(fixture, "d/a", "d/b/1", "d/b/2/3");
  await put(fixture);
  for (const name of ["a", "b"]) {
    await Deno.remove(fixture.folder.join("d", name), { recursive: true });
  }
  await makeFiles(fixture, "d/a/1", "d/b");
  assert.deepEqual((await put(fixture)).filter((line) => line.startsWith("not-stored")).length, 1);
  await put(fixture, { mirror: {} });
  assert.deepEqual(await namesOn(fixture), ["d", "d/a", "d/a/1", "d/b"]);
});

Deno.test("mirror: nothing is removed if anything could not be read or stored", async () => {
  await using fixture = await Fixture.create();
  await makeFiles(fixture, "d/a", "d/b");
  await put(fixture);
  await Deno.remove(fixture.folder.join("d/b"));
  const notRemoved: number[] = [];
  const mirror = { onNotRemoved: (entries: number) => notRemoved.push(entries) };
  const paths = [fixture.folder.join("d"), fixture.folder.join("missing")];
  assert.deepEqual(await put(fixture, { paths, mirror }), ["not-stored cannot-read"]);
  assert.deepEqual(await namesOn(fixture), ["d", "d/a", "d/b"]);
  assert.deepEqual(notRemoved, [1]);
});

Deno.test("mirror: is asked before anything is sent, and a refusal ends the run", async () => {
  await using fixture = await Fixture.create();
  await makeFiles(fixture, "d/a", "d/b");
  await put(fixture);
  await Deno.remove(fixture.folder.join("d/b"));
  await makeFiles(fixture, "d/c");
  const asked: FolderRemovals[] = [];
  const confirm = (removals: FolderRemovals) => {
    asked.push(removals);
    return Promise.reject(new UsageError("not-confirmed", "no"));
  };
  await assert.rejects(put(fixture, { mirror: { confirm } }), { code: "not-confirmed" });
  assert.deepEqual(asked, [{ folder: "d", total: 2, entries: [{ name: "d/b", kind: "file" }] }]);
  assert.deepEqual(await namesOn(fixture), ["d", "d/a", "d/b"]);
});

Deno.test("mirror: what appears here while it is asked stays there", async () => {
  await using fixture = await Fixture.create();
  await makeFiles(fixture, "d/a", "d/b", "d/e/c");
  await put(fixture);
  const [d, away] = [fixture.folder.join("d"), fixture.folder.join("away")];
  await Deno.rename(d, away);
  await Deno.mkdir(d);
  const confirm = async ({ entries }: FolderRemovals) => {
    assert.equal(entries.length, 4);
    await Deno.remove(d);
    await Deno.rename(away, d);
    await Deno.remove(fixture.folder.join("d/b"));
  };
  assert.deepEqual(await put(fixture, { mirror: { confirm } }), ["removed d/b"]);
  assert.deepEqual(await namesOn(fixture), ["d", "d/a", "d/e", "d/e/c"]);
});

Deno.test("mirror: an interruption while it is asked leaves every entry untried", async () => {
  await using fixture = await Fixture.create();
  await makeFiles(fixture, "d/a", "d/b");
  await put(fixture);
  await Deno.remove(fixture.folder.join("d/b"));
  const confirm = () => Promise.reject(new InterruptedError("interrupted", "interrupted"));
  assert.deepEqual(
    await put(fixture, { mirror: { confirm } }),
    ["not-tried interrupted", "not-tried interrupted"],
  );
  assert.deepEqual(await namesOn(fixture), ["d", "d/a", "d/b"]);
});

Deno.test("mirror: a folder that gets new entries in the meantime stays, with a hint that fits", async () => {
  await using fixture = await Fixture.create();
  await makeFiles(fixture, "d/a", "d/old/b");
  await put(fixture);
  await Deno.remove(fixture.folder.join("d/old"), { recursive: true });
  const confirm = async () => {
    using client = await fixture.client("Alice");
    const file = await fixture.source("new", new Uint8Array(1));
    await client.put([{ file, name: "d/old/new" }], () => undefined);
  };
  const connect = await fixture.options("Alice");
  const paths = [fixture.folder.join("d")];
  const outcomes = await putAll({ connect, paths, mirror: { confirm } });
  const [left] = outcomes.filter((outcome) => "error" in outcome);
  assert.ok(left !== undefined && "error" in left);
  assert.equal(left.error.code, "not-empty");
  assert.match(`${left.error.hint}`, /Run the same command again/);
  assert.deepEqual(await namesOn(fixture), ["d", "d/a", "d/old", "d/old/new"]);
});

Deno.test("mirror: requires a folder", async () => {
  await using fixture = await Fixture.create();
  const path = await fixture.folder.write("file", "x");
  await assert.rejects(put(fixture, { paths: [path], mirror: {} }), { code: "conflicting-option" });
});

Deno.test("preview: says what a run would do, and changes nothing", async () => {
  await using fixture = await Fixture.create();
  await makeFiles(fixture, "d/same", "d/other", "d/touched", "d/gone");
  await put(fixture);
  await fixture.folder.write("d/other", "longer than before");
  await Deno.utime(fixture.folder.join("d/touched"), 1, 1);
  await Deno.remove(fixture.folder.join("d/gone"));
  await makeFiles(fixture, "d/new/x");
  const before = await namesOn(fixture);
  const preview = async () => {
    const connect = await fixture.options("Alice");
    const paths = [fixture.folder.join("d")];
    const entries: PreviewedEntry[] = [];
    const { counts, removals, failures } = await previewPut({
      ...{ connect, paths, mirror: {}, hasAccount: true },
      onEntry: (entry) => void entries.push(entry),
    });
    assert.deepEqual(counts, { store: 3, update: 2, unchanged: 1 });
    assert.deepEqual(failures, []);
    return [
      ...entries.map(({ action, name }) => `${action} ${name}`),
      ...removals.flatMap(({ entries }) => entries.map(({ name }) => `remove ${name}`)),
    ];
  };
  const expected = [
    ...["update d", "store d/new", "store d/new/x", "store d/other", "unchanged d/same"],
    ...["update d/touched", "remove d/gone"],
  ];
  assert.deepEqual(await preview(), expected);
  assert.deepEqual(await namesOn(fixture), before);
  assert.deepEqual(await preview(), expected);
});

Deno.test("preview: entries that the server would refuse are failures, as in the run", async () => {
  await using fixture = await Fixture.create();
  await makeFiles(fixture, "d/a/b", "d/e\u0301", "d/gone", "d/same");
  await put(fixture);
  await Deno.remove(fixture.folder.join("d"), { recursive: true });
  await makeFiles(fixture, "d/a", "d/\u00e9", "d/same");
  const connect = await fixture.options("Alice");
  const paths = [fixture.folder.join("d")];
  for (const mirror of [undefined, {}]) {
    const plan = await previewPut({ connect, paths, mirror, hasAccount: true });
    const codes = (mirror === undefined ? ["bad-file-name"] : []).concat("other-form");
    assert.deepEqual(plan.failures.map(({ error }) => error.code), codes);
    const outcomes = await putAll({ connect, paths, mirror });
    const failed = outcomes.flatMap((outcome) => "error" in outcome ? [outcome.error.code] : []);
    assert.deepEqual(failed.sort(), codes);
    const removed = plan.removals.flatMap(({ entries }) => entries.map(({ name }) => name));
    assert.deepEqual(
      outcomes.flatMap((outcome) => outcome.state === "removed" ? [outcome.name] : []),
      removed,
    );
    assert.deepEqual(removed, mirror === undefined ? [] : ["d/a/b"]);
  }
});

Deno.test("preview: without an account, everything would be stored, and nothing registers", async () => {
  await using fixture = await Fixture.create();
  await makeFiles(fixture, "d/a");
  const connect = await fixture.options("Alice");
  const paths = [fixture.folder.join("d")];
  const entries: PreviewedEntry[] = [];
  const onEntry = (entry: PreviewedEntry) => void entries.push(entry);
  await previewPut({ connect, paths, hasAccount: false, onEntry });
  assert.deepEqual(entries.map(({ action, name }) => [action, name]), [
    ...[["store", "d"], ["store", "d/a"]],
  ]);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(connect.identityFolder)), []);
});

Deno.test("preview: entries are reported while the folder is walked, and not kept", async () => {
  await using fixture = await Fixture.create();
  await makeFiles(fixture, ...Array.from({ length: 1500 }, (_, i) => `d/${i}`));
  const stop = new AbortController();
  const connect = await fixture.options("Alice", { signal: stop.signal });
  let count = 0;
  const onEntry = () => void (++count === 10 && stop.abort());
  const paths = [fixture.folder.join("d")];
  await assert.rejects(previewPut({ connect, paths, hasAccount: false, onEntry }), {
    name: "InterruptedError",
  });
  assert.ok(count < 1500, `${count} entries`);
});
