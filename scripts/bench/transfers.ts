/** Moves files with each contender in turn, in several rounds, and compares every copy with its original. */
import { basename, dirname } from "node:path";
import type { Contender, Ready } from "./contender.ts";
import { type ContenderName, CONTENDERS, missing } from "./contenders.ts";
import { median } from "./figures.ts";
import { sameContent, settle, writeFiles } from "./files.ts";
import { FailedError, run, time, watch } from "./processes.ts";
import { isMany, type Work } from "./works.ts";

/** The cost of one run, or the medians of several. */
export interface Cost {
  readonly seconds: number;
  readonly clientCpu: number;
  readonly serverCpu: number;
  /** Bytes. */
  readonly clientPeak: number;
  readonly serverPeak: number;
}

export interface Transfer extends Cost {
  readonly contender: ContenderName;
  /** The missing requirements, if the contender could not run. */
  readonly absent?: readonly string[];
}

export interface WorkResult {
  readonly work: Work;
  readonly transfers: readonly Transfer[];
}

/** Moves files with every contender that is installed. */
export async function compare(
  work: Work,
  { folder, runs }: { readonly folder: string; readonly runs: number },
): Promise<WorkResult> {
  const place = await Deno.makeTempDir({ dir: folder });
  const source = await writeFiles(`${place}/source`, work.files, work.size);
  const costs = new Map<ContenderName, Cost[]>();
  const absent = new Map<ContenderName, readonly string[]>();
  for (const name of work.contenders) {
    const lacks = await missing(CONTENDERS[name]);
    if (lacks.length > 0) absent.set(name, lacks);
    else costs.set(name, []);
  }
  for (let run = 0; run < runs; run++) {
    for (const [name, list] of costs) {
      list.push(await move(work, source, { name, place }));
    }
  }
  if (!isMany(work)) await Deno.remove(place, { recursive: true });
  return {
    work,
    transfers: work.contenders.map((contender) => {
      const lacks = absent.get(contender);
      return {
        contender,
        ...(lacks === undefined ? {} : { absent: lacks }),
        ...medians(costs.get(contender) ?? []),
      };
    }),
  };
}

export function medians(costs: readonly Cost[]): Cost {
  const of = (key: keyof Cost) => median(costs.map((cost) => cost[key]));
  return {
    ...{ seconds: of("seconds"), clientCpu: of("clientCpu"), serverCpu: of("serverCpu") },
    ...{ clientPeak: of("clientPeak"), serverPeak: of("serverPeak") },
  };
}

async function move(
  work: Work,
  source: readonly string[],
  { name, place }: { readonly name: ContenderName; readonly place: string },
): Promise<Cost> {
  const folder = await Deno.makeTempDir({ dir: place });
  const contender: Contender = CONTENDERS[name];
  await using ready = await contender.prepare(folder);
  const { command, copyOf } = await plan(work, ready, source, folder);
  await settle(folder, source);
  const cost = await costOf(ready, command);
  for (const path of source) {
    const copy = await copyOf(path);
    if (sameContent(path, copy)) continue;
    throw new FailedError(`${name}: ${copy} is not a copy of ${path}`);
  }
  // After removing many files, a file system may create files slowly for a while. So they are removed at the end.
  if (!isMany(work)) await Deno.remove(folder, { recursive: true });
  return cost;
}

/** Runs a contender's command. */
export async function costOf(
  { serverPid, cwd }: Ready,
  command: readonly string[],
): Promise<Cost> {
  const watching = serverPid === undefined ? undefined : watch(serverPid);
  const { seconds, cpu, peak } = await time(command, { cwd });
  const server = watching?.stop() ?? { cpu: 0, peak: 0 };
  return {
    ...{ seconds, clientCpu: cpu, serverCpu: server.cpu },
    ...{ clientPeak: peak, serverPeak: server.peak },
  };
}

/** The command, and the paths of the copies after it. */
interface Plan {
  readonly command: readonly string[];
  copyOf(path: string): Promise<string> | string;
}

async function plan(
  { way }: Work,
  ready: Ready,
  source: readonly string[],
  folder: string,
): Promise<Plan> {
  const [first = ""] = source;
  switch (way) {
    case "put":
      return { command: ready.put(source), copyOf: (path) => ready.find(basename(path)) };
    case "put folder": {
      const all = dirname(first);
      const copyOf = (path: string) => ready.find(`${basename(all)}/${basename(path)}`);
      return { command: ready.put([all]), copyOf };
    }
    case "get": {
      await run(ready.put(source), ready.cwd);
      const target = `${folder}/back.bin`;
      const command = ready.get?.(basename(first), target);
      if (command === undefined) throw new FailedError("This contender cannot download");
      return { command, copyOf: () => target };
    }
  }
}
