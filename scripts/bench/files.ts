/** Files that are moved: written, compared, and what is done before so that all start alike. */
import { Buffer } from "node:buffer";
import { basename } from "node:path";
import { run } from "./processes.ts";

/** With fewer bytes it does not matter which memory they go to. */
const LARGE = 64 * 2 ** 20;

const BUFFERS = [Buffer.alloc(2 ** 20), Buffer.alloc(2 ** 20)] as const;

/** Files of random bytes, each its own; returns their paths. */
export async function writeFiles(folder: string, count: number, size: number): Promise<string[]> {
  await Deno.mkdir(folder);
  const paths = Array.from({ length: count }, (_, number) => `${folder}/file-${number}.bin`);
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
 * Lets all start alike. The disk has nothing left to do from before. And the system has memory at hand for a copy of
 * the files: on a virtual machine memory that is free for some seconds goes back to the host, and to get it anew takes
 * longer than the whole transfer. For that as many bytes are written and removed, twice, since not all of what is freed
 * is what is used next.
 */
export async function settle(folder: string, paths: readonly string[]): Promise<void> {
  await run(["sync"]);
  const sizes = await Promise.all(paths.map(async (path) => (await Deno.stat(path)).size));
  if (sizes.reduce((sum, size) => sum + size, 0) < LARGE) return;
  const warm = `${folder}/warm`;
  await Deno.mkdir(warm);
  for (const path of paths) {
    for (const time of [1, 2]) await Deno.copyFile(path, `${warm}/${time}-${basename(path)}`);
  }
  await Deno.remove(warm, { recursive: true });
}

/** Whether two files have the same bytes. */
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
