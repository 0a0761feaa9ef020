/** Folders, links, permissions and times of a scripted server, downloaded to this machine. */
import assert from "node:assert/strict";
import { newFileCalls } from "../../../client/local/new_file.ts";
import type { GetOutcome } from "../../../client/v4/get_options.ts";
import { modesSet } from "../../support/modes_set.ts";
import { readTime } from "../../../client/local/file_metadata.ts";
import type { UnsetAttributes } from "../../../client/local/target_attributes.ts";
import {
  type Described,
  type Files,
  namesIn,
  requestedBy,
  serving,
} from "../../support/v4/folder_server.ts";
import { file, folder, link, NS, test } from "../../support/v4/described.ts";

/** Permission bits that the umask of this process leaves. */
const LEFT = 0o777 & ~Deno.umask();
const modeOf = (path: string) => (Deno.lstatSync(path).mode ?? 0) & 0o7777;
const octal = (mode: number) => mode.toString(8);
/** The time as file systems of this system keep it. */
const timeOf = (path: string) => readTime(path);

const TREE: Files = [
  ["d", "", folder(0o750)],
  ["d/empty", "", folder(0o700)],
  ["d/run.sh", "#!/bin/sh", file(0o755)],
  ["d/secret", "s", file(0o600)],
  ["d/sealed", "", folder(0o555)],
  ["d/sealed/a", "a", file(0o444)],
  ["d/sealed/to-a", "a", link()],
  ["d/up", "../../elsewhere", link()],
  ["d/absolute", "/etc/passwd", link()],
  ["d/dangling", "nothing here", link()],
];

test("a tree: folders, links, modes and times are as they were", TREE, async ({ root, get }) => {
  const got = await get();
  assert.deepEqual(new Set(Object.values(got)), new Set(["got"]));
  assert.equal(Object.keys(got).length, TREE.length);
  for (const [name, content, described] of TREE) {
    const path = `${root}${name.slice(1)}`;
    const { entry, mode } = described as Described;
    const info = Deno.lstatSync(path);
    assert.equal(timeOf(path), NS, path);
    if (entry === "link") {
      assert.equal(Deno.readLinkSync(path), content);
      continue;
    }
    assert.equal(info.isDirectory, entry === "folder", path);
    assert.equal(octal(modeOf(path)), octal((mode ?? 0) & (LEFT | 0o700)), path);
    if (entry === "file") assert.equal(Deno.readTextFileSync(path), content);
  }
  assert.deepEqual(namesIn(`${root}/empty`), []);
  const again = Object.values(await get());
  assert.deepEqual(new Set(again), new Set(["there"]));
  await Deno.chmod(`${root}/sealed`, 0o755);
});

test("permissions and times alone: brought up to date, and nothing is downloaded again", [
  ["d", "", folder(0o755)],
  ["d/a", "same", file(0o755)],
  ["d/b", "same", file(0o644)],
  ["d/l", "a", link()],
  ["d/sub", "", folder(0o700)],
], async ({ root, get, server }) => {
  await get();
  await Deno.chmod(`${root}/a`, 0o600);
  for (const name of ["a", "b"]) await Deno.utime(`${root}/${name}`, 1, 1);
  await Deno.chmod(`${root}/sub`, 0o755);
  const correct = server.answers;
  server.answers = (message) => {
    assert.deepEqual(requestedBy(message), []);
    return correct(message);
  };
  const updated: string[] = [];
  const onOutcome = (outcome: GetOutcome) => {
    if (outcome.state === "there" && outcome.isUpdated) updated.push(outcome.name);
  };
  assert.deepEqual(
    new Set(Object.values(await get({ dryRun: true, onOutcome }))),
    new Set(["there"]),
  );
  assert.deepEqual(updated.splice(0).sort(), ["d/a", "d/b"]);
  assert.equal(octal(modeOf(`${root}/a`)), "600", "a dry run changes nothing");
  assert.deepEqual(new Set(Object.values(await get({ onOutcome }))), new Set(["there"]));
  assert.deepEqual(updated.sort(), ["d/a", "d/b"]);
  assert.equal(octal(modeOf(`${root}/a`)), octal(0o755 & (LEFT | 0o700)));
  assert.equal(octal(modeOf(`${root}/sub`)), "700");
  for (const name of ["a", "b", "sub"]) assert.equal(timeOf(`${root}/${name}`), NS);
});

test("setuid, setgid and sticky bits: restored with --preserve-special only", [
  ["d/root", "x", file(0o6755)],
  ["d/shared", "", folder(0o1777)],
], async ({ folder: { path }, get }) => {
  await get({ target: `${path}/plain` });
  assert.equal(octal(modeOf(`${path}/plain/root`)), octal(0o755 & (LEFT | 0o700)));
  assert.equal(octal(modeOf(`${path}/plain/shared`)), octal(0o777 & (LEFT | 0o700)));
  await get({ target: `${path}/special`, attributes: { special: true } });
  assert.equal(octal(modeOf(`${path}/special/root`)), octal(0o6755 & (LEFT | 0o7700)));
  assert.equal(octal(modeOf(`${path}/special/shared`)), octal(0o1777 & (LEFT | 0o7700)));
});

const SEALED: Files = [
  ["d/sealed", "", folder(0o555)],
  ["d/sealed/a", "1", file(0o444)],
  ["d/sealed/b", "2", file(0o444)],
];
test(
  "read-only folders: writable while they are incomplete, and for what is missing in them",
  SEALED,
  async ({ root, get, server }) => {
    const sealed = `${root}/sealed`;
    const correct = server.answers;
    server.answers = serving(SEALED, (name) => name === "d/sealed/b" ? "damaged" : undefined);
    await get();
    assert.equal(octal(modeOf(sealed)), "755", "a later run can complete it");
    server.answers = correct;
    await Deno.chmod(sealed, 0o555);
    for (const missing of [undefined, "a"]) {
      if (missing !== undefined) await Deno.remove(`${sealed}/${missing}`);
      // With --no-permissions, too, the folder gets its own permissions back.
      const attributes = { permissions: missing === undefined };
      const modes = await modesSet(() => get({ attributes }));
      assert.deepEqual(modes.get(sealed), [0o755, 0o555]);
      assert.deepEqual(namesIn(sealed), ["a", "b"]);
      assert.equal(timeOf(sealed), NS);
    }
  },
);

test("folders that their owner cannot list: opened to compare what is in them, and closed again", [
  ["d/closed", "", folder(0)],
  ["d/closed/inner", "", folder(0o100)],
  ["d/closed/inner/a", "1"],
  ["d/sealed", "", folder(0o555)],
], async ({ root, get }) => {
  const [closed, inner] = [`${root}/closed`, `${root}/closed/inner`];
  await get();
  const modes = await modesSet(() => get());
  assert.deepEqual([modes.get(closed), modes.get(inner)], [[0o700, 0], [0o700, 0o100]]);
  assert.equal(modes.get(`${root}/sealed`), undefined);
  const refusal = new Error("no");
  const confirmMirror = () => Promise.reject(refusal);
  await Deno.writeTextFile(`${closed}/extra`, "");
  const refused = await modesSet(() => assert.rejects(get({ confirmMirror }), refusal));
  assert.deepEqual([refused.get(closed), refused.get(inner)], [[0o700, 0], [0o700, 0o100]]);
  assert.deepEqual([...await modesSet(() => get({ dryRun: true }))], []);
});

test("a folder in one that the user may not enter: an error, also in a dry run", [
  ["d/closed", "", folder()],
  ["d/closed/inner", "", folder()],
], async ({ root, get }) => {
  await Deno.mkdir(`${root}/closed`, { recursive: true });
  const { lstatSync } = Deno;
  Deno.lstatSync = (path) => {
    if (path === `${root}/closed/inner`) throw new Deno.errors.PermissionDenied("denied");
    return lstatSync(path);
  };
  try {
    assert.equal((await get({ dryRun: true }))["d/closed/inner"], "cannot-read");
    assert.equal((await get())["d/closed/inner"], "cannot-read");
  } finally {
    Deno.lstatSync = lstatSync;
  }
});

test("what a killed run has left in a folder: removed by a download into it, after a day", [
  ["d/a", "1"],
  ["d/b", "2"],
], async ({ root, get }) => {
  const left = ".xfer-5576b188-c7dc-43ca-ad92-f144bd75be52.tmp";
  const now = Date.now;
  await Deno.mkdir(root);
  await Deno.writeTextFile(`${root}/${left}`, "half");
  await get();
  assert.deepEqual(namesIn(root), [left, "a", "b"]);
  // Nothing is missing any longer.
  Date.now = () => now() + 25 * 3_600_000;
  try {
    await get();
  } finally {
    Date.now = now;
  }
  assert.deepEqual(namesIn(root), ["a", "b"]);
});

test("unknown permissions, and --no-permissions: those of any new file", [
  ["d/unknown", "x", file(undefined)],
  ["d/implicit/known", "x", file(0o400)],
], async ({ root, folder: { path }, get }) => {
  await get();
  assert.equal(octal(modeOf(`${root}/unknown`)), octal(0o666 & LEFT));
  assert.equal(octal(modeOf(`${root}/implicit`)), octal(0o777 & LEFT));
  assert.equal(octal(modeOf(`${root}/implicit/known`)), "400");
  await get({ target: `${path}/plain`, attributes: { permissions: false, times: false } });
  assert.equal(octal(modeOf(`${path}/plain/implicit/known`)), octal(0o666 & LEFT));
  assert.ok(timeOf(`${path}/plain/unknown`) > NS, "--no-times: the time of the download");
});

test("--no-links: links are skipped and named, and all else is downloaded", [
  ["d/a", "1"],
  ["d/l", "a", link()],
], async ({ root, get }) => {
  const skipped: string[] = [];
  const got = await get({
    links: false,
    onSkipped: (name, why) => skipped.push(`${name}: ${why}`),
  });
  assert.deepEqual(got, { "d/a": "got" });
  assert.deepEqual(skipped, ["d/l: a symbolic link"]);
  assert.deepEqual(namesIn(root), ["a"]);
});

test("existing folders merge: nothing is overwritten without --force", [
  ["d/mine", "theirs"],
  ["d/new", "2"],
  ["d/link", "there", link()],
  ["d/was-link", "3"],
  ["d/is-link", "new", link()],
], async ({ root, get }) => {
  await Deno.mkdir(root);
  const kept = { "mine": "mine", "other": "other", "is-link": "a file" };
  for (const [name, text] of Object.entries(kept)) {
    await Deno.writeTextFile(`${root}/${name}`, text);
  }
  await Deno.symlink("elsewhere", `${root}/link`);
  await Deno.symlink("other", `${root}/was-link`);
  assert.deepEqual(await get(), {
    ...{ "d/mine": "target-exists", "d/new": "got", "d/link": "target-exists" },
    ...{ "d/was-link": "target-exists", "d/is-link": "target-exists" },
  });
  for (const [name, text] of Object.entries(kept)) {
    assert.equal(await Deno.readTextFile(`${root}/${name}`), text);
  }
  assert.deepEqual(await get({ force: true }), {
    ...{
      "d/mine": "got",
      "d/new": "there",
      "d/link": "got",
      "d/was-link": "got",
      "d/is-link": "got",
    },
  });
  assert.equal(await Deno.readTextFile(`${root}/mine`), "theirs");
  assert.equal(await Deno.readLink(`${root}/link`), "there");
  assert.equal(await Deno.readLink(`${root}/is-link`), "new");
  assert.ok((await Deno.lstat(`${root}/was-link`)).isFile);
  assert.equal(
    await Deno.readTextFile(`${root}/other`),
    "other",
    "nothing is written through a link",
  );
  assert.deepEqual(namesIn(root), ["is-link", "link", "mine", "new", "other", "was-link"]);
});

test("a folder that exists with other permissions keeps them if the server knows none", [
  ["d/sub/a", "1"],
], async ({ root, get }) => {
  await Deno.mkdir(`${root}/sub`, { recursive: true });
  await Deno.chmod(`${root}/sub`, 0o711);
  await get();
  assert.equal(octal(modeOf(`${root}/sub`)), "711");
});

test("the folder that the user names with -o keeps its permissions if it exists", [
  ["d", "", folder(0o777)],
  ["d/a", "1"],
], async ({ root, get }) => {
  await Deno.mkdir(root, { mode: 0o700 });
  await get();
  assert.equal(octal(modeOf(root)), "700");
});

test("a dry run: says what would happen, and writes nothing", TREE, async ({ get, folder }) => {
  const got = await get({ dryRun: true });
  assert.deepEqual(new Set(Object.values(got)), new Set(["planned"]));
  assert.deepEqual(namesIn(folder.path), ["identity"]);
});

test("attributes that the system does not set: reported once, with their number", [
  ["d/a", "1", file(0o640)],
  ["d/b", "2", file(0o640)],
], async ({ get }) => {
  const { chmodSync } = Deno;
  const refusing = () => {
    throw new Deno.errors.PermissionDenied("Operation not permitted (os error 1)");
  };
  const fchmod = newFileCalls?.fchmod;
  Object.assign(Deno, { chmodSync: refusing });
  Object.assign(newFileCalls ?? {}, { fchmod: () => -1 });
  const unset: UnsetAttributes[] = [];
  try {
    assert.deepEqual(await get({ onUnset: (one) => unset.push(one) }), {
      "d/a": "got",
      "d/b": "got",
    });
  } finally {
    Object.assign(Deno, { chmodSync });
    Object.assign(newFileCalls ?? {}, { fchmod });
  }
  assert.equal(unset.length, 1);
  assert.equal(unset[0]?.count, 3, "two files and their folder");
});
