/** Files moved by each contender in turn, round after round, every copy compared with its original. */
import { Buffer } from "node:buffer";
import { type Contender, CONTENDERS, missing } from "./contenders.ts";
import { FailedError, time, watch } from "./processes.ts";
import { median } from "./figures.ts";

export interface Work {
  readonly name: string;
  readonly files: number;
  /** Bytes of each. */
  readonly size: number;
}

export const WORKS: readonly Work[] = [
  { name: "one file of 1 GiB", files: 1, size: 2 ** 30 },
  { name: "10 files of 100 MB", files: 10, size: 100e6 },
  { name: "2,000 files of 4 KiB", files: 2000, size: 4096 },
];

/** Medians of some runs. */
export interface Transfer {
  readonly contender: string;
  /** What is missing where it could not take part. */
  readonly absent?: readonly string[];
  readonly seconds: number;
  readonly clientCpu: number;
  readonly serverCpu: number;
  /** Bytes. */
  readonly clientPeak: number;
  readonly serverPeak: number;
}

export interface WorkResult {
  readonly work: Work;
  readonly transfers: readonly Transfer[];
}

/** Moves files with every contender that is installed. */
export async function compare(
  work: Work,
  { folder, runs, contenders = CONTENDERS }: {
    readonly folder: string;
    readonly runs: number;
    readonly contenders?: readonly Contender[];
  },
): Promise<WorkResult> {
  const source = await writeFiles(`${folder}/source`, work);
  const results = new Map<Contender, Transfer[]>();
  const absent = new Map<Contender, readonly string[]>();
  for (const contender of contenders) {
    const lacks = await missing(contender);
    if (lacks.length > 0) absent.set(contender, lacks);
    else results.set(contender, []);
  }
  for (let run = 0; run < runs; run++) {
    for (const [contender, transfers] of results) {
      transfers.push(await move(contender, source, `${folder}/run`));
    }
  }
  await Deno.remove(`${folder}/source`, { recursive: true });
  return {
    work,
    transfers: contenders.map((contender) => {
      const transfers = results.get(contender) ?? [];
      const of = (key: Exclude<keyof Transfer, "contender" | "absent">) =>
        median(transfers.map((transfer) => transfer[key]));
      const lacks = absent.get(contender);
      return {
        contender: contender.name,
        ...(lacks === undefined ? {} : { absent: lacks }),
        ...{ seconds: of("seconds"), clientCpu: of("clientCpu"), serverCpu: of("serverCpu") },
        ...{ clientPeak: of("clientPeak"), serverPeak: of("serverPeak") },
      };
    }),
  };
}

async function move(
  contender: Contender,
  source: readonly string[],
  folder: string,
): Promise<Transfer> {
  await Deno.mkdir(folder);
  try {
    await using ready = await contender.prepare(folder);
    const { command, cwd } = ready.command(source);
    const watching = ready.serverPid === undefined ? undefined : watch(ready.serverPid);
    const { seconds, cpu, peak } = await time(command, { cwd });
    const server = watching?.stop() ?? { cpu: 0, peak: 0 };
    // All of a few, some of many: reading takes longer than moving.
    for (const path of source.filter((_, i) => i % Math.ceil(source.length / 100) === 0)) {
      const copy = await ready.find(path.slice(path.lastIndexOf("/") + 1));
      if (await sameContent(path, copy)) continue;
      throw new FailedError(`${contender.name}: ${copy} is not a copy of ${path}`);
    }
    return {
      ...{ contender: contender.name, seconds, clientCpu: cpu, serverCpu: server.cpu },
      ...{ clientPeak: peak, serverPeak: server.peak },
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Files of random bytes, each its own. */
async function writeFiles(folder: string, { files, size }: Work): Promise<string[]> {
  await Deno.mkdir(folder);
  const paths: string[] = [];
  for (let number = 0; number < files; number++) {
    const path = `${folder}/file-${number}.bin`;
    await writeRandom(path, size);
    paths.push(path);
  }
  return paths;
}

export async function writeRandom(path: string, size: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const block = new Uint8Array(65_536);
  for (let left = size; left > 0; left -= block.length) {
    crypto.getRandomValues(block);
    const piece = block.subarray(0, Math.min(left, block.length));
    for (let done = 0; done < piece.length;) done += await file.write(piece.subarray(done));
  }
}

async function sameContent(a: string, b: string): Promise<boolean> {
  using one = await Deno.open(a);
  using other = await Deno.open(b);
  const buffers = [Buffer.alloc(2 ** 20), Buffer.alloc(2 ** 20)] as const;
  for (;;) {
    const [size, otherSize] = await Promise.all([
      readFull(one, buffers[0]),
      readFull(other, buffers[1]),
    ]);
    if (size !== otherSize) return false;
    if (size === 0) return true;
    if (buffers[0].compare(buffers[1], 0, size, 0, size) !== 0) return false;
  }
}

async function readFull(file: Deno.FsFile, buffer: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const size = await file.read(buffer.subarray(filled));
    if (size === null) break;
    filled += size;
  }
  return filled;
}
