/** Names of a download: everything, folders, patterns. */
import assert from "node:assert/strict";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import type { GetManyOptions } from "../../../client/v4/get_options.ts";
import {
  type Files,
  type FolderFixture,
  namesIn,
  serving,
  wordOf,
} from "../../support/v4/folder_server.ts";
import { file, folder, link, test } from "../../support/v4/described.ts";

const EVERYTHING: Files = [
  ["a", "1"],
  ["docs", "", folder(0o700)],
  ["docs/b", "2"],
  ["l", "a", link()],
];
const all = (fixture: FolderFixture, changes: Partial<GetManyOptions> = {}) =>
  getOutcomes({ ...fixture.options, names: ["."], recursive: false, ...changes });

test(
  "everything: the whole account into a folder, also an existing one",
  EVERYTHING,
  async (fixture) => {
    const { root } = fixture;
    assert.deepEqual((await all(fixture)).map(wordOf), ["got", "got", "got", "got"]);
    assert.deepEqual(namesIn(root), ["a", "docs", "l"]);
    assert.deepEqual(namesIn(`${root}/docs`), ["b"]);
    assert.deepEqual((await all(fixture)).map(wordOf), ["there", "there", "there", "there"]);
  },
);

test("everything of an empty account: an error that says so", [], async (fixture) => {
  const [outcome] = await all(fixture);
  assert.ok(outcome !== undefined && "error" in outcome);
  assert.match(outcome.error.message, /no files/);
});

test("everything with another name: refused", EVERYTHING, async (fixture) => {
  await assert.rejects(all(fixture, { names: [".", "a"] }), { code: "one-name" });
});

test("a folder without --recursive: refused, with the option in the hint", [
  ["d", "", folder(0o700)],
], async ({ options }) => {
  const [outcome] = await getOutcomes({ ...options, recursive: false });
  assert.ok(outcome !== undefined && "error" in outcome);
  assert.equal(outcome.error.code, "no-such-file");
  assert.match(outcome.error.hint ?? "", /--recursive/);
});

test("a file with --recursive: -o is its path", [["f", "2", file(0o600)]], async (fixture) => {
  const { root, options } = fixture;
  const outcomes = await getOutcomes({ ...options, names: ["f"] });
  assert.deepEqual(outcomes.map(wordOf), ["got"]);
  assert.ok((await Deno.stat(root)).isFile);
});

const MATCHED: Files = [
  ["photos/2026/sea.jpg", "1"],
  ["photos/a.jpg", "2"],
  ["photos/a.tmp", "3"],
  ["photos/b.jpg", "4"],
];
test(
  "patterns: what matches keeps its path below the folder before the wildcard",
  MATCHED,
  async (fixture) => {
    const { options, folder } = fixture;
    const names = async (pattern: string, target: string, recursive = false) => {
      const outcomes = await getOutcomes({
        ...{ ...options, names: [pattern], patterns: true, target: folder.join(target), recursive },
      });
      return outcomes.map((outcome) => outcome.target.slice(folder.path.length + 1)).sort();
    };
    assert.deepEqual(await names("photos/*.jpg", "1"), ["1/a.jpg", "1/b.jpg"]);
    assert.deepEqual(await names("photos/**/*.jpg", "2"), ["2/2026/sea.jpg", "2/a.jpg", "2/b.jpg"]);
    assert.deepEqual(await names("photos/?.tmp", "3"), ["3/a.tmp"]);
    fixture.server.answers = serving(MATCHED.slice(0, 1));
    assert.deepEqual(await names("photos/20*", "4", true), ["4/2026/sea.jpg"]);
    const [none] = await getOutcomes({ ...options, names: ["photos/*.gif"], patterns: true });
    assert.ok(none !== undefined && "error" in none && none.error.code === "no-such-file");
  },
);

test(
  "a name with characters of a pattern: stands for itself",
  [["a[1].txt", "1"]],
  async ({ options, folder }) => {
    const target = folder.join("x");
    const outcomes = await getOutcomes({ ...options, names: ["a[1].txt"], patterns: true, target });
    assert.deepEqual(outcomes.map(wordOf), ["got"]);
    assert.equal(await Deno.readTextFile(target), "1");
  },
);
