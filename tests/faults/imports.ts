/** Imports that are killed before and after each of their calls to the file system. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { importFiles, listStored, verify } from "../../server/operator/mod.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { startInThisThread } from "../support/server.ts";
import { copyFolder, listen } from "../support/store/stored.ts";
import { Fixture } from "../support/v4/fixture.ts";
import { killAtCalls, runKilled } from "./killed_work.ts";
import type { Loop } from "./loop.ts";

/** One file is kept in the catalog, the others are not. */
const SIZES = [100, 80_000, 90_000, 100_000];

/**
 * Kills imports of a folder into an account that already has one of its files, with other content. Each name is as it was,
 * or as in the folder. The next start of a server removes what was left, and the next import completes.
 */
export async function killImportAtEveryCall(loop: Loop, { every = 1 } = {}): Promise<void> {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  await fixture.server.close();
  const tree = fixture.folder.join("tree");
  await Deno.mkdir(tree);
  for (const size of SIZES) await Deno.writeFile(join(tree, `${size}`), pseudoRandomBytes(size));
  const old = await fixture.folder.write("old", pseudoRandomBytes(85_000, 1));
  await importFiles({
    ...{ dataFolder: fixture.data, userName: "Alice", paths: [old], as: `tree/${SIZES[1]}` },
  });
  const before = await crcs(fixture.data);
  const after = new Map<string, number>();
  {
    const dataFolder = fixture.folder.join("expected");
    copyFolder(fixture.data, dataFolder);
    await importFiles({ dataFolder, userName: "Alice", paths: [tree] });
    for (const [name, crc] of await crcs(dataFolder)) after.set(name, crc);
  }
  await killAtCalls(loop, { every }, async (kill, folder) => {
    const dataFolder = folder.join("data");
    copyFolder(fixture.data, dataFolder);
    const killed = await runKilled({ work: "import", dataFolder, other: tree, ...kill });
    await (await startInThisThread({ listen, dataFolder })).close();
    await assertClean(dataFolder);
    const found = await crcs(dataFolder);
    for (const [name, crc] of found) assert.ok([before.get(name), after.get(name)].includes(crc));
    for (const name of before.keys()) assert.ok(found.has(name), `${name} is still there`);
    await importFiles({ dataFolder, userName: "Alice", paths: [tree] });
    assert.deepEqual(await crcs(dataFolder), after);
    await assertClean(dataFolder);
    return killed;
  });
}

/** The checksums of current files. */
async function crcs(dataFolder: string): Promise<Map<string, number>> {
  const files = (await listStored(dataFolder)).flatMap(({ files }) => files);
  return new Map(
    files.filter(({ current = true }) => current).map(({ name, crc }) => [name, crc]),
  );
}

async function assertClean(dataFolder: string): Promise<void> {
  assert.equal((await verify({ dataFolder })).findings, 0);
  assert.deepEqual([...Deno.readDirSync(join(dataFolder, "staging"))], []);
}
