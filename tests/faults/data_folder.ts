/** The content of a data folder, read without the server, and a check that its parts agree. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import { cksum } from "../../protocol/crc/cksum.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { openDatabase } from "../support/store/database.ts";

interface FileRow {
  readonly user: string;
  readonly name: string;
  readonly current: number;
  readonly path: string;
  readonly size: number;
  readonly crc: number;
  readonly verified: number;
  /** The digests of the chunks of a file of protocol 4. */
  readonly digest: Bytes | null;
  readonly chunks: Bytes | null;
  /** Of a small file, kept in the catalog. */
  readonly content: Bytes | null;
}

/** A partial upload, which can be resumed. */
interface PartialRow {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly held: number;
  readonly sums: Bytes;
}

/** Contents by file name, by user name. */
export type Stored = ReadonlyMap<string, ReadonlyMap<string, Bytes>>;

/** The files of every user. Throws if a row and its blob don't agree. */
export function readFiles(dataFolder: string): Stored {
  using database = openDatabase(`${dataFolder}/catalog.db`, { readOnly: true });
  const stored = new Map<string, Map<string, Bytes>>();
  const rows = database.prepare(
    `SELECT clients.name AS user, files.name AS name, current, path, size, crc, verified, digest, chunks, content
     FROM files JOIN clients ON clients.id = client_id
     LEFT JOIN contents ON contents.file = files.id`,
  ).all() as unknown as FileRow[];
  for (const { user, name, current, path, digest, chunks, content: inline, ...row } of rows) {
    const content = new Uint8Array(inline ?? Deno.readFileSync(`${dataFolder}/${path}`));
    const { sums: { cksum: crc, digest: tree }, digests } = summedUp(content);
    assert.deepEqual(
      {
        ...row,
        digest: digest && new Uint8Array(digest),
        chunks: chunks && new Uint8Array(chunks),
      },
      {
        ...{ size: content.length, crc, verified: 1 },
        ...{ digest: digest && tree, chunks: chunks && digests },
      },
      `${user}/${name}: the catalog describes another file`,
    );
    if (current !== 1) continue;
    const files = stored.get(user) ?? new Map<string, Bytes>();
    stored.set(user, files.set(name, content));
  }
  return stored;
}

/**
 * Like {@link readFiles}. Also asserts that nothing else exists: no blob without a row, no orphan, no staged file
 * except partial uploads of the recorded size.
 */
export function readWholeFolder(dataFolder: string): Stored {
  const stored = readFiles(dataFolder);
  using database = openDatabase(`${dataFolder}/catalog.db`, { readOnly: true });
  const all = (sql: string) => database.prepare(sql).all().map((row) => Object.values(row)[0]);
  assert.deepEqual(all("PRAGMA integrity_check"), ["ok"]);
  assert.deepEqual(all("PRAGMA foreign_key_check"), []);
  assert.deepEqual(all("SELECT path FROM orphans"), [], "orphans");
  checkStaging(
    dataFolder,
    database.prepare("SELECT * FROM partials").all() as unknown as PartialRow[],
  );
  const blobs = namesIn(`${dataFolder}/files`)
    .flatMap((owner) =>
      namesIn(`${dataFolder}/files/${owner}`).map((id) => `files/${owner}/${id}`)
    );
  const onDisk = all("SELECT path FROM files WHERE path NOT LIKE 'catalog/%'");
  assert.deepEqual(blobs.sort(), onDisk.sort(), "blobs and rows");
  assert.deepEqual(all("SELECT file FROM contents WHERE file NOT IN (SELECT id FROM files)"), []);
  const usage = database.prepare(COUNTED).all();
  assert.deepEqual(usage, database.prepare(RECOUNTED).all(), "counters and rows");
  return stored;
}

/** The counters of accounts that store something, and the same from their rows. */
const COUNTED = `SELECT * FROM usage WHERE files > 0 OR history_files > 0
  OR bytes <> 0 OR history_bytes <> 0 ORDER BY client_id`;
const RECOUNTED = `SELECT client_id, sum(current) AS files, sum(current * size) AS bytes,
    sum(1 - current) AS history_files, sum((1 - current) * size) AS history_bytes
  FROM files GROUP BY client_id ORDER BY client_id`;

function checkStaging(dataFolder: string, partials: readonly PartialRow[]): void {
  const staged = namesIn(`${dataFolder}/staging`);
  const referred = partials.map(({ path }) => basename(path));
  assert.deepEqual(staged.filter((name) => !referred.includes(name)), [], "staged files");
  for (const { name, path, size, held, sums } of partials) {
    if (held === 0) continue;
    const content = new Uint8Array(Deno.readFileSync(`${dataFolder}/staging/${basename(path)}`));
    assert.ok(content.length >= held, `${name}: ${content.length} bytes are there, not ${held}`);
    const recorded = ChunkDigests.decode(size, new Uint8Array(sums), held);
    assert.deepEqual(recorded.digests, summedUp(content.subarray(0, held)).digests, name);
    assert.deepEqual(recorded.sums(held).cksum, cksum(content.subarray(0, held)), name);
  }
}

function summedUp(content: Bytes) {
  const sums = new ChunkDigests(content.length);
  for (let at = 0; at < content.length; at += CHUNK_SIZE) {
    sums.add(at, content.subarray(at, at + CHUNK_SIZE));
  }
  return { sums: sums.sums(), digests: sums.digests };
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}
