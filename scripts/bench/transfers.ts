/** Moves files with each contender in turn, in several rounds, and compares every copy with its original. */
import { basename, dirname, relative } from "node:path";
import type { Contender, Ready } from "./contender.ts";
import { type ContenderName, CONTENDERS, missing } from "./contenders.ts";
import { median } from "./figures.ts";
import { sameContent, settle, writeFiles } from "./files.ts";
import { FailedError, pin, pinned, run, time, watch, which } from "./processes.ts";
import { isKept, type Work } from "./works.ts";

/** The most copies of one run that are compared with their originals, evenly chosen from all. */
const MAX_COMPARED = 1_000;

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
  const root = `${place}/source`;
  const source = await writeFiles(root, work.files, work.size);
  const costs = new Map<ContenderName, Cost[]>();
  const absent = new Map<ContenderName, readonly string[]>();
  const lacking = work.isPinned && await which("taskset") === undefined ? ["taskset"] : [];
  for (const name of work.contenders) {
    const lacks = [...lacking, ...await missing(CONTENDERS[name])];
    if (lacks.some((need) => need.startsWith("$"))) continue;
    if (lacks.length > 0) absent.set(name, lacks);
    else costs.set(name, []);
  }
  for (let run = 0; run < Math.min(runs, work.maxRuns ?? runs); run++) {
    for (const [name, list] of costs) {
      list.push(await move(work, source, { name, place, root }));
    }
  }
  if (!isKept(work)) await Deno.remove(place, { recursive: true });
  return {
    work,
    transfers: work.contenders.filter((name) => costs.has(name) || absent.has(name)).map(
      (contender) => {
        const lacks = absent.get(contender);
        return {
          contender,
          ...(lacks === undefined ? {} : { absent: lacks }),
          ...medians(costs.get(contender) ?? []),
        };
      },
    ),
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
  { name, place, root }: {
    readonly name: ContenderName;
    readonly place: string;
    /** The folder with the files. */
    readonly root: string;
  },
): Promise<Cost> {
  const folder = await Deno.makeTempDir({ dir: place });
  const contender: Contender = CONTENDERS[name];
  await using ready = await contender.prepare(folder, work);
  const { command, copyOf } = await plan(work, ready, source, { folder, root });
  await settle(folder, work.files * work.size);
  const cost = await costOf(ready, command, work);
  const every = Math.ceil(source.length / MAX_COMPARED);
  for (const path of source.filter((_, i) => i % every === 0)) {
    const copy = await copyOf(path);
    if (copy === undefined || sameContent(path, copy)) continue;
    throw new FailedError(`${name}: ${copy} is not a copy of ${path}`);
  }
  if (!isKept(work)) await Deno.remove(folder, { recursive: true });
  return cost;
}

/** The processors of both ends when each has its own. */
const [CLIENT, SERVER] = [1, 0];

/** Runs a contender's command. */
export async function costOf(
  { serverPid, otherServerPids = [], cwd }: Ready,
  command: readonly string[],
  { isPinned }: Pick<Work, "isPinned"> = {},
): Promise<Cost> {
  if (isPinned && serverPid !== undefined) await pin(serverPid, SERVER);
  const watched = [...serverPid === undefined ? [] : [serverPid], ...otherServerPids].map(watch);
  const { seconds, cpu, peak } = await time(isPinned ? pinned(command, CLIENT) : command, { cwd });
  const servers = watched.map((one) => one.stop());
  return {
    ...{ seconds, clientCpu: cpu, clientPeak: peak },
    serverCpu: servers.reduce((sum, { cpu }) => sum + cpu, 0),
    serverPeak: Math.max(0, ...servers.map(({ peak }) => peak)),
  };
}

/** The command, and the paths of the copies after it, as far as they can be read. */
interface Plan {
  readonly command: readonly string[];
  copyOf(path: string): Promise<string | undefined> | string | undefined;
}

async function plan(
  { way }: Work,
  ready: Ready,
  source: readonly string[],
  { folder, root }: { readonly folder: string; readonly root: string },
): Promise<Plan> {
  const [first = ""] = source;
  const target = `${folder}/back`;
  const inFolder = (path: string) => ready.find?.(relative(dirname(root), path));
  switch (way) {
    case "put":
      return { command: ready.put(source), copyOf: (path) => ready.find?.(basename(path)) };
    case "put folder":
      return { command: ready.put([root]), copyOf: inFolder };
    case "put folder again":
      await run(ready.put([root]), ready.cwd);
      return { command: ready.put([root]), copyOf: inFolder };
    case "get":
      await run(ready.put(source), ready.cwd);
      return { command: getting(ready, basename(first), target), copyOf: () => target };
    case "get folder":
      await run(ready.put([root]), ready.cwd);
      return {
        command: getting(ready, basename(root), target),
        copyOf: (path) => `${target}/${relative(root, path)}`,
      };
  }
}

function getting(ready: Ready, name: string, target: string): readonly string[] {
  const command = ready.get?.(name, target);
  if (command === undefined) throw new FailedError("This contender cannot download");
  return command;
}
