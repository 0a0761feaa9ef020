/** Plans of uploads: what is stored, updated, left and removed. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { setTime } from "../../../client/local/file_metadata.ts";
import { collectFiles, type CollectOptions } from "../../../client/v4/collect_files.ts";
import type { PutOutcome } from "../../../client/v4/put_options.ts";
import type { FolderRemovals, PlanOptions } from "../../../client/v4/put_plan.ts";
import { PutRun } from "../../../client/v4/put_run.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import type { RemoteFile } from "../../../client/v4/remote_file.ts";
import { UsageError } from "../../../protocol/errors.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { FakePool } from "../../support/v4/fake_pool.ts";
import { FILE } from "../../support/v4/message_fields.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const TIME = 1_764_419_786_123_456_789n;
const ignore = Deno.build.os !== "linux";

/** An entry of the server with this content. */
function remote(name: string, content: string, changes: Partial<RemoteFile> = {}): RemoteFile {
  const bytes = new TextEncoder().encode(content);
  const digests = new ChunkDigests(bytes.length);
  if (bytes.length > 0) digests.add(0, bytes);
  return { ...FILE, name, version: 3, mode: 0o644, mtime: TIME, ...digests.sums(), ...changes };
}

const folderOf = (name: string, changes: Partial<RemoteFile> = {}) =>
  remote(name, "", { entry: "folder", mode: 0o755, ...changes });

/** A folder `d` with files, in which everything has one mode and time. */
async function makeTree(files: Readonly<Record<string, string>>): Promise<TemporaryFolder> {
  const folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  for (const [name, content] of Object.entries(files)) {
    await Deno.mkdir(folder.join("d", name, ".."), { recursive: true });
    await folder.write(`d/${name}`, content);
    await Deno.chmod(folder.join("d", name), 0o644);
    setTime(folder.join("d", name), TIME);
  }
  await settle(folder.join("d"));
  return folder;
}

async function settle(path: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    if (isDirectory) await settle(`${path}/${name}`);
  }
  await Deno.chmod(path, 0o755);
  setTime(path, TIME);
}

/** Uploads a folder to a server with these entries, and ends before anything is removed. */
async function plan(
  folder: TemporaryFolder,
  entries: readonly RemoteFile[],
  options: PlanOptions & Partial<CollectOptions> = {},
) {
  const collect = { paths: [folder.join("d")], identityFolder: folder.path, ...options };
  const outcomes: PutOutcome[] = [];
  const server = new FakePool({ entries });
  const run = async (
    { pool }: FakePool,
    mirror?: { confirm(removals: FolderRemovals): Promise<void> },
  ) => {
    const connect = { identityFolder: folder.path } as ConnectOptions;
    const onOutcome = (outcome: PutOutcome) => void outcomes.push(outcome);
    const all = { ...collect, connect, onOutcome, mirror };
    await new PutRun(all, pool, await collectFiles(collect)).run();
  };
  await run(server);
  const removals: { total: number; names: string[] }[] = [];
  const confirm = ({ total, entries }: FolderRemovals) => {
    removals.push({ total, names: entries.map(({ name }) => name) });
    return Promise.reject(new UsageError("not-confirmed", "no"));
  };
  const unchanged = outcomes.flatMap((outcome) =>
    outcome.state === "unchanged" ? [outcome.name] : []
  );
  await run(new FakePool({ entries }), { confirm }).catch((error) =>
    assert.equal(error.code, "not-confirmed")
  );
  const sent = (message: "pack" | "update") =>
    server.received.filter((record) => record.message === message);
  return {
    puts: sent("pack").map(({ name, mode, mtime }) => ({ name, mode, mtime })),
    stored: sent("pack").map(({ name }) => name),
    updates: sent("update").map(({ name, version, mode, mtime }) => ({
      name,
      version,
      mode,
      mtime,
    })),
    unchanged,
    removals,
    /** The number of the message with a name. */
    messages: (name: string) => server.received.find((record) => record.name === name)?.at ?? NaN,
  };
}

Deno.test(
  { name: "plan: what has the same content, mode and time is unchanged", ignore },
  async () => {
    await using folder = await makeTree({ a: "1", "e/b": "" });
    await Deno.symlink("a", folder.join("d/link"));
    setTime(folder.join("d/link"), TIME);
    setTime(folder.join("d"), TIME);
    const link = remote("d/link", "a", { entry: "link", mode: undefined });
    const all = [folderOf("d"), remote("d/a", "1"), folderOf("d/e"), remote("d/e/b", ""), link];
    const { unchanged, stored, updates } = await plan(folder, all);
    assert.deepEqual(unchanged.toSorted(), ["d", "d/a", "d/e", "d/e/b", "d/link"]);
    assert.deepEqual([stored, updates], [[], []]);
  },
);

Deno.test(
  { name: "plan: other modes and times are updated, without the content", ignore },
  async () => {
    await using folder = await makeTree({ a: "1", b: "2", c: "3" });
    await Deno.chmod(folder.join("d/a"), 0o4755);
    setTime(folder.join("d/b"), TIME + 1n);
    const all = [folderOf("d"), remote("d/a", "1"), remote("d/b", "2"), remote("d/c", "3")];
    const { updates, stored, unchanged } = await plan(folder, all);
    assert.deepEqual(updates, [
      { name: "d/a", version: 3, mode: 0o4755, mtime: TIME },
      { name: "d/b", version: 3, mode: 0o644, mtime: TIME + 1n },
    ]);
    assert.deepEqual([stored, unchanged], [[], ["d", "d/c"]]);
  },
);

Deno.test(
  { name: "plan: other content, another kind and missing entries are stored", ignore },
  async () => {
    await using folder = await makeTree({ a: "1", b: "2", c: "3", "was-file/x": "", e: "5" });
    await Deno.symlink("a", folder.join("d/was-link"));
    const all = [
      ...[folderOf("d", { mtime: 0n }), remote("d/a", "9"), remote("d/b", "22")],
      remote("d/c", "3", { entry: "link" }),
      ...[remote("d/was-file", ""), remote("d/was-link", "b", { entry: "link" })],
    ];
    const { stored, messages, updates, unchanged } = await plan(folder, all);
    assert.deepEqual(stored.toSorted(), [
      ...["d/a", "d/b", "d/c", "d/e", "d/was-file", "d/was-file/x", "d/was-link"],
    ]);
    assert.ok(messages("d/was-file") < messages("d/was-file/x"), "what is below it waits");
    assert.deepEqual([updates.map(({ name }) => name), unchanged], [["d"], []]);
  },
);

Deno.test({
  name: "plan: a name in another Unicode form is stored, so that the server refuses it",
  ignore,
}, async () => {
  await using folder = await makeTree({ "e\u0301": "1" });
  const { stored, removals } = await plan(folder, [folderOf("d"), remote("d/\u00e9", "1")]);
  assert.deepEqual(stored, ["d/e\u0301"]);
  assert.deepEqual(removals, []);
});

Deno.test(
  { name: "plan: without permissions or times, the server keeps its own", ignore },
  async () => {
    await using folder = await makeTree({ a: "1", b: "2", c: "3" });
    await Deno.chmod(folder.join("d/a"), 0o600);
    const all = [
      folderOf("d"),
      remote("d/a", "1", { mtime: 5n }),
      remote("d/b", "9", { mode: 0o711 }),
    ];
    const modeless = await plan(folder, all, { permissions: false });
    assert.deepEqual(modeless.updates, [{ name: "d/a", version: 3, mode: 0o644, mtime: TIME }]);
    assert.deepEqual(modeless.puts, [
      { name: "d/b", mode: 0o711, mtime: TIME },
      { name: "d/c", mode: undefined, mtime: TIME },
    ]);
    const before = BigInt(Date.now()) * 1_000_000n;
    const timeless = await plan(folder, all, { times: false });
    assert.deepEqual(timeless.updates, [{ name: "d/a", version: 3, mode: 0o600, mtime: 5n }]);
    assert.deepEqual(timeless.puts.map(({ name, mode }) => [name, mode]), [
      ...[["d/b", 0o644], ["d/c", 0o644]],
    ]);
    for (const { mtime } of timeless.puts) assert.ok(mtime >= before, "the time of the upload");
    const neither = await plan(folder, all, { permissions: false, times: false });
    assert.deepEqual(neither.updates, []);
  },
);

Deno.test({
  name: "mirror: what is missing here is removed, each folder after what is in it",
  ignore,
}, async () => {
  await using folder = await makeTree({ a: "1", "kept/b": "" });
  const gone = ["d/old", "d/old/f", "d/old/deep", "d/old/deep/g", "d/z"];
  const all = [
    ...[folderOf("d"), remote("d/a", "1"), remote("d/kept/b", "")],
    ...gone.map((name) => remote(name, "", { entry: /[fgz]$/.test(name) ? "file" : "folder" })),
    ...[remote("other", "x"), remote("d2/x", "")],
  ];
  const { removals } = await plan(folder, all);
  assert.deepEqual(removals, [{
    total: 7,
    names: ["d/old/deep/g", "d/old/deep", "d/old/f", "d/old", "d/z"],
  }]);
});

Deno.test({
  name: "mirror: excluded and skipped names stay, with the folders above them",
  ignore,
}, async () => {
  await using folder = await makeTree({ a: "1" });
  await Deno.symlink("a", folder.join("d/link"));
  const names = [
    ...["d/keep", "d/keep/x.tmp", "d/keep/y", "d/raw", "d/raw/z", "d/keep2", "d/keep2/raw"],
    ...["d/link", "d/link/below", "d/gone"],
  ];
  const folders = ["d/keep", "d/raw", "d/keep2", "d/link"];
  const all = names.map((name) =>
    remote(name, "", { entry: folders.includes(name) ? "folder" : "file" })
  );
  const { removals } = await plan(folder, all, { exclude: ["*.tmp", "/raw/"], links: false });
  assert.deepEqual(removals[0]?.names, ["d/keep/y", "d/keep2/raw", "d/gone", "d/keep2"]);
});

Deno.test({
  name: "mirror: removes exactly what is not here, whatever the names",
  ignore,
}, async () => {
  await using folder = await makeTree({ a: "1", "b/c": "2", "b/ü": "3" });
  const here = ["d/a", "d/b", "d/b/c", "d/b/ü"];
  const component = fc.constantFrom("a", "b", "c", "ü", "u\u0308", "x", " ", "-", "a b");
  const paths = fc.uniqueArray(
    fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => `d/${parts.join("/")}`),
    { maxLength: 12, selector: (name) => name.normalize("NFC") },
  );
  await fc.assert(
    fc.asyncProperty(paths, async (names) => {
      const isFolder = (name: string) => names.some((other) => other.startsWith(`${name}/`));
      const all = names.map((name) =>
        remote(name, "", { entry: isFolder(name) ? "folder" : "file" })
      );
      const { removals } = await plan(folder, all);
      const removed = removals[0]?.names ?? [];
      const isHere = (name: string) => here.includes(name.normalize("NFC"));
      assert.deepEqual(
        removed.toSorted(),
        names.filter((name) => !isHere(name) && !here.some((h) => h.startsWith(`${name}/`)))
          .toSorted(),
      );
      for (const [i, name] of removed.entries()) {
        const above = removed.slice(0, i).find((folder) => name.startsWith(`${folder}/`));
        assert.equal(above, undefined, "a folder is removed after what is in it");
      }
    }),
    { numRuns: 30 },
  );
});
