/** Files that cannot be uploaded, among others that can: the latter are stored, and each of the former is reported. */
import assert from "node:assert/strict";
import type { EventName } from "../../cli/events/mod.ts";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { CLIENT_3, type Finished, writeTransferInfo } from "../support/processes.ts";
import { ProcessFixture } from "../support/process_fixture.ts";
import { Alice } from "../support/e2e/alice.ts";

const isWindows = Deno.build.os === "windows";

/** A text for each event with this name. */
const namesIn = (stdout: string, event: EventName, field: string): string[] =>
  eventsIn(stdout, event).map((line) => String(line[field]));

/** The entries on the server, by name. */
const stored = async ({ run }: Alice): Promise<string[]> =>
  namesIn((await run("list", "--recursive", "--json")).stdout, "file", "name");

/** The entries that are stored of the folder, and the files beside it. */
const STORED = ["a", "b", "d", "d/a\nb", "d/aux.c", "d/deep", "d/deep/good", "d/good", "d/link"];

/** A folder of four files, a link, and a private file. */
async function writeFolder(here: string): Promise<void> {
  await Deno.mkdir(`${here}/d/deep`, { recursive: true });
  for (const name of ["aux.c", "a\nb", "good", "deep/good"]) {
    await Deno.writeTextFile(`${here}/d/${name}`, "12");
  }
  await Deno.symlink("/etc/hostname", `${here}/d/link`);
  await Deno.writeTextFile(`${here}/d/me.account`, "private");
}

const OUTPUTS: readonly (readonly string[])[] = [[], ["--quiet"], ["--parallel", "4"]];
for (const options of OUTPUTS) {
  Deno.test({
    name: `put ${
      options.join(" ")
    }: valid files are stored, the others reported with the reason, and all are counted`,
    ignore: isWindows,
    fn: async () => {
      await using alice = await Alice.create("a", "b");
      await writeFolder(alice.here);
      const args = ["put", "a", "missing", "d", "b", "neither", ...options];
      const first = await alice.run(...args);
      assert.equal(first.code, 9, first.stderr);
      assert.deepEqual(await stored(alice), STORED);
      const { stdout, stderr } = first;
      for (const [path, code] of [["missing", "cannot-read"], ["neither", "cannot-read"]]) {
        assert.match(stderr, new RegExp(`^xfer: .*${path}: .*\\[${code}\\]$`, "m"));
      }
      assert.match(stdout, /^Uploaded d\/a\\u\{a\}b /m, "no name breaks a line");
      assert.match(
        stdout,
        /\nUploaded 6 files, 1 link \(10 B\), 2 folders created, 1 skipped, 2 failed\n$/,
      );
      const again = await alice.run(...args);
      assert.equal(again.code, 9);
      assert.match(again.stderr, /\nUploaded nothing, 9 unchanged, 1 skipped, 2 failed\n$/);
    },
  });
}

Deno.test({
  name: "put --json --quiet: each failed file has its events, and the summary counts them",
  ignore: isWindows,
  fn: async () => {
    await using alice = await Alice.create("a");
    await writeFolder(alice.here);
    const { code, stdout, stderr } = await alice.run("put", "d", "none", "a", "--json", "--quiet");
    assert.equal(code, 9, stdout);
    assert.equal(stderr, "");
    assert.deepEqual(
      eventsIn(stdout, "not-stored").map(({ path, state, code }) => [path, state, code]),
      [["none", "not-stored", "cannot-read"]],
    );
    assert.equal(eventsIn(stdout, "error").length, 1);
    const [summary] = eventsIn(stdout, "summary");
    assert.deepEqual(summary, {
      ...{ event: "summary", action: "put", done: 6, bytes: 9, links: 1, folders: 2, unchanged: 0 },
      ...{ updated: 0, deleted: 0, skipped: 1, failed: 1 },
    });
  },
});

Deno.test("put --quiet: if nothing failed, only the results are printed", async () => {
  await using alice = await Alice.create("a", "b");
  const { code, stdout, stderr } = await alice.run(
    "put",
    "a",
    "./a",
    "b",
    "--quiet",
    "--accept-new",
  );
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.equal(stdout.match(/^Uploaded [ab] /gm)?.length, 2, "the same path twice is stored once");
});

Deno.test("put: if no file can be sent, the server is not contacted", async () => {
  await using alice = await Alice.create();
  const { code, stdout } = await alice.run("put", "none", "neither", "--json");
  assert.equal(code, 7);
  assert.deepEqual(eventsIn(stdout, "connected"), []);
  assert.equal(eventsIn(stdout, "not-stored").length, 2);
});

/** The state of each file over protocol 3, in the order of its report. */
const states = ({ stdout }: Finished): unknown[] => [
  ...eventsIn(stdout, "stored").map(({ path }) => [path, "stored"]),
  ...eventsIn(stdout, "not-stored").map(({ path, code }) => [path, code]),
];

Deno.test({
  name: "put over protocol 3: valid files are stored, the others reported with the reason",
  ignore: isWindows,
  fn: async () => {
    await using fixture = await ProcessFixture.servedHere();
    const cwd = await fixture.prepare("client", { a: "1", b: "2", "aux.c": "3", "e\u0301": "4" });
    await Deno.mkdir(`${cwd}/d`);
    await Deno.writeTextFile(`${cwd}/d/\u00e9`, "5");
    const paths = [
      "a",
      "missing",
      "./a",
      "d",
      "aux.c",
      "e\u0301",
      "d/\u00e9",
      "transfer.info",
      "b",
    ];
    const put = await xfer([...CLIENT_3, "put", ...paths, "--json"], cwd);
    assert.deepEqual(states(put), [
      ...["a", "e\u0301", "transfer.info", "b"].map((path) => [path, "stored"]),
      ["aux.c", "general-error"],
      ["missing", "cannot-read"],
      ["d", "not-a-file"],
      ["d/\u00e9", "same-name"],
    ]);
    const [clash] = eventsIn(put.stdout, "error").filter(({ code }) => code === "same-name");
    assert.equal(
      clash?.["message"],
      "cannot upload d/\u00e9 as \u00e9: e\u0301 is uploaded under this name",
    );
    const [summary] = eventsIn(put.stdout, "summary");
    assert.deepEqual([summary?.["done"], summary?.["failed"]], [4, 4]);
    assert.equal(put.code, 9);
  },
});

Deno.test("protocol 3: line 3 names a missing file, which is reported without contacting the server", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const cwd = await fixture.prepare("client", {});
  await writeTransferInfo(cwd, { port: fixture.server.port, file: "none" });
  const { code, stdout } = await xfer([...CLIENT_3, "--json"], cwd);
  assert.equal(code, 7);
  assert.deepEqual(eventsIn(stdout, "connected"), []);
  assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name), ["transfer.info"]);
});

Deno.test("put ..: neither a server's data folder nor anybody's keys in it are uploaded", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const alice = await fixture.prepare("above/alice", { a: "1" });
  const bob = await fixture.prepare("above/bob", { b: "2" }, { userName: "Bob" });
  assert.equal((await xfer([...CLIENT_3, "put", "b"], bob)).code, 0);
  await Deno.mkdir(`${alice}/../srv`);
  for (const name of ["catalog.db", "lock.db", "tls.pem"]) {
    await Deno.writeTextFile(`${alice}/../srv/${name}`, "secret");
  }
  await Deno.writeTextFile(`${alice}/.a.xfer-part`, "half");
  const put = await xfer(["client", "put", "..", "--accept-new", "--json"], alice);
  assert.equal(put.code, 0, put.stdout);
  assert.deepEqual(namesIn(put.stdout, "stored", "name"), [
    "above/alice/a",
    "above/bob/b",
  ]);
  const passed = namesIn(put.stdout, "passed", "path");
  for (const path of ["../srv", "../bob/me.info", "../bob/priv.key", "../alice/.a.xfer-part"]) {
    assert.ok(passed.includes(path), path);
  }
  assert.equal(eventsIn(put.stdout, "summary")[0]?.["skipped"], passed.length);
  const named = await xfer(["client", "put", "../srv/tls.pem", "../bob/me.info", "a"], alice);
  assert.equal(named.code, 9);
  assert.match(named.stderr, /tls\.pem: it is in a server's data folder \[own-key\]/);
  assert.match(named.stdout, /^Uploaded a /, "files beside them are stored");
});
