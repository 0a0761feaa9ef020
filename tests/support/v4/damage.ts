/** Files that are stored, damaged without the server, and looked up. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Bytes } from "../../../protocol/bytes.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { putAll } from "./put_all.ts";
import type { StoredFile } from "../../../server/catalog/files.ts";
import { verify } from "../../../server/operator/verify.ts";
import { pseudoRandomBytes } from "../bytes.ts";
import { openDatabase, tamper } from "../store/database.ts";
import { type Fixture, got } from "./fixture.ts";

/** The size of a file in bytes. */
export const SIZE = 1000;
export const NAMES = ["a", "b", "c"];
export const contentOf = (name: string, size = SIZE) => pseudoRandomBytes(size, name.charCodeAt(0));

/** A client's upload: one file, several, or a folder. The first file is the one that is damaged. */
export const PUTS = {
  "one file": (folder: string) => [join(folder, "a")],
  "several files": (folder: string) => NAMES.map((name) => join(folder, name)),
  "a folder": (folder: string) => [folder],
};

export interface Put {
  /** Uploads the files again. Returns the outcome of each by name. */
  again(): Promise<Record<string, string>>;
  /** The name of the file to damage, on the server. */
  readonly name: string;
}

export async function putFirst(
  fixture: Fixture,
  what: keyof typeof PUTS,
  size = SIZE,
): Promise<Put> {
  const folder = fixture.folder.join("photos");
  await Deno.mkdir(folder);
  for (const name of NAMES) await Deno.writeFile(join(folder, name), contentOf(name, size));
  const again = async () => {
    const options = { connect: await fixture.options("Alice"), paths: PUTS[what](folder) };
    const states = (await putAll(options)).flatMap((outcome) => {
      if (!("name" in outcome)) return assert.fail(outcome.error);
      return outcome.kind === "folder" ? [] : [[outcome.name, outcome.state]];
    });
    return Object.fromEntries(states.sort());
  };
  const first = await again();
  assert.deepEqual(new Set(Object.values(first)), new Set(["stored"]));
  const name = Object.keys(first)[0] ?? assert.fail();
  return { again, name };
}

/** The outcomes of an upload with all files unchanged except the damaged one, which is the first by name. */
export function mended(states: Record<string, string>): void {
  const [first, ...others] = Object.values(states);
  assert.equal(first, "stored");
  assert.deepEqual(others.filter((state) => state !== "unchanged"), []);
}

export async function fileOf(fixture: Fixture, name: string): Promise<StoredFile> {
  const files = (await listStored(fixture.data)).flatMap(({ files }) => files);
  return files.find((file) => file.name === name && file.current === true) ?? assert.fail(name);
}

export async function blobOf(fixture: Fixture, name: string): Promise<string> {
  return join(fixture.data, (await fileOf(fixture, name)).content.id);
}

export async function flipByte(path: string, at = 500): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const byte = new Uint8Array(1);
  await file.seek(at, Deno.SeekMode.Start);
  await file.read(byte);
  byte[0] = (byte[0] ?? 0) ^ 1;
  // In place: a server that reads the file never finds it shorter.
  await file.seek(at, Deno.SeekMode.Start);
  await file.write(byte);
}

export function markOf(fixture: Fixture, name: string): unknown {
  using database = openDatabase(join(fixture.data, "catalog.db"), { readOnly: true });
  return database.prepare("SELECT damage FROM files WHERE name = ? AND current = 1").get(name)
    ?.["damage"];
}

export async function isWhole(fixture: Fixture, name: string, content: Bytes): Promise<void> {
  using client = await fixture.client("Alice");
  assert.deepEqual(await got(client, name), content);
  assert.equal((await client.stat(name)).size, content.length);
  assert.equal((await verify({ dataFolder: fixture.data })).findings, 0);
  assert.equal(markOf(fixture, name), null);
}

/** Changes a byte of a file, wherever the server keeps it. */
export async function spoil(fixture: Fixture, name: string): Promise<void> {
  if (fixture.blobs("files").length > 0) return await flipByte(await blobOf(fixture, name));
  tamper(
    join(fixture.data, "catalog.db"),
    `UPDATE contents SET content = CAST(x'00' || substr(content, 2) AS BLOB)
     WHERE file = (SELECT id FROM files WHERE name = ?)`,
    name,
  );
}
