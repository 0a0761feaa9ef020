/** Targets that --force overwrites, and those that it never does. */
import assert from "node:assert/strict";
import { getFile } from "../../../client/v4/get_files.ts";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import { parseTransferInfo, writeTransferInfo } from "../../../client/identity/transfer_info.ts";
import { namesIn, requestedBy, test } from "../../support/v4/folder_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

interface Target {
  readonly what: string;
  /** Creates the obstacle. */
  readonly make: (path: string) => Promise<unknown>;
  /** The description of the target in the error; `undefined` if it is overwritten instead. */
  readonly kind?: string;
  /** Whether a download overwrites it anyway, because downloads create such links. */
  readonly isOurs?: true;
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

const TARGETS: readonly Target[] = [
  { what: "a file", make: (path) => Deno.writeTextFile(path, "mine") },
  {
    what: "a link to a file, not the file",
    make: async (path) => {
      await Deno.writeTextFile(`${path}.led`, "mine");
      await Deno.symlink(`${path}.led`, path);
    },
  },
  { what: "a FIFO", make: (path) => run("mkfifo", path), kind: "a FIFO" },
  {
    what: "a link to a device",
    make: (path) => Deno.symlink("/dev/null", path),
    kind: "a link to a device",
  },
  {
    what: "a link to nothing",
    make: (path) => Deno.symlink("/nonexistent/file", path),
    ...{ kind: "a link to nothing", isOurs: true },
  },
  {
    what: "a link to a folder",
    make: (path) => Deno.mkdir(`${path}.led`).then(() => Deno.symlink(`${path}.led`, path)),
    ...{ kind: "a link to a folder", isOurs: true },
  },
  { what: "a folder", make: (path) => Deno.mkdir(path), kind: "a folder" },
];
const IRREPLACEABLE = TARGETS.filter(({ kind }) => kind !== undefined);

for (const { what, make, kind, isOurs = false } of TARGETS) {
  const isOverwritten = kind === undefined || isOurs;
  const verdict = isOverwritten
    ? "overwritten with --force only"
    : "not overwritten, not even with --force";
  test(
    `${what} is ${verdict}`,
    [["d/a", "new"], ["d/b", "new"]],
    async ({ options, root, get }) => {
      if (Deno.build.os === "windows") return;
      await Deno.mkdir(root);
      const path = `${root}/a`;
      await make(path);
      const { ino } = await Deno.lstat(path);
      const one = { ...options, name: "d/a", target: path };
      await assert.rejects(getFile(one), { code: "target-exists" });
      assert.deepEqual(await get(), { "d/a": "target-exists", "d/b": "got" });
      if (isOverwritten) {
        assert.deepEqual(await get({ force: true }), { "d/a": "got", "d/b": "there" });
        assert.ok((await Deno.lstat(path)).isFile);
        assert.equal(await Deno.readTextFile(path), "new");
        const led = await Deno.readTextFile(`${path}.led`).catch(() => "mine");
        assert.equal(led, "mine", "nothing is written through a link");
        if (what === "a link to a folder") assert.deepEqual(namesIn(`${path}.led`), []);
        return;
      }
      const range = { from: 0, to: 1 };
      for (const forced of [{ ...one, force: true }, { ...one, force: true, range }]) {
        await assert.rejects(getFile(forced), (error: Error) => {
          assert.ok(error.message.endsWith(`/a: it is ${kind}`), error.message);
          return true;
        });
      }
      assert.deepEqual(await get({ force: true }), { "d/a": "target-exists", "d/b": "there" });
      assert.equal((await Deno.lstat(path)).ino, ino);
      assert.deepEqual(namesIn(root), ["a", "b"], "no temporary file is left");
    },
  );
}

test(
  "a link appears at the target meanwhile: not overwritten",
  [["d/a", "new"]],
  async (fixture) => {
    if (Deno.build.os === "windows") return;
    const { options, root, server } = fixture;
    await Deno.mkdir(root);
    const sound = server.answers;
    server.answers = (message) => {
      if (requestedBy(message).length > 0) Deno.symlinkSync("/dev/null", `${root}/a`);
      return sound(message);
    };
    const outcomes = await getOutcomes({
      ...options,
      names: ["d/a"],
      target: `${root}/a`,
      force: true,
    });
    const [outcome] = outcomes;
    assert.equal(outcome?.state === "not-got" && outcome.error.code, "target-exists");
    assert.ok((await Deno.lstat(`${root}/a`)).isSymlink);
  },
);

for (const { what, make } of IRREPLACEABLE) {
  Deno.test({
    name: `${what} at the path of transfer.info: not overwritten, not even with --force`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      await using folder = await TemporaryFolder.create();
      const path = folder.join("transfer.info");
      await make(path);
      const { ino } = await Deno.lstat(path);
      const info = parseTransferInfo("127.0.0.1:1256\nAlice\n", path);
      const written = writeTransferInfo(path, info, true);
      await assert.rejects(written, { code: "target-exists" });
      assert.equal((await Deno.lstat(path)).ino, ino);
      const names = namesIn(folder.path).filter((name) => !name.endsWith(".led"));
      assert.deepEqual(names, ["transfer.info"]);
    },
  });
}
