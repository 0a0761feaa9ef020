/** Servers that list folders without end, or without files in them: the cost for a client is bounded. */
import assert from "node:assert/strict";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import type { GetOutcome } from "../../../client/v4/get_options.ts";
import { listFolder, MAX_FAULTS, MAX_FOLDERS } from "../../../client/v4/remote_folder.ts";
import { V4Client } from "../../../client/v4/client.ts";
import { MAX_PATH_DEPTH } from "../../../protocol/v4/path_name.ts";
import {
  type Files,
  type FolderFixture,
  namesIn,
  serving,
  test,
  wordOf,
} from "../../support/v4/folder_server.ts";

/** A name with this number of components. */
const deep = (depth: number, first = "d", last = "file") =>
  [first, ...Array.from({ length: depth - 2 }, () => "x"), last].join("/");

/** Names in this number of folders below the first, or slightly more. */
function spread(folders: number, first = "d"): Files {
  const each = MAX_PATH_DEPTH - 2;
  const names = Array.from({ length: Math.ceil(folders / each) }, (_, i) => `${first}/${i}`);
  return names.map((name) => [deep(MAX_PATH_DEPTH - 1, name), ""] as const);
}

const rejectsAll = (fixture: FolderFixture, changes: Parameters<FolderFixture["get"]>[0] = {}) =>
  assert.rejects(fixture.get(changes), { name: "ProtocolError", code: "too-many-files" });

test(
  `a file in as many folders as a name can have is downloaded`,
  [[deep(MAX_PATH_DEPTH), "deep"]],
  async ({ get }) => assert.deepEqual(await get(), { [deep(MAX_PATH_DEPTH)]: "got" }),
);

test(
  "a file whose name has one component too many: refused, and no folder is created for it",
  [["d/a", "1"], [deep(MAX_PATH_DEPTH + 1), "deep"]],
  async ({ root, get }) => {
    assert.deepEqual(await get(), { "d/a": "got", [deep(MAX_PATH_DEPTH + 1)]: "bad-file-name" });
    assert.deepEqual(namesIn(root), ["a"]);
  },
);

test(
  "attack: invalid names without end: refused after the bound",
  Array.from({ length: MAX_FAULTS + 1 }, (_, i) => [`d/../${i}`, ""] as const),
  async (fixture) => {
    await rejectsAll(fixture);
    assert.deepEqual(namesIn(fixture.folder.path), ["identity"]);
  },
);

test(
  "a few names with more folders than a run creates: refused",
  spread(MAX_FOLDERS + 1),
  async (fixture) => {
    await rejectsAll(fixture);
    await rejectsAll(fixture, { exclude: ["*"] });
    assert.deepEqual(namesIn(fixture.folder.path), ["identity"]);
  },
);

const TWO: Files = [["d/a/b/1", "1"], ["d/a/c/2", "2"], ["d/a/3", "3"]];
for (
  const [what, limits, isTooMuch] of [
    ["the maximum number of folders", { maxFolders: 3 }, false],
    ["one folder more", { maxFolders: 2 }, true],
    ["the maximum number of characters in names, folders included", { maxNames: 26 }, false],
    ["one character more", { maxNames: 25 }, true],
    ["too many folders, together with those known before", {
      known: { files: 0, folders: 1, characters: 0 },
      maxFolders: 3,
    }, true],
  ] as const
) {
  test(`${what}: ${isTooMuch ? "refused" : "accepted"}`, TWO, async ({ options }) => {
    using client = await V4Client.connect(options.connect);
    const listing = listFolder(client, {
      prefix: "d/",
      root: "r",
      isExcluded: () => false,
      take: () => undefined,
      ...limits,
    });
    if (isTooMuch) return await assert.rejects(listing, { code: "too-many-files" });
    assert.equal((await listing).folders, 3);
  });
}

test(
  "attack: two folders with too many folders together: refused",
  [],
  async (fixture) => {
    const half = Math.ceil(MAX_FOLDERS / 2) + 1;
    const answers = { "d/": serving(spread(half)), "e/": serving(spread(half, "e")) };
    fixture.server.answers = (message) =>
      answers[message?.kind === "list" && message.prefix === "e/" ? "e/" : "d/"](message);
    const outcomes = await getOutcomes({ ...fixture.options, names: ["d", "e"], recursive: true });
    assert.deepEqual(outcomes.map(wordOf), ["too-many-files", "too-many-files"]);
    assert.deepEqual(namesIn(fixture.folder.path), ["identity"]);
  },
);

test(
  "attack: files are listed and never sent: no folders are created",
  spread(1000),
  async (fixture) => {
    const { server, folder, get } = fixture;
    server.answers = serving(spread(1000), () => "damaged");
    assert.deepEqual(new Set(Object.values(await get())), new Set(["damaged"]));
    assert.deepEqual(namesIn(folder.path), ["identity"]);
  },
);

/** Counts the calls of a function of Deno, by its first argument, until disposed of. */
function countCalls(name: "lstat" | "open"): Disposable & { readonly calls: Map<string, number> } {
  const calls = new Map<string, number>();
  const original = Deno[name] as (...args: unknown[]) => unknown;
  const counting = (...args: unknown[]) => {
    const path = String(args[0]);
    calls.set(path, (calls.get(path) ?? 0) + 1);
    return original(...args);
  };
  Object.assign(Deno, { [name]: counting });
  return { calls, [Symbol.dispose]: () => void Object.assign(Deno, { [name]: original }) };
}

/** All ways to write a word in capitals and small letters. */
const variants = (word: string): string[] =>
  Array.from(
    { length: 2 ** word.length },
    (_, bits) =>
      [...word].map((letter, i) => (bits >> i & 1) === 1 ? letter.toUpperCase() : letter).join(""),
  );

test(
  "attack: many names that differ only by case: not compared pairwise",
  variants("sameness").map((name) => [`d/${name}`, name] as const),
  async ({ get }) => {
    using counter = countCalls("lstat");
    const got = await get({ force: true });
    assert.deepEqual(new Set(Object.values(got)), new Set(["got"]));
    const most = Math.max(...counter.calls.values());
    assert.ok(most <= 10, `one path was checked ${most} times`);
  },
);

test("many files in one folder: the folder is synced once, or with its file system", [
  ...["1", "2", "3", "4"].map((name) => [`d/a/b/${name}`, name] as const),
  ["d/a/5", "5"],
], async ({ get, root }) => {
  using counter = countCalls("open");
  const outcomes = Object.values(await get());
  assert.equal(outcomes.length, 5);
  for (const folder of [root, `${root}/a`, `${root}/a/b`]) {
    assert.ok((counter.calls.get(folder) ?? 0) <= 1, folder);
  }
});

const GOOD_AND_BAD: Files = [["d/a/good", "1"], ["d/b/bad", "2"]];
test(
  "a file that cannot be downloaded: its folder is not created",
  GOOD_AND_BAD,
  async (fixture) => {
    const { server, get, root } = fixture;
    server.answers = serving(
      GOOD_AND_BAD,
      (name) => name === "d/b/bad" ? "no-such-file" : undefined,
    );
    const reported: GetOutcome[] = [];
    const got = await get({ onOutcome: (outcome) => reported.push(outcome) });
    assert.deepEqual(got, { "d/a/good": "got", "d/b/bad": "no-such-file" });
    assert.equal(reported.length, 2);
    assert.deepEqual(namesIn(root), ["a"]);
  },
);
