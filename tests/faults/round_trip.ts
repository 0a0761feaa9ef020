/** Uploads and downloads over protocol 4 with real processes: more files than usual, and a larger one. */
import assert from "node:assert/strict";
import { freeSpaceOf } from "../../server/fs/free_space.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { canMeasure, peakResident, watched } from "../support/memory.ts";
import { command, ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";
import type { Loop } from "./loop.ts";

const MIB = 1024 * 1024;
const FILES_PER_FOLDER = 500;
/** Maximum size of a small file, in bytes. */
const MAX_SMALL = 2000;
/** Bytes that stay free on the disk. */
const SPARE = 2048 * MIB;

export interface Bounds {
  /** Maximum resident memory of either end, in bytes. */
  readonly memory: number;
}

/** Uploads a folder of `count` small files and downloads it. */
export async function manyFiles(
  loop: Loop,
  { count, memory }: Bounds & { count: number },
): Promise<void> {
  if (!loop.next()) return;
  await using folder = await TemporaryFolder.createOnDisk();
  const source = folder.join("source");
  for (let i = 0; i < count; i++) {
    const below = `${source}/${Math.floor(i / FILES_PER_FOLDER)}`;
    if (i % FILES_PER_FOLDER === 0) await Deno.mkdir(below, { recursive: true });
    const content = pseudoRandomBytes(loop.dice.roll(MAX_SMALL), loop.dice.roll(2 ** 31));
    Deno.writeFileSync(`${below}/${i}`, content);
  }
  await roundTrip(loop, folder, memory, ["get", "source", "--recursive", "-o", "back"]);
  loop.count("small files uploaded and downloaded", count);
}

/** Uploads a file of `size` bytes, nearly all a hole, and downloads it, if the disk has the space. */
export async function hugeFile(
  loop: Loop,
  { size, memory }: Bounds & { size: number },
): Promise<void> {
  if (!loop.next()) return;
  await using folder = await TemporaryFolder.createOnDisk();
  // The source is a hole. The stored and the downloaded file take their full size.
  const [free, needed] = [await freeSpaceOf(folder.path), 2 * size + SPARE];
  if (free < needed) {
    loop.count(`skipped: MiB free of ${Math.round(needed / MIB)}`, Math.round(free / MIB));
    return;
  }
  {
    using file = await Deno.open(folder.join("source"), { write: true, createNew: true });
    await file.truncate(size);
    const noise = pseudoRandomBytes(65_536, loop.dice.roll(2 ** 31));
    for (const at of [0, Math.floor(size / 2) - 100, size - noise.length]) {
      await file.seek(at, Deno.SeekMode.Start);
      for (let done = 0; done < noise.length;) done += await file.write(noise.subarray(done));
    }
  }
  await roundTrip(loop, folder, memory, ["get", "source", "-o", "back"]);
  loop.count("MiB uploaded and downloaded", Math.round(size / MIB));
}

/** Uploads `source` from the folder, downloads it as `back` and compares. */
async function roundTrip(
  loop: Loop,
  folder: TemporaryFolder,
  memory: number,
  get: readonly string[],
): Promise<void> {
  await using server = await ServerProcess.start(folder.join("data"));
  const { location } = await server.logged("server.listening-securely");
  await folder.write("transfer.info", `${location}\nAlice\n`);
  for (const args of [["put", "source"], get]) {
    const options = { cwd: folder.path, stdin: "null", stdout: "null", stderr: "piped" } as const;
    const process = command(["client", ...args], options).spawn();
    const [{ code, peak }, stderr] = await Promise.all([
      watched(process),
      new Response(process.stderr).text(),
    ]);
    assert.equal(code, 0, `${args[0]}: ${stderr.slice(-1000)}`);
    judgeMemory(loop, `MiB resident at most: ${args[0]}`, peak, memory);
  }
  judgeMemory(loop, "MiB resident at most: server", peakResident(server.pid) ?? 0, memory);
  const { code, stdout } = await tiedCommand("diff", {
    args: ["--recursive", "--brief", folder.join("source"), folder.join("back")],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stdout).slice(0, 1000));
}

function judgeMemory(loop: Loop, what: string, peak: number, most: number): void {
  if (!canMeasure) return;
  loop.count(what, Math.round(peak / MIB));
  assert.ok(peak > 0 && peak < most, `${what}: ${Math.round(peak / MIB)}`);
}
