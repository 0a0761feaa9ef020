/** Faults of every part of a cluster while clients use it. Runs only in `deno task test:cluster`. */
import { Cluster } from "../../scripts/cluster/cluster.ts";
import { Loop } from "../faults/loop.ts";
import { clusterRun } from "./cluster_run.ts";
import { soakCluster } from "./soak.ts";

/** Packs then have contents of both kinds, and a comparison reads no history of earlier rounds. */
const ARGS = ["--inline-size", "16KiB", "--history", "2m"];
const LINES = 40;

const run = clusterRun();

Deno.test({
  name: "cluster: nothing is lost, reported wrongly or left over while its parts fail",
  ignore: run === undefined,
  fn: async () => {
    const { minutes = 0, seed, servers = 0, report = "" } = run ?? {};
    await using cluster = await Cluster.start({ servers, args: ARGS });
    const until = Date.now() + minutes * 60_000;
    const loop = new Loop({ until, ...(seed === undefined ? {} : { seed }) });
    try {
      await loop.run((loop) => soakCluster(cluster, loop));
    } catch (error) {
      throw new Error(`${error}\n${cluster.lastLines(LINES)}`, { cause: error });
    } finally {
      const counts = [...loop.counts].sort().map(([what, count]) => `  ${what}: ${count}\n`);
      await Deno.writeTextFile(report, `seed ${loop.seed}\n${counts.join("")}`);
    }
  },
});
