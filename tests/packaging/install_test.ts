/** packaging/install.sh. */
import assert from "node:assert/strict";
import type { TemporaryFolder } from "../support/temporary_folder.ts";
import { hasTool, runTool } from "../support/tools.ts";
import { EXTRAS, NAME, Place, SCRIPT, SOUND } from "../support/packaging/place.ts";

/** The installer runs on the POSIX systems among the targets. */
const ignore = Deno.build.os === "windows" || NAME === "";

Deno.test({ name: "install: a verified executable is installed and runs", ignore }, async () => {
  await using place = await Place.create();
  const { code, stdout, stderr } = await place.install();
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^Installed xfer 1\.2\.3 as .+\/prefix\/bin\/xfer\n/);
  assert.match(stdout, /manual pages .+ completions of bash, zsh and fish in .+\/prefix\/share\n/);
  assert.match(stdout, /prefix\/bin is not on your PATH/);
  assert.deepEqual(await place.contents(), ["xfer"]);
  const { mode } = await Deno.stat(place.installed);
  assert.equal((mode ?? 0) & 0o777, 0o755);
  assert.equal((await runTool(place.installed, ["--version"])).stdout, "1.2.3\n");
  assert.deepEqual(await place.extras(), EXTRAS);
  for (const path of Object.keys(EXTRAS)) {
    const { mode } = await Deno.stat(place.folder.join("prefix", "share", path));
    assert.equal((mode ?? 0) & 0o777, 0o644, path);
  }
});

Deno.test({ name: "install: --only-executable installs nothing else", ignore }, async () => {
  await using place = await Place.create();
  const { code, stdout } = await place.install(["--only-executable"]);
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /manual/);
  assert.deepEqual(await place.contents(), ["xfer"]);
  assert.deepEqual(await place.extras(), {});
});

Deno.test(
  { name: "install: a release without manual pages is installed", ignore },
  async () => {
    await using place = await Place.create();
    await Deno.remove(place.folder.join("release", "man"), { recursive: true });
    assert.equal((await place.install()).code, 0);
    assert.deepEqual(
      Object.keys(await place.extras()).sort(),
      Object.keys(EXTRAS).filter((path) => !path.startsWith("man/")).sort(),
    );
  },
);

Deno.test(
  { name: "install: the release beside the script replaces an older xfer", ignore },
  async () => {
    await using place = await Place.create();
    await Deno.mkdir(place.folder.join("prefix", "bin"), { recursive: true });
    await Deno.writeTextFile(place.installed, "an older one");
    const beside = place.folder.join("release", "install.sh");
    await Deno.copyFile(SCRIPT, beside);
    const { code } = await runTool("/bin/sh", [beside, `--prefix=${place.prefix}`], {
      env: { PATH: `${Deno.env.get("PATH")}:${place.prefix}/bin` },
    });
    assert.equal(code, 0);
    assert.equal(await Deno.readTextFile(place.installed), SOUND);
    assert.deepEqual(await place.contents(), ["xfer"]);
  },
);

interface Refusal {
  readonly what: string;
  readonly code: number;
  readonly stderr: RegExp;
  /** Breaks the release or the target. */
  readonly spoil?: (folder: TemporaryFolder) => Promise<unknown>;
  readonly executable?: string;
  readonly args?: readonly string[];
}

const SUMS = "release/SHA256SUMS";
const REFUSALS: readonly Refusal[] = [
  {
    what: "an executable that was changed",
    code: 4,
    stderr: /wrong checksum of xfer-[\s\S]*expected [0-9a-f]{64}\n +found +[0-9a-f]{64}/,
    spoil: (folder) => folder.write(`release/${NAME}`, `${SOUND}# changed\n`),
  },
  {
    what: "an executable that is cut short",
    code: 4,
    stderr: /wrong checksum of xfer-/,
    spoil: (folder) => Deno.truncate(folder.join("release", NAME), 5),
  },
  {
    what: "no executable",
    code: 3,
    stderr: /xfer-\S+ is missing in .+release/,
    spoil: (folder) => Deno.remove(folder.join("release", NAME)),
  },
  {
    what: "no SHA256SUMS",
    code: 3,
    stderr: /SHA256SUMS is missing/,
    spoil: (folder) => Deno.remove(folder.join(SUMS)),
  },
  {
    what: "a SHA256SUMS of another release",
    code: 4,
    stderr: /has no valid checksum of xfer-/,
    spoil: (folder) => folder.write(SUMS, `${"0".repeat(64)}  xfer-for-something-else\n`),
  },
  {
    what: "an invalid checksum",
    code: 4,
    stderr: /has no valid checksum of xfer-/,
    spoil: (folder) => folder.write(SUMS, `$(touch /nowhere)  ${NAME}\n`),
  },
  {
    what: "two checksums",
    code: 4,
    stderr: /has no valid checksum of xfer-/,
    spoil: (folder) =>
      folder.write(SUMS, `${"0".repeat(64)}  ${NAME}\n${"1".repeat(64)}  ${NAME}\n`),
  },
  {
    what: "an executable that does not run here",
    code: 6,
    stderr: /does not run here: no such engine/,
    executable: "#!/bin/sh\necho 'no such engine' >&2\nexit 1\n",
  },
  {
    what: "an executable that prints no completions",
    code: 6,
    stderr: /does not print completions here/,
    executable: '#!/bin/sh\n[ "$1" = completions ] && exit 1 || echo "1.2.3"\n',
  },
  {
    what: "a manual page that was changed",
    code: 4,
    stderr: /wrong checksum of man\/xfer\.1/,
    spoil: (folder) => folder.write("release/man/xfer.1", "another page"),
  },
  {
    what: "a manual page that SHA256SUMS does not name",
    code: 4,
    stderr: /has no valid checksum of man\/xfer-more\.1/,
    spoil: (folder) => folder.write("release/man/xfer-more.1", ""),
  },
  {
    what: "a file in place of the folder for manual pages",
    code: 5,
    stderr: /cannot write into .+prefix\/share/,
    spoil: async (folder) => {
      await Deno.mkdir(folder.join("prefix"));
      await folder.write("prefix/share", "");
    },
  },
  {
    what: "a file as prefix",
    code: 5,
    stderr: /cannot write into .+prefix\/bin/,
    spoil: (folder) => folder.write("prefix", ""),
  },
  {
    what: "an unknown option",
    code: 2,
    stderr: /unknown option: --here/,
    args: ["--here"],
  },
  {
    what: "no folder after --prefix",
    code: 2,
    stderr: /--prefix needs a folder/,
    args: ["--prefix"],
  },
];

for (const { what, code, stderr, spoil, executable, args } of REFUSALS) {
  Deno.test({ name: `install: ${what} is refused`, ignore }, async () => {
    await using place = await Place.create(executable);
    await spoil?.(place.folder);
    const ran = await place.install(args);
    assert.deepEqual([ran.code, ran.stdout], [code, ""]);
    assert.match(ran.stderr, /^install\.sh: /);
    assert.match(ran.stderr, stderr);
    assert.match(ran.stderr, /\n {6}[A-Z].+\n$/, "says what to do");
    assert.deepEqual(await place.contents().catch(() => []) ?? [], []);
    assert.deepEqual(await place.extras(), {});
  });
}

Deno.test(
  { name: "install: an installed xfer stays if its successor is refused", ignore },
  async () => {
    await using place = await Place.create();
    assert.equal((await place.install()).code, 0);
    await place.folder.write(`release/${NAME}`, "#!/bin/sh\necho 6.6.6\n");
    assert.equal((await place.install()).code, 4);
    assert.equal(await Deno.readTextFile(place.installed), SOUND);
    assert.deepEqual(await place.contents(), ["xfer"]);
  },
);

Deno.test({ name: "install: an unsupported machine is refused", ignore }, async () => {
  await using place = await Place.create();
  const tools = place.folder.join("tools");
  await Deno.mkdir(tools);
  await place.folder.write("tools/uname", '#!/bin/sh\n[ "$1" = -s ] && echo Plan9 || echo mips\n');
  await Deno.chmod(`${tools}/uname`, 0o755);
  const { code, stderr } = await place.install([], { PATH: `${tools}:${Deno.env.get("PATH")}` });
  assert.equal(code, 3);
  assert.match(stderr, /xfer is not available for Plan9 on mips/);
});

Deno.test(
  { name: "install: without a checksum program nothing is installed", ignore },
  async () => {
    await using place = await Place.create();
    const tools = place.folder.join("tools");
    await Deno.mkdir(tools);
    for (const name of ["uname", "dirname", "awk", "mkdir", "cp", "chmod", "rm", "mv"]) {
      const { stdout } = await runTool("/bin/sh", ["-c", `command -v ${name}`]);
      await Deno.symlink(stdout.trim(), `${tools}/${name}`);
    }
    const { code, stderr } = await place.install([], { PATH: tools });
    assert.equal(code, 3);
    assert.match(stderr, /neither sha256sum nor shasum/);
    assert.deepEqual(await place.contents(), []);
  },
);

Deno.test({
  name: "install: shellcheck finds nothing",
  ignore: !hasTool("shellcheck"),
}, async () => {
  const { code, stdout } = await runTool("shellcheck", ["--shell=sh", SCRIPT]);
  assert.deepEqual([code, stdout], [0, ""]);
});
