/** A folder downloaded from a scripted server: no listed name leads outside. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { GetOutcome } from "../../../client/v4/get_options.ts";
import { printable } from "../../../protocol/printable.ts";
import { newFileCalls } from "../../../client/local/new_file.ts";
import { localFault } from "../../../client/local/path_mapping.ts";
import { listFolder, type RemoteFolder } from "../../../client/v4/remote_folder.ts";
import { partPath } from "../../../client/local/partial_file.ts";
import { RESUMABLE_SIZE } from "../../../client/v4/remote_file.ts";
import { V4Client } from "../../../client/v4/client.ts";
import { MAX_TIME } from "../../../protocol/v4/fields.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { type Files, namesIn, requestedBy, test } from "../../support/v4/folder_server.ts";

const LEADING_OUT = [
  ...["../evil", "a/../../evil", "/evil", "//evil", "./a", "a/./b", "a//b", "a/", ".", "..", ""],
  ...["a\0b", "x".repeat(256)],
];
for (const name of LEADING_OUT) {
  test(
    `a server lists ${
      printable(JSON.stringify(name)).slice(0, 40)
    }: refused, and the others downloaded`,
    [
      ["d/fine", "1"],
      [`d/${name}`, "2"],
    ],
    async ({ folder, get }) => {
      const onOutcome = (outcome: GetOutcome) => {
        if (outcome.state !== "not-got") return;
        assert.equal(outcome.error.message, printable(outcome.error.message));
      };
      const expected = { "d/fine": "got", [`d/${name}`]: "bad-file-name" };
      assert.deepEqual(await get({ onOutcome }), expected);
      assert.deepEqual(namesIn(folder.path), ["identity", "root"]);
      assert.deepEqual(namesIn(folder.join("root")), ["fine"]);
    },
  );
}

/** Names that POSIX allows, and Windows does not, or takes for something else. */
const NOT_ON_WINDOWS = [
  ...[
    "..\\evil",
    "a\\..\\evil",
    "C:\\evil",
    "\\\\host\\share\\evil",
    "a:b",
    "a?b",
    "a*b",
    "a<b",
    "a>b",
  ],
  ...[
    'a"b',
    "a|b",
    "c:a",
    "con",
    "NUL.txt",
    "lpt\u00b9",
    "conin$",
    "evil.",
    "evil ",
    "a\nb",
    "\x1b[2J",
  ],
];
test(
  "names with special meanings on Windows: refused there, and plain names elsewhere",
  NOT_ON_WINDOWS.map((name) => [`d/${name}`, "1"] as const),
  async ({ root, get }) => {
    for (const name of NOT_ON_WINDOWS) {
      assert.equal(localFault(name, "windows")?.code, "bad-file-name", name);
      assert.equal(localFault(`d/${name}/x`, "windows")?.code, "bad-file-name", name);
      assert.equal(localFault(name, "linux"), undefined, name);
    }
    for (const name of ["ü.txt", "d/a b", "comma", "..a"]) {
      assert.equal(localFault(name, "windows"), undefined, name);
    }
    if (Deno.build.os === "windows") return;
    assert.deepEqual(new Set(Object.values(await get())), new Set(["got"]));
    assert.deepEqual(namesIn(root), [...NOT_ON_WINDOWS].sort());
  },
);

test(
  "a name outside the folder: a protocol error",
  [["d/a", "1"], ["e/a", "2"]],
  async (fixture) => {
    await assert.rejects(fixture.get(), { name: "ProtocolError", code: "unexpected-answer" });
    assert.deepEqual(namesIn(fixture.folder.path), ["identity"]);
  },
);

test("a name is listed twice: a protocol error", [["d/a", "1"], ["d/a", "2"]], async (fixture) => {
  await assert.rejects(fixture.get({ force: true }), { code: "unexpected-answer" });
  assert.deepEqual(namesIn(fixture.folder.path), ["identity"]);
});

test("a file and a folder of one name: one is downloaded", [
  ["d/a", "1"],
  ["d/a/b", "2"],
], async ({ get, folder }) => {
  for (const force of [false, true]) {
    const { "d/a": a, "d/a/b": b } = await get({ force, target: folder.join(`${force}`) });
    assert.deepEqual([a, b].sort(), ["got", "target-exists"]);
    assert.deepEqual(namesIn(folder.join(`${force}`)), ["a"]);
  }
});

const MANY: Files = ["a", "b", "c", "left-out"].map((name) => [`d/${name}`, name] as const);
for (
  const [what, limits, code] of [
    ["the maximum number of files", { maxFiles: 4, maxNames: 20 }, undefined],
    ["one file more", { maxFiles: 3 }, "too-many-files"],
    ["names with one character too many in total", { maxNames: 18 }, "too-many-files"],
  ] as const
) {
  test(
    `with ${what}, including skipped ones, none is kept in memory: ${code}`,
    MANY,
    async (fixture) => {
      using client = await V4Client.connect(fixture.options.connect);
      const isExcluded = (path: string) => path === "left-out";
      const targets: string[] = [];
      const take: RemoteFolder["take"] = ({ name }, { targetOf }) =>
        void targets.push(targetOf(name));
      const listing = listFolder(client, { prefix: "d/", root: "r", isExcluded, take, ...limits });
      if (code !== undefined) return await assert.rejects(listing, { name: "ProtocolError", code });
      await listing;
      assert.deepEqual(targets, ["r/a", "r/b", "r/c"]);
    },
  );
}

test(
  "the limit of files: applies to all folders of a run together",
  MANY,
  async (fixture) => {
    using client = await V4Client.connect(fixture.options.connect);
    const folder = {
      ...{ prefix: "d/", root: "r", isExcluded: () => false, maxFiles: 5, maxNames: 31 },
      take: () => undefined,
    };
    const known = { files: 1, folders: 0, characters: 12 };
    assert.equal((await listFolder(client, { ...folder, known })).files, MANY.length);
    for (const more of [{ ...known, files: 2 }, { ...known, characters: 13 }]) {
      using client = await V4Client.connect(fixture.options.connect);
      const listing = listFolder(client, { ...folder, known: more });
      await assert.rejects(listing, { name: "ProtocolError", code: "too-many-files" });
    }
  },
);

const BELOW: Files = [["d/sub/a", "new"], ["d/b", "new"]];

test(
  "a link in the folder: nothing is written through it, not even with --force",
  BELOW,
  async (fixture) => {
    const { folder, root, get } = fixture;
    await Deno.mkdir(folder.join("elsewhere"));
    await Deno.mkdir(root);
    await Deno.symlink(folder.join("elsewhere"), `${root}/sub`);
    assert.deepEqual(await get(), { "d/sub/a": "through-link", "d/b": "got" });
    assert.deepEqual(await get({ force: true }), { "d/sub/a": "through-link", "d/b": "there" });
    assert.deepEqual(namesIn(folder.join("elsewhere")), []);
    assert.deepEqual(namesIn(root), ["b", "sub"]);
  },
);

test("the folder itself is a link: followed, since the user named it", BELOW, async (fixture) => {
  const { folder, root, get } = fixture;
  await Deno.mkdir(folder.join("elsewhere"));
  await Deno.symlink(folder.join("elsewhere"), root);
  assert.deepEqual(await get(), { "d/sub/a": "got", "d/b": "got" });
  assert.deepEqual(namesIn(folder.join("elsewhere")), ["b", "sub"]);
});

test(
  "a link at the target of a file: refused; with --force the link is replaced, not its target",
  BELOW,
  async (fixture) => {
    const { folder, root, get } = fixture;
    await folder.write("precious", "old");
    await Deno.mkdir(root);
    await Deno.symlink(folder.join("precious"), `${root}/b`);
    assert.deepEqual(await get(), { "d/sub/a": "got", "d/b": "target-exists" });
    assert.deepEqual(await get({ force: true }), { "d/sub/a": "there", "d/b": "got" });
    assert.equal(await Deno.readTextFile(folder.join("precious")), "old");
    assert.equal(await Deno.readTextFile(`${root}/b`), "new");
  },
);

test("a folder without permission to write: only its own files fail", [
  ["d/closed/a", "1"],
  ["d/open/b", "2"],
  ["d/c", "3"],
], async ({ get, root }) => {
  const { openSync } = Deno;
  // With all permissions, as in a container, the folder can be written.
  const refusing: typeof openSync = (path, options) => {
    if (!`${path}`.includes("/closed/")) return openSync(path, options);
    throw new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  };
  const open = newFileCalls?.open;
  Object.assign(Deno, { openSync: refusing });
  Object.assign(newFileCalls ?? {}, { open: () => -1 });
  try {
    assert.deepEqual(await get(), {
      "d/closed/a": "cannot-write",
      "d/open/b": "got",
      "d/c": "got",
    });
  } finally {
    Object.assign(Deno, { openSync });
    Object.assign(newFileCalls ?? {}, { open });
  }
  assert.deepEqual(namesIn(`${root}/open`), ["b"]);
});

const TWINS: Files = [["d/Read", "one"], ["d/read", "other"], ["d/stra\u00dfe", "3"], [
  "d/STRASSE",
  "4",
]];

test(
  "names that differ by case, on a case-sensitive file system: two files",
  TWINS,
  async (fixture) => {
    for (const force of [false, true]) {
      const state = force ? "there" : "got";
      const got = await fixture.get({ force, transfer: { retries: 0, parallel: 2 } });
      assert.deepEqual(new Set(Object.values(got)), new Set([state]));
      assert.deepEqual(namesIn(fixture.root), ["Read", "STRASSE", "read", "stra\u00dfe"]);
    }
  },
);

test(
  "names that differ by case, on a case-insensitive file system: the second does not overwrite the first",
  TWINS.slice(0, 2),
  async (fixture) => {
    const { root, get } = fixture;
    // Emulates such a file system: the same file also appears under the other name.
    const onOutcome = ({ name, state }: GetOutcome) => {
      if (name === "d/Read" && state === "got") Deno.linkSync(`${root}/Read`, `${root}/read`);
    };
    assert.deepEqual(await get({ force: true, onOutcome }), {
      "d/Read": "got",
      "d/read": "same-name",
    });
    assert.equal(await Deno.readTextFile(`${root}/read`), "one");
  },
);

test("an mtime that the system does not accept: downloaded anyway", [
  ["d/a", "1", MAX_TIME],
  ["d/b", "2", -MAX_TIME],
  ["d/c", "3", -1],
  ["d/d", "4", -1001],
], async ({ get }) => {
  assert.deepEqual(new Set(Object.values(await get())), new Set(["got"]));
});

const LARGE = pseudoRandomBytes(RESUMABLE_SIZE + 5);
const PART = partPath("a").replace(/^.*\//, "");

test("a file with the name of another's partial download: both are downloaded", [
  [`d/${PART}`, "a file"],
  ["d/a", LARGE],
], async ({ root, get }) => {
  assert.deepEqual(await get(), { [`d/${PART}`]: "got", "d/a": "got" });
  assert.equal(await Deno.readTextFile(`${root}/${PART}`), "a file");
  assert.equal((await Deno.stat(`${root}/a`)).size, LARGE.length);
  assert.equal(cksum(await Deno.readFile(`${root}/a`)), cksum(LARGE));
});

test(
  "a server ends each connection on which a file is requested: given up",
  MANY,
  async (fixture) => {
    const sound = fixture.server.answers;
    fixture.server.answers = (message) => {
      if (requestedBy(message).length > 0) throw new Error("lost");
      return sound(message);
    };
    const outcomes = await fixture.get({ transfer: { retries: 0, parallel: 3 } });
    assert.deepEqual(new Set(Object.values(outcomes)), new Set(["connection-lost"]));
  },
);

const THOUSANDS = Array.from(
  { length: 2000 },
  (_, i) => [`d/${i % 3}/${i}`, `content ${i}`] as const,
);
test(
  "thousands of files, for which another thread starts: each has its content, and what is there stays",
  THOUSANDS,
  async ({ folder, get }) => {
    await Deno.mkdir(folder.join("root/2"), { recursive: true });
    await folder.write("root/2/1001", "theirs");
    await folder.write("root/2/1004", "theirs");
    const { "d/2/1001": taken, "d/2/1004": other, ...rest } = await get();
    assert.deepEqual([taken, other], ["target-exists", "target-exists"]);
    assert.deepEqual(new Set(Object.values(rest)), new Set(["got"]));
    for (const [name, content] of THOUSANDS) {
      const expected = /100[14]$/.test(name) ? "theirs" : content;
      assert.equal(Deno.readTextFileSync(folder.join("root", name.slice(2))), expected);
    }
    assert.equal(namesIn(folder.join("root/2")).length, 666);
  },
);
