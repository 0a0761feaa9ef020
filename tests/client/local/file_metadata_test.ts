/** Times of local files, in nanoseconds and in milliseconds. */
import assert from "node:assert/strict";
import {
  type FileTimes,
  MILLISECOND_TIMES,
  modeOf,
  NANOSECOND_TIMES,
  readTime,
  setTime,
} from "../../../client/local/file_metadata.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { runTool } from "../../support/tools.ts";

const ignore = Deno.build.os !== "linux";
const METADATA = new URL("../../../client/local/file_metadata.ts", import.meta.url).href;

/** A folder with a file, a folder, a link to the file and a link to nothing. */
async function makeEntries(create = TemporaryFolder.create): Promise<TemporaryFolder> {
  const folder = await create();
  await folder.write("file", "content");
  await Deno.mkdir(folder.join("folder"));
  await Deno.symlink("file", folder.join("link"));
  await Deno.symlink("nowhere", folder.join("dangling"));
  return folder;
}

const ENTRIES = ["file", "folder", "link", "dangling"] as const;

const TIMES = {
  "the epoch": 0n,
  "one nanosecond before the epoch": -1n,
  "before the epoch": -86_400_000_000_001n,
  "all nine digits": 1_764_419_786_123_456_789n,
  "after 2038": 4_102_444_800_000_000_001n,
};

Deno.test({
  name: "times: each nanosecond is set and read of files, folders and links, also links to nothing",
  ignore,
}, async () => {
  await using folder = await makeEntries();
  for (const name of ENTRIES) {
    for (const [what, time] of Object.entries(TIMES)) {
      setTime(folder.join(name), time);
      assert.equal(readTime(folder.join(name)), time, `${name}, ${what}`);
    }
  }
});

Deno.test({ name: "times: of a link, not of the file that it leads to", ignore }, async () => {
  await using folder = await makeEntries();
  for (const times of [MILLISECOND_TIMES, NANOSECOND_TIMES as FileTimes]) {
    times.set(folder.join("file"), 1_000_000_000n);
    times.set(folder.join("link"), 2_000_000_000n);
    assert.equal(times.read(folder.join("file")), 1_000_000_000n);
    assert.equal(times.read(folder.join("link")), 2_000_000_000n);
  }
});

Deno.test("times: without the system's calls, to the millisecond, rounded down", async () => {
  await using folder = await makeEntries();
  const path = folder.join("file");
  MILLISECOND_TIMES.set(path, 1_764_419_786_123_456_789n);
  assert.equal(MILLISECOND_TIMES.read(path), 1_764_419_786_123_000_000n);
  assert.equal(readTime(path), 1_764_419_786_123_000_000n);
});

Deno.test({
  name: "times: a program without the permission asks for none and uses milliseconds",
  ignore,
}, async () => {
  await using folder = await makeEntries(TemporaryFolder.createOnDisk);
  const path = folder.join("file");
  setTime(path, 1_764_419_786_123_456_789n);
  const script = await folder.write(
    "script.ts",
    `import { NANOSECOND_TIMES, readTime } from ${JSON.stringify(METADATA)};
    console.log(NANOSECOND_TIMES, readTime(${JSON.stringify(path)}));`,
  );
  const run = ["run", "--quiet", "--no-check", "--allow-read", script];
  const { stdout, stderr } = await runTool(Deno.execPath(), run, { env: { NO_COLOR: "1" } });
  assert.deepEqual([stdout, stderr], ["undefined 1764419786123000000n\n", ""]);
});

Deno.test("times: what is not there and a path with a NUL are the errors of Deno", async () => {
  await using folder = await makeEntries();
  const missing = folder.join("missing");
  for (const times of [MILLISECOND_TIMES, NANOSECOND_TIMES ?? MILLISECOND_TIMES]) {
    assert.throws(() => times.read(missing), Deno.errors.NotFound);
    assert.throws(() => times.set(missing, 0n), Deno.errors.NotFound);
    const cut = `${folder.join("file")}\0more`;
    times.set(folder.join("file"), 0n);
    assert.throws(() => times.read(cut));
    assert.throws(() => times.set(cut, 1_000_000_000n));
    assert.equal(times.read(folder.join("file")), 0n);
  }
});

Deno.test(
  { name: "modes: permission bits with setuid, setgid and sticky bit", ignore },
  async () => {
    await using folder = await makeEntries();
    for (const mode of [0o0, 0o600, 0o644, 0o755, 0o1777, 0o2755, 0o4711]) {
      await Deno.chmod(folder.join("file"), mode);
      assert.equal(modeOf(await Deno.lstat(folder.join("file"))), mode);
    }
    assert.equal(modeOf({ mode: null }), undefined);
  },
);
