/** `get --delete`: local entries that the server does not have are deleted, and nothing else. */
import assert from "node:assert/strict";
import { UsageError } from "../../../protocol/errors.ts";
import { modesSet } from "../../support/modes_set.ts";
import type { GetManyOptions, MirrorDeletion } from "../../../client/v4/get_options.ts";
import {
  type Described,
  type Files,
  type FolderFixture,
  namesIn,
  requestedBy,
  serving,
  test as testAnywhere,
} from "../../support/v4/folder_server.ts";

const LINK: Described = { entry: "link", mode: 0o777 };
const FOLDER: Described = { entry: "folder", mode: 0o755 };
const ON_SERVER: Files = [
  ["d/kept", "1"],
  ["d/sub", "", FOLDER],
  ["d/sub/kept", "2"],
  ["d/implicit/kept", "3"],
  ["d/link", "kept", LINK],
];

function test(what: string, files: Files, body: (fixture: FolderFixture) => Promise<void>): void {
  // Links need a privilege on Windows.
  if (Deno.build.os !== "windows") testAnywhere(`--delete: ${what}`, files, body);
}

/** Downloads as a mirror. Returns the outcomes, and the questions. */
async function mirror(
  { get }: FolderFixture,
  changes: Partial<GetManyOptions> = {},
): Promise<{ got: Record<string, string>; asked: MirrorDeletion[] }> {
  const asked: MirrorDeletion[] = [];
  const confirmMirror = (deletion: MirrorDeletion) => {
    asked.push(deletion);
    return Promise.resolve();
  };
  return { got: await get({ confirmMirror, ...changes }), asked };
}

/** Writes files below the target. */
async function write(root: string, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, "mine");
  }
}

test(
  "files, folders and links that the server does not have are deleted",
  ON_SERVER,
  async (fixture) => {
    const { root, folder } = fixture;
    await write(root, "extra", "sub/extra", "gone/deep/er/a", "implicit/extra");
    await write(folder.path, "outside/precious");
    await Deno.symlink(`${folder.path}/outside`, `${root}/to-outside`);
    await Deno.mkdir(`${root}/empty`);
    const { got, asked } = await mirror(fixture);
    const deleted = Object.entries(got).filter(([, word]) => word === "deleted").map(([name]) =>
      name
    );
    assert.deepEqual(deleted.sort(), [
      ...["d/empty", "d/extra", "d/gone", "d/gone/deep", "d/gone/deep/er", "d/gone/deep/er/a"],
      ...["d/implicit/extra", "d/sub/extra", "d/to-outside"],
    ]);
    assert.deepEqual(asked, [{ entries: 9, total: 11, folder: root }], "with both folders to keep");
    assert.deepEqual(namesIn(root), ["implicit", "kept", "link", "sub"]);
    assert.deepEqual(namesIn(`${root}/sub`), ["kept"]);
    assert.deepEqual(namesIn(`${folder.path}/outside`), ["precious"], "links are not followed");
    const again = await mirror(fixture);
    assert.deepEqual([...new Set(Object.values(again.got))], ["there"]);
    assert.deepEqual(again.asked, [], "nothing is asked if nothing is deleted");
  },
);

test("read-only folders, of the server or not: opened for the deletion", [
  ["d/sealed", "", { entry: "folder", mode: 0o555 }],
  ["d/sealed/kept", "1"],
], async (fixture) => {
  const { root } = fixture;
  await fixture.get();
  await Deno.chmod(`${root}/sealed`, 0o755);
  await write(root, "sealed/extra", "gone/a");
  const [sealed, gone] = [`${root}/sealed`, `${root}/gone`];
  await Deno.chmod(sealed, 0o555);
  await Deno.chmod(gone, 0o555);
  const modes = await modesSet(() => mirror(fixture));
  assert.deepEqual(modes.get(sealed), [0o755, 0o555]);
  assert.deepEqual(modes.get(gone), [0o755]);
  assert.deepEqual([namesIn(root), namesIn(sealed)], [["sealed"], ["kept"]]);
});

test(
  "with --force, entries of another kind are replaced, and links never followed",
  [...ON_SERVER, ["d/dangling", "nowhere", LINK]],
  async (fixture) => {
    const { root, folder } = fixture;
    await write(root, "kept/a/b", "implicit", "link/c", "dangling/x", "cache");
    await write(folder.path, "outside/precious");
    await Deno.symlink(`${folder.path}/outside`, `${root}/sub`);
    const planned = await mirror(fixture, { force: true, dryRun: true });
    const words = (got: Record<string, string>) =>
      Object.entries(got).filter(([, word]) => word === "deleted").map(([name]) => name).sort();
    assert.deepEqual(words(planned.got), [
      "d/cache",
      "d/dangling/x",
      "d/kept/a",
      "d/kept/a/b",
      "d/link/c",
    ]);
    assert.equal(planned.got["d/sub/kept"], "planned");
    assert.deepEqual(namesIn(root), ["cache", "dangling", "implicit", "kept", "link", "sub"]);
    const { got, asked } = await mirror(fixture, { force: true });
    assert.deepEqual(words(got), words(planned.got), "as announced");
    assert.ok(!Object.values(got).includes("cannot-write"));
    assert.deepEqual(asked.map(({ entries }) => entries), [5]);
    assert.deepEqual(
      await Promise.all([
        ...["kept", "sub/kept", "implicit/kept"].map((path) =>
          Deno.readTextFile(`${root}/${path}`)
        ),
        Deno.readLink(`${root}/link`),
      ]),
      ["1", "2", "3", "kept"],
    );
    assert.deepEqual(namesIn(`${folder.path}/outside`), ["precious"]);
  },
);

test("entries of another kind stay without --force", ON_SERVER, async (fixture) => {
  const { root } = fixture;
  await write(root, "kept/a", "implicit");
  const { got } = await mirror(fixture);
  assert.equal(got["d/kept"], "target-exists");
  assert.equal(got["d/implicit/kept"], "target-exists");
  assert.deepEqual(namesIn(`${root}/kept`), ["a"]);
});

test(
  "a folder with excluded files is not replaced by a file, and stays whole",
  ON_SERVER,
  async (fixture) => {
    const { root } = fixture;
    await write(root, "kept/a.tmp");
    const { got } = await mirror(fixture, { force: true, exclude: ["*.tmp"] });
    assert.equal(got["d/kept"], "target-exists");
    assert.deepEqual(namesIn(`${root}/kept`), ["a.tmp"]);
  },
);

test("without it: nothing is deleted", ON_SERVER, async ({ get, root }) => {
  await write(root, "extra");
  await get();
  assert.ok(namesIn(root).includes("extra"));
});

test(
  "excluded files, partial downloads, a client's and a server's own files stay",
  ON_SERVER,
  async (fixture) => {
    const { root } = fixture;
    const own = [
      ".big.xfer-part",
      "client/me.key",
      "data/catalog.db",
      "data/tls.pem",
      "data/files/x",
    ];
    await write(root, "a.tmp", "sub/b.tmp", "cache/x", "mixed/c.tmp", "mixed/extra", ...own);
    await write(root, "client/transfer.info", "client/notes");
    const { got } = await mirror(fixture, { exclude: ["*.tmp", "/cache/"] });
    const deleted = Object.entries(got).filter(([, word]) => word === "deleted").map(([name]) =>
      name
    );
    assert.deepEqual(deleted.sort(), ["d/client/notes", "d/mixed/extra"]);
    for (const path of ["a.tmp", "sub/b.tmp", "cache/x", "mixed/c.tmp", ...own]) {
      assert.equal(await Deno.readTextFile(`${root}/${path}`), "mine", path);
    }
  },
);

test("one entry fails: nothing is deleted", ON_SERVER, async (fixture) => {
  const { root } = fixture;
  await write(root, "kept", "extra");
  const { got } = await mirror(fixture);
  assert.equal(got["d/kept"], "target-exists");
  assert.equal(got["d/extra"], undefined);
  assert.ok(namesIn(root).includes("extra"));
});

test("an entry is damaged on the server: nothing is deleted", ON_SERVER, async (fixture) => {
  const { root, server } = fixture;
  await write(root, "extra");
  server.answers = serving(ON_SERVER, (name) => name === "d/kept" ? "damaged" : undefined);
  const { got } = await mirror(fixture);
  assert.equal(got["d/kept"], "damaged");
  assert.ok(namesIn(root).includes("extra"));
});

test("a folder that the server does not have at all: nothing is deleted", [], async (fixture) => {
  await write(fixture.root, "extra");
  await assert.rejects(mirror(fixture), { code: "no-such-file" });
  assert.deepEqual(namesIn(fixture.root), ["extra"]);
});

test(
  "the question is answered with no: nothing is downloaded or deleted",
  ON_SERVER,
  async (fixture) => {
    const { root } = fixture;
    await write(root, "extra");
    const refusal = new UsageError("not-confirmed", "not confirmed");
    const confirmMirror = () => Promise.reject(refusal);
    await assert.rejects(mirror(fixture, { confirmMirror }), refusal);
    assert.deepEqual(namesIn(root), ["extra"]);
  },
);

test(
  "a dry run: says what would be deleted, asks nothing, and deletes nothing",
  ON_SERVER,
  async (fixture) => {
    const { root } = fixture;
    await write(root, "extra", "gone/a");
    const { got, asked } = await mirror(fixture, { dryRun: true });
    assert.deepEqual(
      [got["d/extra"], got["d/gone"], got["d/gone/a"], got["d/kept"]],
      ["deleted", "deleted", "deleted", "planned"],
    );
    assert.deepEqual(asked, []);
    assert.deepEqual(namesIn(root), ["extra", "gone"]);
  },
);

test("with --no-links, a link that the server has, too, stays", ON_SERVER, async (fixture) => {
  const { root } = fixture;
  await Deno.mkdir(root);
  await Deno.symlink("kept", `${root}/link`);
  await mirror(fixture, { links: false });
  assert.ok(namesIn(root).includes("link"));
});

test(
  "with --no-links, a folder in the place of a link stays, with everything in it",
  ON_SERVER,
  async (fixture) => {
    const { root } = fixture;
    await write(root, "link/a", "link/b/c");
    const { got, asked } = await mirror(fixture, { links: false, force: true });
    assert.deepEqual([got["d/kept"], asked], ["got", []]);
    assert.deepEqual([namesIn(`${root}/link`), namesIn(`${root}/link/b`)], [["a", "b"], ["c"]]);
  },
);

test("pipes stay, and the folders that they are in", ON_SERVER, async (fixture) => {
  const { root } = fixture;
  await write(root, "gone/extra", "extra");
  for (const path of ["gone/pipe", "pipe"]) {
    await new Deno.Command("mkfifo", { args: [`${root}/${path}`] }).output();
  }
  const { asked } = await mirror(fixture);
  assert.deepEqual(asked.map(({ entries }) => entries), [2]);
  assert.deepEqual(namesIn(root), ["gone", "implicit", "kept", "link", "pipe", "sub"]);
  assert.deepEqual(namesIn(`${root}/gone`), ["pipe"]);
});

test("files of a killed download: deleted after a day", ON_SERVER, async (fixture) => {
  const { root } = fixture;
  const [left, own] = [".xfer-5576b188-c7dc-43ca-ad92-f144bd75be52.tmp", ".big.xfer-part"];
  await write(root, left, `sub/${left}`, own);
  const now = Date.now;
  await mirror(fixture);
  assert.ok(namesIn(root).includes(left), "another run may be writing it");
  Date.now = () => now() + 25 * 3_600_000;
  try {
    const { got } = await mirror(fixture);
    assert.equal(got[`d/${left}`], "deleted");
  } finally {
    Date.now = now;
  }
  assert.deepEqual(namesIn(root), [own, "implicit", "kept", "link", "sub"]);
  assert.deepEqual(namesIn(`${root}/sub`), ["kept"]);
});

test(
  "a folder becomes a link before the deletion: nothing is deleted through it",
  ON_SERVER,
  async (fixture) => {
    const { root, server, folder } = fixture;
    await write(root, "sub/extra");
    await write(folder.path, "outside/extra");
    const correct = server.answers;
    server.answers = (message) => {
      // The last file that arrives is not in this folder.
      if (requestedBy(message).includes("d/link")) {
        Deno.renameSync(`${root}/sub`, `${root}/moved`);
        Deno.symlinkSync(`${folder.path}/outside`, `${root}/sub`);
      }
      return correct(message);
    };
    const { got } = await mirror(fixture);
    assert.equal(got["d/sub/extra"], "through-link");
    assert.deepEqual(namesIn(`${folder.path}/outside`), ["extra"]);
  },
);
