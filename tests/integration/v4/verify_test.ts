/** What protocol 4 has stored is verified by its digests too, which a CRC alone would not tell apart. */
import assert from "node:assert/strict";
import { backup } from "../../../server/operator/backup.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { putFiles } from "../../../client/v4/put_files.ts";
import { type Verified, verify } from "../../../server/operator/verify.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { tamper } from "../../support/store/database.ts";
import { put, Scene } from "../../support/v4/fixture.ts";

const SIZE = 2_500_000;

/** Files in the catalog and beside it, and one of nothing. */
async function prepared(scene: Scene): Promise<void> {
  using client = await scene.client("Alice");
  for (const [name, size] of [["small", 100], ["large", SIZE], ["empty", 0]] as const) {
    const content = pseudoRandomBytes(size, size + 1);
    const [outcome] = await put(client, [{ file: await scene.source(name, content), name }]);
    assert.equal(outcome, cksum(content));
  }
}

async function findings(dataFolder: string): Promise<string[]> {
  const found: Verified[] = [];
  await verify({ dataFolder, onFinding: (one) => found.push(one) });
  return found.map(({ finding }) =>
    finding.kind === "changed" ? `${finding.file.name}: ${finding.what}` : finding.kind
  ).sort();
}

Deno.test("verify: what is sound is found so, in the catalog and beside it", async () => {
  await using scene = await Scene.create();
  await prepared(scene);
  assert.deepEqual(await findings(scene.data), []);
});

for (const name of ["small", "large", "empty"]) {
  Deno.test(`verify, export, backup: bytes with the right CRC and another digest are found: ${name}`, async () => {
    await using scene = await Scene.create();
    await prepared(scene);
    const catalog = `${scene.data}/catalog.db`;
    tamper(catalog, "UPDATE files SET digest = zeroblob(32) WHERE name = ?", name);
    assert.deepEqual(await findings(scene.data), [
      `${name}: its digest differs from the catalog's`,
    ]);
    const target = scene.folder.join("exported");
    await assert.rejects(
      exportFile({ dataFolder: scene.data, userName: "Alice", fileName: name, target }),
      { code: "stored-file-damaged" },
    );
    const { damaged } = await backup(scene.data, scene.folder.join("backup"));
    assert.deepEqual(damaged.map((file) => file.name), [name]);
  });
}

Deno.test("verify: digests of chunks that are not the file's are found, with which it can't be got back", async () => {
  await using scene = await Scene.create();
  await prepared(scene);
  tamper(
    `${scene.data}/catalog.db`,
    "UPDATE files SET chunks = CAST(x'00' || substr(chunks, 2) AS BLOB) WHERE name = 'large'",
  );
  assert.deepEqual(await findings(scene.data), [
    "large: its chunk digests in the catalog do not match its content",
  ]);
});

Deno.test("one of a folder that is damaged on the server is mended by sending the folder again", async () => {
  await using scene = await Scene.create({ inlineSize: 0 });
  const folder = scene.folder.join("photos");
  await Deno.mkdir(folder);
  const contents = new Map(["a", "b"].map((name, i) => [name, pseudoRandomBytes(1000, i + 1)]));
  for (const [name, content] of contents) await Deno.writeFile(`${folder}/${name}`, content);
  const options = { connect: await scene.options("Alice"), paths: [folder] };
  await putFiles(options);
  // As protocol 3 has left it, of whose files no digest is known before they are read.
  const [damaged] = (await listStored(scene.data))[0]?.files ?? [];
  tamper(
    `${scene.data}/catalog.db`,
    "UPDATE files SET digest = NULL, chunks = NULL, mtime = NULL WHERE name = ?",
    damaged?.name ?? "",
  );
  await Deno.writeFile(`${scene.data}/${damaged?.content.id}`, new Uint8Array(1000));
  const outcomes = await putFiles(options);
  assert.deepEqual(outcomes.map(({ state }) => state).sort(), ["stored", "unchanged"]);
  assert.deepEqual(await findings(scene.data), []);
});
