/** list, stat, versions, remove, restore and rename on the command line, with a real server. */
import assert from "node:assert/strict";
import { eventsIn } from "../support/events.ts";
import { Alice } from "../support/e2e/alice.ts";

/** Files of the tests, each with its name as its content. Only `notes` has folders with entries of their own. */
const NAMES = [
  "a.txt",
  "photos/2026/lake.tmp",
  "photos/2026/sea.jpg",
  "photos/sketch.tmp",
  "photos-old/lake.tmp",
];

async function uploaded(): Promise<Alice> {
  const alice = await Alice.create();
  for (const name of NAMES) {
    await Deno.writeTextFile(`${alice.here}/source`, name);
    const { code, stderr } = await alice.run("put", "source", "--as", name);
    assert.equal(code, 0, stderr);
  }
  return alice;
}

/** Runs a command that must succeed, and returns the names in its events of one kind. */
async function namesOf(
  { run }: Alice,
  event: Parameters<typeof eventsIn>[1],
  ...args: string[]
): Promise<string[]> {
  const { code, stdout, stderr } = await run(...args, "--json");
  assert.equal(code, 0, `${stdout}${stderr}`);
  return eventsIn(stdout, event).map(({ name }) => `${name}`);
}

Deno.test("list: one level, everything, patterns, and names for programs", async () => {
  await using alice = await uploaded();
  const { run } = alice;
  const listed = (...args: string[]) => namesOf(alice, "file", "list", ...args);
  assert.deepEqual(await listed(), ["a.txt", "photos-old", "photos"]);
  assert.deepEqual(await listed("photos"), ["photos/2026", "photos/sketch.tmp"]);
  assert.deepEqual(await listed("--recursive"), [
    ...["a.txt", "photos-old/lake.tmp", "photos/2026/lake.tmp", "photos/2026/sea.jpg"],
    "photos/sketch.tmp",
  ]);
  assert.deepEqual(await listed("**/lake.*"), ["photos-old/lake.tmp", "photos/2026/lake.tmp"]);
  assert.deepEqual(await listed("a.txt"), ["a.txt"]);
  const shown = await run("list", "photos", "--bytes");
  assert.match(
    shown.stdout,
    /^ {6}folder {24}photos\/2026\/\n {10}17 {2}\S+ {2}photos\/sketch\.tmp\n$/,
  );
  assert.match(shown.stderr, /^1 folder, 1 file \(17 bytes\)\n$/);
  const { stdout } = await run("list", "photos", "--print0");
  assert.equal(stdout, "photos/2026\0photos/sketch.tmp\0");
});

Deno.test("list: sorted by size or time, the largest and the newest first, or reversed", async () => {
  await using alice = await Alice.create();
  for (const [name, size, time] of [["b", 2, 30], ["a", 3, 10], ["c", 1, 20]] as const) {
    await Deno.writeTextFile(`${alice.here}/${name}`, "x".repeat(size));
    await Deno.utime(`${alice.here}/${name}`, time, time);
  }
  assert.equal((await alice.run("put", "a", "b", "c")).code, 0);
  const listed = (...args: string[]) => namesOf(alice, "file", "list", ...args);
  assert.deepEqual(await listed(), ["a", "b", "c"]);
  assert.deepEqual(await listed("--reverse"), ["c", "b", "a"]);
  assert.deepEqual(await listed("--sort", "size"), ["a", "b", "c"]);
  assert.deepEqual(await listed("--sort", "size", "--reverse"), ["c", "b", "a"]);
  assert.deepEqual(await listed("--sort", "time"), ["b", "c", "a"]);
  const long = await alice.run("list", "a", "--long");
  assert.match(long.stdout, /^-[rwx?-]{9} {4}v1 {7}3 B {2}1970-\S+ {2}a\n$/);
});

Deno.test("stat: counts what is in a folder", async () => {
  await using alice = await uploaded();
  const { run } = alice;
  const { stdout } = await run("stat", "photos/");
  assert.equal(stdout, "photos/\n  contains    3 files\n  size        56 bytes\n");
  const [details] = eventsIn((await run("stat", "a.txt", "--json")).stdout, "file-details");
  assert.deepEqual([details?.["kind"], details?.["size"], details?.["version"]], ["file", 5, 1]);
  const missing = await run("stat", "photo");
  assert.equal(missing.code, 5);
  assert.match(missing.stderr, /\[no-such-file\]\n *Did you mean photos\?\n$/);
});

Deno.test("remove and restore: files, folders and patterns, and a preview that changes nothing", async () => {
  await using alice = await uploaded();
  const { run } = alice;
  const left = () => namesOf(alice, "file", "list", "--recursive");
  const preview = await run("remove", "photos/**/*.tmp", "a.txt", "--dry-run");
  assert.equal(preview.code, 0, preview.stderr);
  assert.equal(
    preview.stdout,
    "Would remove photos/2026/lake.tmp on the server (20 B)\n" +
      "Would remove photos/sketch.tmp on the server (17 B)\n" +
      "Would remove a.txt on the server (5 B)\n",
  );
  assert.equal((await left()).length, NAMES.length);

  const removed = await run("remove", "photos/**/*.tmp");
  assert.equal(removed.code, 0, removed.stderr);
  assert.equal(
    removed.stdout,
    "Removed photos/2026/lake.tmp\nRemoved photos/sketch.tmp\nRemoved 2 entries (37 B)\n",
  );
  const [undo = ""] = /(?<=xfer client ).*(?='\.\n$)/.exec(removed.stderr) ?? [];
  assert.equal(undo, 'restore "photos/**/*.tmp"');
  assert.match(removed.stderr, /keeps removed files for up to 30 days/);
  assert.deepEqual(await left(), ["a.txt", "photos-old/lake.tmp", "photos/2026/sea.jpg"]);
  assert.deepEqual(await namesOf(alice, "file", "list", "--removed"), [
    ...["photos/2026/lake.tmp", "photos/sketch.tmp"],
  ]);
  const restored = await run("restore", "photos/**/*.tmp");
  assert.equal(restored.code, 0, restored.stderr);
  assert.deepEqual(await left(), NAMES.toSorted());

  const whole = await run("remove", "photos");
  assert.equal(whole.code, 5, whole.stderr);
  assert.match(whole.stderr, /\n *To remove the folder with everything .+, add --recursive\.\n$/);
  const folder = await run("remove", "photos", "--recursive", "--yes");
  assert.equal(folder.stdout, "Removed photos (3 entries, 56 B)\n");
  const back = await run("restore", "photos", "--dry-run");
  assert.equal(back.stdout, "Would restore photos (3 entries, 56 B)\n");
  assert.equal((await left()).length, 2);
  const again = await run("restore", "photos");
  assert.equal(again.stdout, "Restored photos (3 entries, 56 B)\n");
  assert.deepEqual(await left(), NAMES.toSorted());
});

Deno.test("remove: more than half of the files, or anything forever, needs --yes without a terminal", async () => {
  await using alice = await uploaded();
  const { run } = alice;
  for (
    const [args, what] of [
      [["photos", "--recursive"], "delete 3 of 5 entries in your account"],
      [["**"], "delete 5 of 5 entries in your account"],
      [["a.txt", "--forever"], "delete a.txt forever, with all versions"],
    ] as const
  ) {
    const { code, stderr } = await run("remove", ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`not confirmed: this would ${what} \\[not-confirmed\\]`));
  }
  assert.equal((await namesOf(alice, "file", "list", "--recursive")).length, NAMES.length);
  // Not more than half, and a name that the user wrote out.
  assert.equal((await run("remove", "photos/2026", "--recursive")).code, 0);
  assert.equal((await run("remove", "a.txt")).code, 0);
});

Deno.test("remove --forever: the versions are gone, also those of a removed file", async () => {
  await using alice = await uploaded();
  const { run } = alice;
  assert.equal((await run("remove", "a.txt")).code, 0);
  const forever = await run("remove", "a.txt", "photos-old/lake.tmp", "--forever", "--yes");
  assert.equal(forever.code, 0, forever.stderr);
  assert.match(
    forever.stdout,
    /^Removed a\.txt forever\b.*\nRemoved photos-old\/lake\.tmp forever\n/,
  );
  assert.doesNotMatch(forever.stderr, /restore/);
  assert.deepEqual(await namesOf(alice, "file", "list", "--removed"), []);
  const { code, stderr } = await run("restore", "a.txt");
  assert.equal(code, 5, stderr);
});

Deno.test("remove: a name that does not exist, and a pattern that matches nothing, fail by themselves", async () => {
  await using alice = await uploaded();
  const { code, stderr, stdout } = await alice.run("remove", "photo", "*.gif", "a.txt");
  assert.equal(code, 9, stderr);
  assert.match(stdout, /^Removed a\.txt\n/);
  assert.match(stderr, /no names match \*\.gif \[no-such-file\]\n/);
  assert.match(stderr, /no such file: photo \[no-such-file\]\n *Did you mean photos\?\n/);
  assert.match(stderr, /run 'xfer client restore a\.txt'\.\n$/);
});

Deno.test("versions and restore: an earlier content comes back, and nothing is lost", async () => {
  await using alice = await Alice.create();
  const { run, here } = alice;
  for (const word of ["one", "two", "three"]) {
    await Deno.writeTextFile(`${here}/a.txt`, word);
    assert.equal((await run("put", "a.txt")).code, 0);
  }
  const versions = async () => {
    const { stdout } = await run("versions", "a.txt", "--json");
    return eventsIn(stdout, "version").map(({ version, size, end }) => [version, size, end]);
  };
  assert.deepEqual(await versions(), [
    [3, 5, undefined],
    [2, 3, "replaced"],
    [1, 3, "replaced"],
  ]);
  const content = async () => {
    assert.equal((await run("get", "a.txt", "-o", "back", "--force")).code, 0);
    return await Deno.readTextFile(`${here}/back`);
  };
  assert.equal((await run("restore", "a.txt")).code, 0);
  assert.equal(await content(), "two");
  assert.equal((await run("restore", "a.txt", "--version", "1")).code, 0);
  assert.equal(await content(), "one");
  assert.equal((await versions()).length, 3);
  assert.equal((await run("remove", "a.txt")).code, 0);
  assert.equal((await versions())[0]?.[2], "removed");
  const get = await run("stat", "a.txt");
  assert.match(get.stderr, /\n *To restore it, run 'xfer client restore a\.txt'\.\n$/);
  assert.equal((await run("restore", "a.txt")).code, 0);
  assert.equal(await content(), "one");
  const other = await run("restore", "a.txt", "--version", "99");
  assert.equal(other.code, 5);
  assert.match(
    other.stderr,
    /\n *To see the stored versions, run 'xfer client versions a\.txt'\.\n$/,
  );
  assert.equal((await run("restore", "a.txt", "b", "--version", "1")).code, 2);
});

Deno.test("restore --since: only what was removed since", async () => {
  await using alice = await uploaded();
  const { run } = alice;
  assert.equal((await run("remove", "photos", "--recursive", "--yes")).code, 0);
  const future = new Date(Date.now() + 3_600_000).toISOString().slice(0, 19) + "Z";
  assert.equal((await run("restore", "photos", "--since", future)).code, 2);
  const { stdout } = await run("restore", "photos", "--since", "1m", "--dry-run");
  assert.equal(stdout, "Would restore photos (3 entries, 56 B)\n");
});

Deno.test("rename: folders, with a preview; not to a name that is taken", async () => {
  await using alice = await uploaded();
  const { run } = alice;
  const preview = await run("rename", "photos", "pictures", "--dry-run");
  assert.equal(preview.stdout, "Would rename photos to pictures (3 entries, 56 B)\n");
  for (const dryRun of [[], ["--dry-run"]]) {
    const taken = await run("rename", "photos", "photos-old", ...dryRun);
    assert.equal(taken.code, 5, taken.stderr);
    assert.match(taken.stderr, /already exists \[file-exists\]/);
    const missing = await run("rename", "photo", "x", ...dryRun);
    assert.match(missing.stderr, /\[no-such-file\]\n *Did you mean photos\?\n$/);
  }
  const renamed = await run("rename", "photos", "pictures");
  assert.equal(renamed.stdout, "Renamed photos to pictures (3 entries, 56 B)\n");
  assert.deepEqual(await namesOf(alice, "file", "list"), ["a.txt", "photos-old", "pictures"]);
});

Deno.test("get: the hint for a missing name fits: a folder, a removed file, a similar name", async () => {
  await using alice = await uploaded();
  const { run } = alice;
  assert.equal((await run("remove", "a.txt")).code, 0);
  for (
    const [name, hint] of [
      ["photos-old", "To download everything in the folder, add --recursive."],
      ["a.txt", "To restore it, run 'xfer client restore a.txt'."],
      ["photos/sketch.tpm", "Did you mean photos/sketch.tmp?"],
      [
        "nothing",
        "Run 'xfer client list' to see your files, or add --recursive to download a folder.",
      ],
    ] as const
  ) {
    const { code, stderr } = await run("get", name);
    assert.equal(code, 5, stderr);
    assert.match(stderr, /\[no-such-file\]\n/);
    assert.equal(stderr.trimEnd().split("\n").at(-1)?.trim(), hint);
  }
});

Deno.test("status: usage, history and quota", async () => {
  await using alice = await uploaded();
  assert.equal((await alice.run("remove", "a.txt")).code, 0);
  const { stdout } = await alice.run("status");
  assert.match(stdout, /\nstored {10}4 entries, 75 B\nhistory {9}5 B, kept for up to 30 days\n$/);
});
