/** Test files: writes them, compares them, and prepares equal conditions before a run. */
import { Buffer } from "node:buffer";
import { run } from "./processes.ts";

/** With fewer bytes, the state of the memory does not matter. */
const LARGE = 64 * 2 ** 20;

const BUFFERS = [Buffer.alloc(2 ** 20), Buffer.alloc(2 ** 20)] as const;

/** With more files than this, each folder below the first has this many. */
const FOLDER_FILES = 10_000;

/** Writes files of different random bytes and returns their paths. */
export async function writeFiles(folder: string, count: number, size: number): Promise<string[]> {
  await Deno.mkdir(folder);
  const paths: string[] = [];
  for (let number = 0; number < count; number++) {
    const part = Math.floor(number / FOLDER_FILES);
    const place = count > FOLDER_FILES ? `${folder}/${part}` : folder;
    if (place !== folder && number % FOLDER_FILES === 0) await Deno.mkdir(place);
    paths.push(`${place}/file-${number}.bin`);
  }
  for (const path of paths) await writeRandom(path, size);
  return paths;
}

export async function writeRandom(path: string, size: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const block = new Uint8Array(65_536);
  for (let left = size; left > 0; left -= block.length) {
    const piece = block.subarray(0, Math.min(left, block.length));
    crypto.getRandomValues(piece);
    for (let done = 0; done < piece.length;) done += await file.write(piece.subarray(done));
  }
}

/**
 * Prepares equal conditions for a copy of some bytes. The disk has finished earlier writes, and the system has memory
 * available. A virtual machine returns memory that is free for some seconds to its host, and getting it back takes longer
 * than the whole transfer. So the same number of bytes is written and removed, twice, because the system does not reuse
 * all of the freed memory first.
 */
export async function settle(folder: string, bytes: number): Promise<void> {
  await run(["sync"]);
  if (bytes < LARGE) return;
  const warm = `${folder}/warm`;
  fill(warm, 2 * bytes);
  await Deno.remove(warm);
}

/** Writes a file whose content does not matter. */
function fill(path: string, size: number): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  const [block] = BUFFERS;
  for (let left = size; left > 0;) left -= file.writeSync(block.subarray(0, left));
}

/** Whether two files have the same content. */
export function sameContent(a: string, b: string): boolean {
  using one = Deno.openSync(a);
  using other = Deno.openSync(b);
  const [here, there] = BUFFERS;
  for (;;) {
    const size = readFull(one, here);
    if (readFull(other, there) !== size) return false;
    if (size === 0) return true;
    if (here.compare(there, 0, size, 0, size) !== 0) return false;
  }
}

function readFull(file: Deno.FsFile, buffer: Uint8Array): number {
  let filled = 0;
  while (filled < buffer.length) {
    const size = file.readSync(buffer.subarray(filled));
    if (size === null) break;
    filled += size;
  }
  return filled;
}
