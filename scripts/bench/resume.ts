/** The cost of finishing an interrupted upload, by a new process and by the same process. */
import { type Cost, costOf, medians } from "./transfers.ts";
import { sameContent, settle, writeFiles } from "./files.ts";
import { Network } from "./network.ts";
import { FailedError, time, watch } from "./processes.ts";
import { prepareXfer, type ReadyXfer } from "./xfer.ts";

/** The share of the file that is sent before the cut. */
const CUT_AT = 0.9;

interface Fixture {
  readonly ready: ReadyXfer;
  /** Bytes of the file. */
  readonly path: string;
  readonly size: number;
  readonly folder: string;
}

const WAYS = {
  /** The whole upload, without interruption. */
  whole: ({ ready, path }: Fixture) => costOf(ready, ready.put([path])),
  newProcess: finishByNewProcess,
  sameProcess: finishBySameProcess,
};

export type Resume = Readonly<Record<keyof typeof WAYS, Cost>> & { readonly size: number };

export async function resume(
  { folder, runs, size }: { readonly folder: string; readonly runs: number; readonly size: number },
): Promise<Resume> {
  const place = await Deno.makeTempDir({ dir: folder });
  const [path = ""] = await writeFiles(`${place}/source`, 1, size);
  const costs = { whole: [] as Cost[], newProcess: [] as Cost[], sameProcess: [] as Cost[] };
  for (let run = 0; run < runs; run++) {
    for (const way of ["whole", "newProcess", "sameProcess"] as const) {
      costs[way].push(await measure(WAYS[way], { path, size, folder: `${place}/run` }));
    }
  }
  await Deno.remove(place, { recursive: true });
  return {
    ...{ size, whole: medians(costs.whole) },
    ...{ newProcess: medians(costs.newProcess), sameProcess: medians(costs.sameProcess) },
  };
}

async function measure(
  work: (fixture: Fixture) => Promise<Cost>,
  { path, size, folder }: Omit<Fixture, "ready">,
): Promise<Cost> {
  await Deno.mkdir(folder);
  await using ready = await prepareXfer(folder, 4);
  await settle(folder, size);
  const cost = await work({ ready, path, size, folder });
  const copy = await ready.find?.(path.slice(path.lastIndexOf("/") + 1)) ?? "nothing";
  if (!sameContent(path, copy)) throw new FailedError(`${copy} is not a copy of ${path}`);
  await Deno.remove(folder, { recursive: true });
  return cost;
}

/** Kills the client and measures another one, from its start to its end. */
async function finishByNewProcess({ ready, path, size, folder }: Fixture): Promise<Cost> {
  let client: Deno.ChildProcess | undefined;
  {
    await using network = await Network.start(ready, {
      cutAfter: CUT_AT * size,
      onCut: () => client?.kill("SIGKILL"),
    });
    await ready.lead(network.port);
    const cut = time(ready.put([path]), {
      cwd: ready.cwd,
      onStart: (process) => client = process,
    });
    await cut.catch(() => undefined);
    if (network.cutAt === undefined) throw new FailedError("The upload ended before the cut");
  }
  await ready.lead(ready.port);
  await settle(folder, size);
  return await costOf(ready, ready.put([path]));
}

/**
 * Cuts the network and measures from then to the client's end, without the client's random pause before it reconnects.
 */
async function finishBySameProcess({ ready, path, size }: Fixture): Promise<Cost> {
  await using network = await Network.start(ready, { cutAfter: CUT_AT * size });
  await ready.lead(network.port);
  let pausedAt: number | undefined;
  const watching = watch(ready.serverPid ?? 0);
  const { cpu, peak } = await time(ready.put([path]), {
    cwd: ready.cwd,
    onWords: (words) => {
      if (words.includes("Retrying in")) pausedAt ??= performance.now();
    },
  });
  const end = performance.now();
  const server = watching.stop();
  const { cutAt, usedAgainAt } = network;
  if (cutAt === undefined || pausedAt === undefined || usedAgainAt === undefined) {
    throw new FailedError("The client did not retry after the cut");
  }
  return {
    seconds: (pausedAt - cutAt + (end - usedAgainAt)) / 1000,
    ...{ clientCpu: cpu, clientPeak: peak, serverCpu: server.cpu, serverPeak: server.peak },
  };
}
