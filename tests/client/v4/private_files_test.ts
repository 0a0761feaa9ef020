/** Files that are never sent: keys and identities, a server's data, partial downloads. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { sendFiles } from "../../../client/v3/send_files.ts";
import type { SkipReason } from "../../../client/v4/tree_walk.ts";
import { partPath } from "../../../client/local/partial_file.ts";
import { backup } from "../../../server/operator/mod.ts";
import { codesOf, collectAll, entriesOf, namesOf } from "../../support/collected_files.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startServer } from "../../support/v4/fixture.ts";

const OWN = [
  ...["me.key", "me.account", "me.lock", "me.stored", "me.info", "me.info.old", "me.info.old2"],
  ...["priv.key", "me.edition", "known_servers", "transfer.info"],
  `me.key.${crypto.randomUUID()}.tmp`,
];

/** The reasons why files in a folder are skipped, by paths below it. */
async function skippedIn(folder: TemporaryFolder, path: string, identityFolder: string) {
  const skipped: Record<string, SkipReason> = {};
  const collected = await collectAll({
    ...{ paths: [folder.join(path)], identityFolder },
    onSkipped: (skippedPath, why) =>
      skipped[skippedPath.slice(folder.join(path).replace(/\/$/, "").length + 1)] = why,
  });
  return { skipped, collected };
}

const allAre = (names: readonly string[], why: SkipReason) =>
  Object.fromEntries(names.map((name) => [name, why]));

Deno.test("private files of any client in folders: skipped, wherever links lead", async () => {
  await using folder = await TemporaryFolder.create();
  const others = ["me.key.pem", "me.txt", "priv.keys"];
  for (const where of ["above/home", "above/other"]) {
    await Deno.mkdir(folder.join(where), { recursive: true });
    for (const name of [...OWN, ...others]) await folder.write(`${where}/${name}`, "x");
  }
  await Deno.symlink(folder.join("above/home"), folder.join("link"));
  const identityFolder = folder.join("link");
  for (
    const [path, ...below] of [["above/home", ""], ["link/", ""], ["above", "home/", "other/"]]
  ) {
    const { skipped, collected } = await skippedIn(folder, path as string, identityFolder);
    const own = below.flatMap((folder) => OWN.map((name) => folder + name));
    assert.deepEqual(skipped, allAre(own, "one of xfer's own files"));
    assert.deepEqual(
      namesOf(collected),
      below.flatMap((folder) =>
        others.toSorted().map((name) => `${basename(path as string)}/${folder}${name}`)
      ),
    );
  }
});

Deno.test("names that other programs use, too: private in a client's folder only", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  for (const name of ["priv.key", "transfer.info", "catalog.db"]) {
    await folder.write(`d/${name}`, "x");
  }
  const { skipped, collected } = await skippedIn(folder, "d", folder.path);
  assert.deepEqual(skipped, {});
  assert.equal(namesOf(collected).length, 3);
});

Deno.test("partial downloads in folders: skipped", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  const parts = [basename(partPath("a.bin")), `.xfer-${crypto.randomUUID()}.tmp`];
  const others = [".a.part", "a.xfer-part"];
  for (const name of [...parts, ...others]) await folder.write(`d/${name}`, "x");
  const { skipped, collected } = await skippedIn(folder, "d", folder.path);
  assert.deepEqual(skipped, allAre(parts, "a partial download"));
  assert.deepEqual(namesOf(collected), others.map((name) => `d/${name}`));
});

Deno.test("the key of the identity in use under another name: skipped in folders, refused when named", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  const key = await folder.write("me.key", "x");
  await Deno.link(key, folder.join("d/innocent"));
  await folder.write("d/a", "x");
  const { skipped, collected } = await skippedIn(folder, "d", folder.path);
  assert.deepEqual(skipped, { innocent: "one of xfer's own files" });
  assert.deepEqual(namesOf(collected), ["d/a"]);
  const named = await collectAll({
    paths: [folder.join("d/innocent")],
    identityFolder: folder.path,
  });
  assert.deepEqual(codesOf(named, folder.join("d")), { "/innocent": "own-key" });
});

Deno.test("a server's data folder or a backup of it: skipped as a whole, whether the server runs or not", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("above/here"), { recursive: true });
  await folder.write("above/a", "x");
  const data = folder.join("above/data");
  const skipped = allAre(["data", "backup"], "a server's data folder");
  {
    await using _server = await startServer(data);
    await backup(data, folder.join("above/backup"));
    const running = await skippedIn(folder, "above", folder.join("above/here"));
    assert.deepEqual(running.skipped, skipped);
    assert.deepEqual(entriesOf(running.collected), [
      ...["folder above", "file above/a", "folder above/here"],
    ]);
  }
  assert.deepEqual(
    (await skippedIn(folder, "above", folder.path)).skipped,
    skipped,
  );
  const inBackup = ["above/backup/lock.db", "above/backup/states"];
  const paths = ["above/data", "above/data/files", "above/data/tls.pem", ...inBackup];
  const named = await collectAll({
    paths: [...paths, "above/a"].map((path) => folder.join(path)),
    identityFolder: folder.path,
  });
  assert.deepEqual(
    codesOf(named, folder.join("/")),
    Object.fromEntries(paths.map((path) => [path, "own-key"])),
  );
  assert.deepEqual(namesOf(named), ["a"]);
});

Deno.test("private files that are named: refused over either protocol, and the other named files are sent", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("home"));
  await Deno.mkdir(folder.join("other"));
  for (const where of ["home", "other"]) {
    for (const name of OWN) await folder.write(`${where}/${name}`, "x");
  }
  const identityFolder = folder.join("home");
  await Deno.symlink(`${identityFolder}/me.key`, folder.join("innocent"));
  await folder.write(".a.xfer-part", "x");
  await folder.write("a", "x");
  const secret = OWN.filter((name) => name !== "transfer.info");
  const refused = [
    ...["home", "other"].flatMap((where) => secret.map((name) => `${where}/${name}`)),
    ...["innocent", ".a.xfer-part"],
  ];
  const paths = [...refused, "a", "home/transfer.info"].map((path) => folder.join(path));
  const collected = await collectAll({ paths, identityFolder });
  const { innocent: _, ...expected } = Object.fromEntries(
    refused.map((path) => [path, "own-key"]),
  );
  assert.deepEqual(codesOf(collected, folder.join("/")), expected);
  // A link contains only a path. transfer.info contains no secret, and says where to store.
  assert.deepEqual(namesOf(collected), ["innocent", "a", "transfer.info"]);
  const followed = await collectAll({
    ...{ paths: [folder.join("innocent")], identityFolder, followsNamed: true },
  });
  assert.deepEqual(codesOf(followed, folder.join("/")), { innocent: "own-key" });
  const outcomes = await sendFiles({
    connect: {
      server: { hostname: "127.0.0.1", port: 1 },
      userName: "Alice",
      identityFolder: folder.join("new"),
    },
    retry: { retries: 0 },
    files: refused.map((path) => folder.join(path)),
  });
  assert.deepEqual(outcomes.map((outcome) => "error" in outcome && outcome.error.code), [
    ...refused.map(() => "own-key"),
  ]);
});
