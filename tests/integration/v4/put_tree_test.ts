/** Folders, links, modes and times that a real server stores. */
import assert from "node:assert/strict";
import { setTime } from "../../../client/local/file_metadata.ts";
import { putAll } from "../../support/v4/put_all.ts";
import type { PutOptions, PutOutcome } from "../../../client/v4/put_options.ts";
import type { RemoteFile } from "../../../client/v4/remote_file.ts";
import { EVERYTHING, makeTree } from "../../support/local_tree.ts";
import { Fixture, got } from "../../support/v4/fixture.ts";

const ignore = Deno.build.os !== "linux";

/** Uploads the folder `tree` of the fixture. Returns the names by state, and the number of bytes sent. */
async function put(fixture: Fixture, options: Partial<PutOptions> = {}) {
  let sent = 0;
  const connect = await fixture.options("Alice", {
    onEvent: (event) => {
      if (event.type === "progress") sent = event.sent;
    },
  });
  const outcomes = await putAll({ connect, paths: [fixture.folder.join("tree")], ...options });
  return { ...byState(outcomes), sent };
}

function byState(outcomes: readonly PutOutcome[]) {
  const names: Record<PutOutcome["state"], string[]> = {
    ...{ stored: [], unchanged: [], updated: [], removed: [], "not-removed": [] },
    ...{ "not-stored": [], "not-tried": [], "unknown": [] },
  };
  for (const outcome of outcomes) {
    names[outcome.state].push("name" in outcome ? outcome.name : outcome.error.code);
  }
  return names;
}

/** Everything on the server, by name below `tree`. */
async function listAll(fixture: Fixture): Promise<Map<string, RemoteFile>> {
  using client = await fixture.client("Alice");
  const found = new Map<string, RemoteFile>();
  await client.list("", (file) => found.set(file.name.replace(/^tree\/?/, ""), file));
  return found;
}

Deno.test({ name: "put: a tree with everything is stored as it is here", ignore }, async () => {
  await using fixture = await Fixture.create();
  await makeTree(fixture.folder.join("tree"));
  const skipped: string[] = [];
  const first = await put(fixture, { onSkipped: (path, why) => skipped.push(`${path} ${why}`) });
  assert.equal(first.stored.length, Object.keys(EVERYTHING).length);
  assert.deepEqual(skipped, [`${fixture.folder.join("tree/pipe")} a pipe`]);
  const found = await listAll(fixture);
  assert.deepEqual([...found.keys()].toSorted(), Object.keys(EVERYTHING).toSorted());
  using client = await fixture.client("Alice");
  for (const [name, { kind, content = "", mode, mtime }] of Object.entries(EVERYTHING)) {
    const file = found.get(name) as RemoteFile;
    assert.deepEqual([file.entry, file.mode, file.mtime], [kind, mode, mtime], name);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    if (kind !== "folder") assert.deepEqual(await got(client, file.name), bytes, name);
  }

  const again = await put(fixture);
  assert.deepEqual([again.unchanged.length, again.sent], [first.stored.length, 0]);
  assert.deepEqual([again.stored, again.updated], [[], []]);
});

Deno.test({
  name: "put: only mode or time changed: updated without content or new version",
  ignore,
}, async () => {
  await using fixture = await Fixture.create();
  const tree = fixture.folder.join("tree");
  await makeTree(tree);
  await put(fixture);
  await Deno.chmod(`${tree}/large`, 0o600);
  setTime(`${tree}/links/dangling`, 9n);
  setTime(`${tree}/empty folder`, 8n);
  setTime(`${tree}/tool`, 7n);
  const { updated, stored, sent } = await put(fixture);
  assert.deepEqual(updated.toSorted(), [
    ...["tree/empty folder", "tree/large", "tree/links/dangling", "tree/tool"],
  ]);
  assert.deepEqual([stored, sent], [[], 0]);
  const found = await listAll(fixture);
  const of = (name: string) => {
    const { version, mode, mtime } = found.get(name) as RemoteFile;
    return { version, mode, mtime };
  };
  assert.deepEqual(of("large"), { version: 1, mode: 0o600, mtime: EVERYTHING["large"]?.mtime });
  assert.deepEqual(of("links/dangling"), { version: 1, mode: undefined, mtime: 9n });
  assert.deepEqual(of("empty folder"), { version: 1, mode: 0o700, mtime: 8n });
});

Deno.test(
  { name: "put: files, folders and links that took each other's place are stored", ignore },
  async () => {
    await using fixture = await Fixture.create();
    const tree = fixture.folder.join("tree");
    await Deno.mkdir(`${tree}/was-folder`, { recursive: true });
    for (const name of ["was-file", "was-link-target"]) {
      await Deno.writeTextFile(
        `${tree}/${name}`,
        name,
      );
    }
    await Deno.symlink("was-file", `${tree}/was-link`);
    await put(fixture);
    await Deno.remove(`${tree}/was-folder`);
    await Deno.writeTextFile(`${tree}/was-folder`, "a file now");
    await Deno.remove(`${tree}/was-link`);
    await Deno.writeTextFile(`${tree}/was-link`, "a file now");
    await Deno.remove(`${tree}/was-file`);
    await Deno.mkdir(`${tree}/was-file/deep`, { recursive: true });
    for (let i = 0; i < 40; i++) await Deno.writeTextFile(`${tree}/was-file/deep/${i}`, `${i}`);
    const outcome = await put(fixture, { transfer: { parallel: 4 } });
    assert.deepEqual(outcome["not-stored"], []);
    const found = await listAll(fixture);
    const kinds = ["was-folder", "was-link", "was-file"].map((name) => found.get(name)?.entry);
    assert.deepEqual(kinds, ["file", "file", "folder"]);
    assert.equal([...found.keys()].filter((name) => name.startsWith("was-file/deep/")).length, 40);
  },
);

Deno.test(
  { name: "put: the second of two Unicode forms of a name is refused by itself", ignore },
  async () => {
    await using fixture = await Fixture.create();
    const tree = fixture.folder.join("tree");
    await Deno.mkdir(tree);
    await Deno.writeTextFile(`${tree}/caf\u00e9`, "NFC");
    await put(fixture);
    await Deno.remove(`${tree}/caf\u00e9`);
    for (const name of ["cafe\u0301", "other"]) await Deno.writeTextFile(`${tree}/${name}`, name);
    const outcome = await put(fixture, { mirror: {} });
    assert.deepEqual(outcome["not-stored"], ["other-form"]);
    assert.deepEqual(outcome.stored, ["tree/other"]);
    assert.ok((await listAll(fixture)).has("caf\u00e9"), "it is not removed either");
  },
);

Deno.test({ name: "put: without links, permissions and times", ignore }, async () => {
  await using fixture = await Fixture.create();
  const tree = fixture.folder.join("tree");
  await makeTree(tree);
  const before = BigInt(Date.now()) * 1_000_000n;
  await put(fixture, { links: false, permissions: false, times: false });
  const found = await listAll(fixture);
  for (const { name, entry, mode, mtime } of found.values()) {
    assert.notEqual(entry, "link", name);
    assert.equal(mode, undefined, name);
    assert.ok(mtime >= before, name);
  }
  const again = await put(fixture, { links: false, permissions: false, times: false });
  assert.equal(again.unchanged.length, found.size);
  await put(fixture);
  const { mode, mtime } = (await listAll(fixture)).get("tool") as RemoteFile;
  assert.deepEqual([mode, mtime], [EVERYTHING["tool"]?.mode, EVERYTHING["tool"]?.mtime]);
});

Deno.test("put: a replaced version of another machine is named; one of this machine is not", async () => {
  await using fixture = await Fixture.create();
  const path = await fixture.folder.write("file", "one");
  const first = await fixture.options("Alice");
  using client = await fixture.client("Alice");
  const { token } = await client.link();
  const second = { ...await fixture.options("Alice 2", { token }), userName: "Alice" };
  const replaced = async (connect: PutOptions["connect"], content: string) => {
    await Deno.writeTextFile(path, content);
    const [outcome] = await putAll({ connect, paths: [path] });
    assert.equal(outcome?.state, "stored");
    return outcome.state === "stored" ? [outcome.version, outcome.replacedOther] : [];
  };
  assert.deepEqual(await replaced(first, "one"), [1, undefined]);
  assert.deepEqual(await replaced(first, "two"), [2, undefined]);
  assert.deepEqual(await replaced(second, "three"), [3, 2]);
  assert.deepEqual(await replaced(second, "four"), [4, undefined]);
  assert.deepEqual(await replaced(first, "five"), [5, 4]);
});
