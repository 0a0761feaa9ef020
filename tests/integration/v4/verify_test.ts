/** Files of protocol 4 are verified by their digests, too: a CRC alone would miss some changes. */
import assert from "node:assert/strict";
import { backup } from "../../../server/operator/mod.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { putAll } from "../../support/v4/put_all.ts";
import { type Verified, verify } from "../../../server/operator/verify.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { tamper } from "../../support/store/database.ts";
import { Fixture, put } from "../../support/v4/fixture.ts";

const SIZE = 2_500_000;

/** Files in the catalog and on disk, and an empty one. */
async function prepared(fixture: Fixture): Promise<void> {
  using client = await fixture.client("Alice");
  for (const [name, size] of [["small", 100], ["large", SIZE], ["empty", 0]] as const) {
    const content = pseudoRandomBytes(size, size + 1);
    const [outcome] = await put(client, [{ file: await fixture.source(name, content), name }]);
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

Deno.test("verify: sound files in the catalog and on disk pass", async () => {
  await using fixture = await Fixture.create();
  await prepared(fixture);
  assert.deepEqual(await findings(fixture.data), []);
});

for (const name of ["small", "large", "empty"]) {
  Deno.test(`verify, export, backup: bytes with the right CRC and another digest are found: ${name}`, async () => {
    await using fixture = await Fixture.create();
    await prepared(fixture);
    const catalog = `${fixture.data}/catalog.db`;
    tamper(catalog, "UPDATE files SET digest = zeroblob(32) WHERE name = ?", name);
    assert.deepEqual(await findings(fixture.data), [
      `${name}: its digest differs from the catalog's`,
    ]);
    const target = fixture.folder.join("exported");
    await assert.rejects(
      exportFile({ dataFolder: fixture.data, userName: "Alice", fileName: name, target }),
      { code: "stored-file-damaged" },
    );
    const { damaged } = await backup(fixture.data, fixture.folder.join("backup"));
    assert.deepEqual(damaged.map((file) => file.name), [name]);
  });
}

Deno.test("verify: wrong chunk digests, with which the file cannot be downloaded, are found", async () => {
  await using fixture = await Fixture.create();
  await prepared(fixture);
  tamper(
    `${fixture.data}/catalog.db`,
    `UPDATE contents SET chunks = CAST(x'00' || substr(chunks, 2) AS BLOB)
     WHERE file = (SELECT id FROM files WHERE name = 'large')`,
  );
  assert.deepEqual(await findings(fixture.data), [
    "large: its chunk digests in the catalog do not match its content",
  ]);
});

Deno.test("put: sending a folder again repairs its damaged file", async () => {
  await using fixture = await Fixture.create({ inlineSize: 0 });
  const folder = fixture.folder.join("photos");
  await Deno.mkdir(folder);
  const contents = new Map(["a", "b"].map((name, i) => [name, pseudoRandomBytes(1000, i + 1)]));
  for (const [name, content] of contents) await Deno.writeFile(`${folder}/${name}`, content);
  const options = { connect: await fixture.options("Alice"), paths: [folder] };
  await putAll(options);
  // Like files of protocol 3, whose digests are unknown before they are read.
  const files = (await listStored(fixture.data))[0]?.files ?? [];
  const damaged = files.find(({ kind }) => kind === "file");
  tamper(
    `${fixture.data}/catalog.db`,
    "UPDATE files SET digest = NULL, mtime = NULL WHERE name = ?",
    damaged?.name ?? "",
  );
  await Deno.writeFile(`${fixture.data}/${damaged?.content.id}`, new Uint8Array(1000));
  const outcomes = await putAll(options);
  assert.deepEqual(outcomes.map(({ state }) => state), ["unchanged", "stored", "unchanged"]);
  assert.deepEqual(await findings(fixture.data), []);
});
