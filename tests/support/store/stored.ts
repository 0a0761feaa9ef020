/** Data folders with files, and checks of their content. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { listStored } from "../../../server/operator/list_files.ts";
import { type Verified, verify } from "../../../server/operator/verify.ts";
import { pseudoRandomBytes } from "../bytes.ts";
import { kindOf, RawClient } from "../v3/raw_client.ts";
import type { TemporaryFolder } from "../temporary_folder.ts";
import { startInThisThread } from "../server.ts";

export const listen = [{ hostname: "127.0.0.1", port: 0 }];

/** A data folder with a number of files of Alice, each with different bytes. */
export async function prepared(folder: TemporaryFolder, count = 4): Promise<string> {
  const dataFolder = folder.join("data");
  await using server = await startInThisThread({ listen, dataFolder });
  using peer = await RawClient.connect(server.address);
  await peer.enrol("Alice");
  for (let i = 0; i < count; i++) await store(peer, `file${i}`, i);
  return dataFolder;
}

export async function store(peer: RawClient, name: string, seed: number): Promise<string> {
  await peer.sendFile(name, pseudoRandomBytes(1000, seed + 1));
  return kindOf(await peer.judge("crcValid", name));
}

export async function files(dataFolder: string) {
  return (await listStored(dataFolder)).flatMap(({ files }) => [...files]);
}

export async function firstFile(dataFolder: string) {
  const [first] = await files(dataFolder);
  assert.ok(first);
  return first;
}

export async function findings(dataFolder: string, repair = false): Promise<Verified[]> {
  const found: Verified[] = [];
  const report = await verify({ dataFolder, repair, onFinding: (one) => found.push(one) });
  assert.equal(report.findings, found.length);
  assert.deepEqual([report.catalogFaults, report.whole], [[], true]);
  return found;
}

export function shown(found: readonly Verified[]): string[] {
  return found.map(({ finding }) =>
    finding.kind === "stray" ? `stray ${finding.path}` : `${finding.kind} ${finding.file.name}`
  ).sort();
}

/** The content of every file below a folder. */
export function contents(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory, isFile }) => {
    const path = join(folder, name);
    if (isDirectory) return contents(path);
    return isFile ? [new TextDecoder("latin1").decode(Deno.readFileSync(path))] : [];
  });
}

/** The path of the folder of a backup's newest state, or of something in it. */
export function inNewestState(copy: string, ...names: string[]): string {
  const states = [...Deno.readDirSync(join(copy, "states"))].map(({ name }) => name).sort();
  return join(copy, "states", states.at(-1) ?? assert.fail("no state"), ...names);
}

/** Turns a backup into one as xfer made it before a backup had several states. */
export function withoutStates(copy: string): void {
  const state = inNewestState(copy);
  for (const { name } of Deno.readDirSync(state)) {
    Deno.renameSync(join(state, name), join(copy, name));
  }
  Deno.removeSync(join(copy, "states"), { recursive: true });
  Deno.removeSync(join(copy, "lock.db"));
}

/** Copies a folder with everything below it. */
export function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { mode: 0o700 });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}
