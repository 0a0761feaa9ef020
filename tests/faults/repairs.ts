/** Repairs that are killed before and after each of their calls to file system and database. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { listStored } from "../../server/operator/list_files.ts";
import { verify } from "../../server/operator/verify.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { tamper } from "../support/store/database.ts";
import { startInThisThread } from "../support/server.ts";
import { copyFolder } from "../support/store/stored.ts";
import { openInThisThread } from "../support/store/catalogs.ts";
import { pathOfProgram } from "../support/programs.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { Fixture, put } from "../support/v4/fixture.ts";
import type { KilledRepair } from "./killed_repair.ts";
import { isKilled } from "./killed_work.ts";
import type { Loop } from "./loop.ts";

const PROGRAM = pathOfProgram("tests/faults/killed_repair.ts");
const SIDE_BY_SIDE = 2;
/** Larger than files kept in the catalog. */
const LARGE = 80_000;
const STRAY = "a stray file";

interface Line {
  readonly kind: string;
  readonly path: string;
  readonly movedTo?: string;
}

/** A data folder with damage of every kind, on disk and in the catalog, beside sound files. */
async function prepare(): Promise<Fixture> {
  const fixture = await Fixture.create();
  {
    using client = await fixture.client("Alice");
    for (const name of ["cut", "changed", "gone", "folder", "sound", "small", "little"]) {
      const size = ["small", "little"].includes(name) ? 100 : LARGE;
      const file = await fixture.source(name, pseudoRandomBytes(size, name.length));
      await put(client, [{ file, name }]);
    }
  }
  await fixture.server.close();
  const paths = new Map(
    (await listStored(fixture.data)).flatMap(({ files }) => files)
      .map(({ name, content: { id: path } }) => [name, join(fixture.data, path)]),
  );
  const of = (name: string) => paths.get(name) ?? assert.fail(name);
  await Deno.truncate(of("cut"), 10);
  await Deno.writeFile(of("changed"), pseudoRandomBytes(LARGE, 99));
  await Deno.remove(of("gone"));
  await Deno.remove(of("folder"));
  await Deno.mkdir(of("folder"));
  await Deno.writeTextFile(join(fixture.data, "files", "stray"), STRAY);
  tamper(
    join(fixture.data, "catalog.db"),
    `UPDATE contents SET content = CAST(x'00' || substr(content, 2) AS BLOB)
     WHERE file = (SELECT id FROM files WHERE name = 'small')`,
  );
  return fixture;
}

/** The quarantined files, by kind and path in the order of paths. */
const EXPECTED = ["changed", "changed", "changed", "changed", "missing", "stray"];
const SOUND = ["little", "sound"];

/**
 * Kills repairs at one call after another. Every quarantined file is listed, the next start finishes interrupted moves,
 * and the next repair ends like one that was never killed.
 */
export async function killRepairAtEveryCall(loop: Loop, { every = 1 } = {}): Promise<void> {
  await using fixture = await prepare();
  for (const when of ["before", "after"] as const) {
    await loop.atCalls({ every, sideBySide: SIDE_BY_SIDE }, async (at) => {
      const killed = await killAt(fixture.data, { at, when });
      if (killed) loop.count("killed");
      return killed;
    });
  }
}

/** Returns whether the repair reached the call and was killed. */
async function killAt(
  original: string,
  kill: Pick<KilledRepair, "at" | "when">,
): Promise<boolean> {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  copyFolder(original, dataFolder);
  try {
    const killed = await repair({ dataFolder, ...kill });
    // Each moved file is listed, however early the process ended.
    const recorded = new Set(linesOf(dataFolder).map(({ movedTo }) => movedTo));
    assert.deepEqual(quarantined(dataFolder).filter((path) => !recorded.has(path)), []);

    await (await startInThisThread({ listen: [LOOPBACK], dataFolder })).close();
    const finished = linesOf(dataFolder);
    const moved = finished.flatMap(({ movedTo }) => movedTo ?? []);
    assert.deepEqual(moved.sort(), quarantined(dataFolder), "the start finished it");
    const stored = (await listStored(dataFolder)).flatMap(({ files }) => files);
    const paths = new Set(finished.map(({ path }) => path));
    assert.deepEqual(
      stored.filter(({ content: { id: path } }) => paths.has(path)),
      [],
      "their rows are gone",
    );

    await verify({ dataFolder, repair: true, openCatalog: (path) => openInThisThread(path) });
    const lines = linesOf(dataFolder);
    assert.deepEqual(lines.map(({ kind }) => kind).sort(), EXPECTED);
    assert.equal(new Set(lines.map(({ path }) => path)).size, EXPECTED.length, "each once");
    assert.equal((await verify({ dataFolder })).findings, 0);
    const left = (await listStored(dataFolder)).flatMap(({ files }) => files);
    assert.deepEqual(left.map(({ name }) => name).sort(), SOUND);
    const stray = lines.find(({ kind }) => kind === "stray")?.movedTo ?? assert.fail();
    assert.equal(Deno.readTextFileSync(join(dataFolder, stray)), STRAY);
    return killed;
  } catch (error) {
    throw new Error(`killed ${kill.when} call ${kill.at}: ${error}`, { cause: error });
  }
}

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

function repair(options: KilledRepair): Promise<boolean> {
  return isKilled(PROGRAM, options);
}

/** The list of quarantined files, without a line that was cut off. */
function linesOf(dataFolder: string): Line[] {
  try {
    const lines = Deno.readTextFileSync(join(dataFolder, "quarantine.jsonl")).split("\n");
    return lines.slice(0, -1).map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function quarantined(dataFolder: string): string[] {
  try {
    return [...Deno.readDirSync(join(dataFolder, "quarantine"))]
      .map(({ name }) => `quarantine/${name}`).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
