/** Servers that try to make a client write outside its target: by links, names, kinds, modes and times. */
import assert from "node:assert/strict";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import { listFolder } from "../../../client/v4/remote_folder.ts";
import { type RemoteFile, RESUMABLE_SIZE } from "../../../client/v4/remote_file.ts";
import { readTime } from "../../../client/local/file_metadata.ts";
import { MAX_NANOSECONDS } from "../../../protocol/nanoseconds.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { FILE } from "../../support/v4/message_fields.ts";
import {
  type Described,
  type Files,
  type FolderFixture,
  namesIn,
  requestedBy,
  serving,
  test as testAnywhere,
  wordOf,
} from "../../support/v4/folder_server.ts";

interface Outside {
  /** A folder that no download may change, with a file. */
  readonly path: string;
  readonly file: string;
}

const LINK: Described = { entry: "link", mode: 0o777, mtime: 5_000_000_000n };
const FOLDER: Described = { entry: "folder", mode: 0o777, mtime: 5_000_000_000n };
const OLD = new Date(1_000_000);

/** Checks at the end that nothing outside the target has changed. */
function test(
  what: string,
  files: Files,
  body: (fixture: FolderFixture, outside: Outside) => Promise<void>,
): void {
  // Links need a privilege on Windows, where they are skipped.
  if (Deno.build.os === "windows") return;
  testAnywhere(`attack: ${what}`, files, async (fixture) => {
    const path = fixture.folder.join("outside");
    const file = `${path}/precious`;
    await Deno.mkdir(path);
    await Deno.writeTextFile(file, "old", { mode: 0o640 });
    await Deno.chmod(path, 0o710);
    for (const one of [file, path]) await Deno.utime(one, OLD, OLD);
    const state = () => [path, file].map((one) => [Deno.statSync(one).mode, readTime(one)]);
    const before = state();
    await body(fixture, { path, file });
    assert.deepEqual(state(), before, "modes and times outside are as they were");
    assert.deepEqual(namesIn(path), ["precious"]);
    assert.equal(await Deno.readTextFile(file), "old");
  });
}

test("a link, and a file below it: the file's folder is a folder, and the link is refused", [
  ["d/x", "../outside", LINK],
  ["d/x/precious", "new"],
], async ({ root, get, folder }) => {
  for (const force of [false, true]) {
    const got = await get({ force, target: folder.join(`${force}`) });
    assert.deepEqual(got, { "d/x": "target-exists", "d/x/precious": "got" });
    assert.ok((await Deno.lstat(folder.join(`${force}`, "x"))).isDirectory);
  }
  assert.ok(!namesIn(folder.path).includes(root));
});

test("a link of an earlier run: nothing is written below it, not even with --force", [
  ["d/x", "../outside", LINK],
], async ({ server, get, root }) => {
  assert.deepEqual(await get(), { "d/x": "got" });
  server.answers = serving([
    ["d/x", "", FOLDER],
    ["d/x/precious", "new"],
    ["d/x/link", "elsewhere", LINK],
    ["d/x/sub", "", FOLDER],
    ["d/x/sub/deep", "new"],
  ]);
  for (const force of [false, true]) {
    assert.deepEqual(new Set(Object.values(await get({ force }))), new Set(["through-link"]));
  }
  assert.equal(await Deno.readLink(`${root}/x`), "../outside");
});

test("a link at the place of a named folder: not followed, since the server may have made it", [
  ["d", "../outside", LINK],
], async ({ server, options, root }) => {
  const everything = await getOutcomes({ ...options, names: ["."] });
  assert.deepEqual(everything.map(wordOf), ["got"]);
  const [folder, file] = [
    serving([["d", "", FOLDER], ["d/precious", "new"]]),
    serving([["file", "1"]]),
  ];
  server.answers = (message) =>
    (requestedBy(message)[0] ?? (message?.kind === "stat" ? message.name : "")) === "file"
      ? file(message)
      : folder(message);
  for (const force of [false, true]) {
    const outcomes = await getOutcomes({ ...options, names: ["d", "file"], target: root, force });
    const words = Object.fromEntries(outcomes.map((outcome) => [outcome.name, wordOf(outcome)]));
    assert.deepEqual(words, {
      ...{ "d": "through-link", "d/precious": "through-link" },
      file: force ? "there" : "got",
    });
  }
});

const LARGE = pseudoRandomBytes(RESUMABLE_SIZE + 5);
for (const [what, content] of [["small", "new"], ["large", LARGE]] as const) {
  test(`a folder becomes a link before a ${what} file arrives: nothing is written through it`, [
    ["d/x", "", FOLDER],
    ["d/x/precious", content],
  ], async ({ server, get, root }, outside) => {
    await Deno.mkdir(`${root}/x`, { recursive: true });
    const correct = server.answers;
    server.answers = (message) => {
      if (requestedBy(message).length > 0) {
        Deno.renameSync(`${root}/x`, `${root}/moved`);
        Deno.symlinkSync(outside.path, `${root}/x`);
        server.answers = correct;
      }
      return correct(message);
    };
    for (const force of [true, false]) {
      const got = await get({ force });
      assert.equal(got["d/x/precious"], "through-link");
      if (!force) continue;
      await Deno.remove(`${root}/x`);
      await Deno.rename(`${root}/moved`, `${root}/x`);
      await Deno.remove(`${root}/x`, { recursive: true });
      await Deno.symlink(outside.path, `${root}/x`);
    }
  });
}

test("targets of links: stored as they are, and modes and times never go through them", [
  ["d/absolute", "/outside", LINK],
  ["d/up", "../outside/precious", LINK],
  ["d/folder", "../outside", LINK],
], async ({ get, root }) => {
  assert.deepEqual(new Set(Object.values(await get())), new Set(["got"]));
  assert.equal(await Deno.readLink(`${root}/absolute`), "/outside");
  assert.equal(readTime(`${root}/up`), LINK.mtime);
  for (const force of [false, true]) {
    assert.deepEqual(new Set(Object.values(await get({ force }))), new Set(["there"]));
  }
});

test("a file of the same content at a link's place: its mode and time are not changed through it", [
  ["d/up", "old", { entry: "file", mode: 0o777, mtime: 5_000_000_000n }],
], async ({ get, root }) => {
  await Deno.mkdir(root);
  await Deno.symlink("../outside/precious", `${root}/up`);
  assert.deepEqual(await get(), { "d/up": "target-exists" });
  assert.deepEqual(await get({ force: true }), { "d/up": "got" });
  assert.ok((await Deno.lstat(`${root}/up`)).isFile, "the link itself was overwritten");
});

test("a name is listed as a link and as a folder: a protocol error", [
  ["d/x", "../outside", LINK],
  ["d/x", "", FOLDER],
  ["d/x/precious", "new"],
], async ({ get, folder }) => {
  await assert.rejects(get(), { code: "unexpected-answer" });
  assert.deepEqual(namesIn(folder.path), ["identity", "outside"]);
});

test("a link turns into a file, and a file into a link, after the list: both are refused", [
  ["d/a", "../outside", LINK],
  ["d/b", "content"],
], async ({ server, get, root }) => {
  const [listed, served] = [
    server.answers,
    serving([["d/a", "../outside"], ["d/b", "content", LINK]]),
  ];
  server.answers = (message) => (requestedBy(message).length > 0 ? served : listed)(message);
  assert.deepEqual(await get(), { "d/a": "no-such-file", "d/b": "no-such-file" });
  await assert.rejects(Deno.lstat(root), Deno.errors.NotFound);
});

test(
  "a link with an invalid target: a protocol error",
  [["d/l", "a\0b", LINK]],
  async ({ get, root }) => {
    assert.deepEqual(await get(), { "d/l": "unexpected-answer" });
    await assert.rejects(Deno.lstat(`${root}/l`), Deno.errors.NotFound);
  },
);

test("folders without permissions: downloaded with what is in them", [
  ["d/closed", "", { ...FOLDER, mode: 0 }],
  ["d/closed/a", "1", { entry: "file", mode: 0 }],
  ["d/closed/sub", "", { ...FOLDER, mode: 0o111 }],
], async ({ get, root }) => {
  assert.deepEqual(new Set(Object.values(await get())), new Set(["got"]));
  assert.equal((Deno.lstatSync(`${root}/closed`).mode ?? 1) & 0o777, 0);
  await Deno.chmod(`${root}/closed`, 0o700);
  assert.equal((Deno.lstatSync(`${root}/closed/a`).mode ?? 1) & 0o777, 0);
  await Deno.chmod(`${root}/closed/sub`, 0o700);
});

test("times far from now: downloaded, with the nearest time that the file system has", [
  ["d/late", "1", { mtime: MAX_NANOSECONDS }],
  ["d/early", "2", { mtime: -MAX_NANOSECONDS }],
  ["d/before", "3", { mtime: -1n }],
  ["d/link", "late", { ...LINK, mtime: -MAX_NANOSECONDS }],
  ["d/folder", "", { ...FOLDER, mtime: MAX_NANOSECONDS }],
], async ({ get }) => {
  assert.deepEqual(new Set(Object.values(await get())), new Set(["got"]));
});

test("xfer's own files: not written to the folder of the identity in use", [
  ["d/known_servers", "evil"],
  ["d/transfer.info", "evil"],
  ["d/sub/notes.txt", "1"],
], async ({ get, folder, options }) => {
  const { identityFolder } = options.connect;
  const skipped: string[] = [];
  const got = await get({
    ...{ target: identityFolder, force: true },
    onSkipped: (name) => skipped.push(name),
  });
  assert.deepEqual(got, { "d/sub/notes.txt": "got" });
  assert.deepEqual(skipped.sort(), ["d/known_servers", "d/transfer.info"]);
  const known = await Deno.readTextFile(folder.join("identity", "known_servers"));
  assert.notEqual(known, "evil");
});

Deno.test("v4 get --recursive: attack: folders without end: refused after the bound", async () => {
  let listed = 0;
  const server = {
    list(_prefix: string, take: (file: RemoteFile) => void): Promise<void> {
      const digest = new Uint8Array(32);
      while (listed < 1_000_000) {
        const name = `d/${listed++}`;
        take({ ...FILE, entry: "folder", name, size: 0, cksum: 0, digest });
      }
      return Promise.resolve();
    },
  };
  const listing = () =>
    Promise.resolve().then(() =>
      listFolder(server, {
        ...{ prefix: "d/", root: "r", isExcluded: () => false, maxFolders: 1000 },
        take: () => undefined,
      })
    );
  await assert.rejects(listing, { code: "too-many-files" });
  assert.equal(listed, 1001);
});
