/** What a data folder holds, read past the server, and whether its parts agree. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type Bytes, cksum } from "../../mod.ts";

/** Contents by file name, by user name. */
export type Stored = ReadonlyMap<string, ReadonlyMap<string, Bytes>>;

/** The files of every user. Throws where a row and its blob don't agree. */
export function readFiles(dataFolder: string): Stored {
  using database = new DatabaseSync(`${dataFolder}/catalog.db`, { readOnly: true });
  const stored = new Map<string, Map<string, Bytes>>();
  const rows = database.prepare(
    `SELECT clients.name AS user, files.name AS name, path, size, crc, verified
     FROM files JOIN clients ON clients.id = client_id`,
  ).all() as Record<"user" | "name" | "path" | "size" | "crc" | "verified", never>[];
  for (const { user, name, path, size, crc, verified } of rows) {
    const content = Deno.readFileSync(`${dataFolder}/${path}`);
    assert.deepEqual(
      { size, crc, verified },
      { size: content.length, crc: cksum(content), verified: 1 },
      `${user}/${name}: the catalog tells of another file than there is`,
    );
    const files = stored.get(user) ?? new Map<string, Bytes>();
    stored.set(user, files.set(name, content));
  }
  return stored;
}

/** As {@link readFiles}, and nothing else is there: no blob without a row, nothing staged, no orphan. */
export function readWholeFolder(dataFolder: string): Stored {
  const stored = readFiles(dataFolder);
  using database = new DatabaseSync(`${dataFolder}/catalog.db`, { readOnly: true });
  const all = (sql: string) => database.prepare(sql).all().map((row) => Object.values(row)[0]);
  assert.deepEqual(all("PRAGMA integrity_check"), ["ok"]);
  assert.deepEqual(all("PRAGMA foreign_key_check"), []);
  assert.deepEqual(all("SELECT path FROM orphans"), [], "orphans");
  assert.deepEqual(namesIn(`${dataFolder}/staging`), [], "staged files");
  const blobs = namesIn(`${dataFolder}/files`)
    .flatMap((owner) =>
      namesIn(`${dataFolder}/files/${owner}`).map((id) => `files/${owner}/${id}`)
    );
  assert.deepEqual(blobs.sort(), all("SELECT path FROM files").sort(), "blobs and rows");
  return stored;
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}
