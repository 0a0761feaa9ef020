/**
 * `deno task test:cluster`: several servers on one PostgreSQL database and one bucket of OpenStack Swift, with HAProxy in front.
 * First, their parts fail for some minutes while clients use them. The printed seed repeats the choices. Then come the
 * tests in tests/cluster/.
 */
import { Command, InvalidArgumentError } from "commander";
import { soakCluster } from "../tests/cluster/soak.ts";
import { Loop } from "../tests/faults/loop.ts";
import { Cluster, CLUSTER_PACKAGES } from "./cluster/cluster.ts";
import { canInstall, missingPackages } from "./cluster/debian_packages.ts";

const { minutes, seed, servers } = new Command("test:cluster")
  .description("Run the tests of a cluster, with faults of every part.")
  .option("--minutes <n>", "time for faults, in minutes; a round that has begun is completed", number, 10)
  .option("--seed <n>", "seed of the random choices", number)
  .option("--servers <n>", "number of servers", number, 3)
  .parse(Deno.args, { from: "user" })
  .opts<{ minutes: number; seed?: number; servers: number }>();

/** Packs then have contents of both kinds, and a comparison reads no history of earlier rounds. */
const SOAK_ARGS = ["--inline-size", "16KiB", "--history", "5m"];

if (await canInstall(CLUSTER_PACKAGES)) await soak();
else {
  const missing = (await missingPackages(CLUSTER_PACKAGES)).join(" ");
  console.log(`Skipped the faults of a cluster: on Debian, run 'apt-get install ${missing}'`);
}
Deno.exit(await runTests());

async function soak(): Promise<void> {
  const until = Date.now() + minutes * 60_000;
  const loop = new Loop({ until, ...(seed === undefined ? {} : { seed }) });
  console.log(`seed ${loop.seed}`);
  await using cluster = await Cluster.start({ servers, args: SOAK_ARGS });
  try {
    await loop.run((loop) => soakCluster(cluster, loop));
  } catch (error) {
    console.error(cluster.lastLines(30));
    throw error;
  } finally {
    for (const [what, count] of [...loop.counts].sort()) console.log(`  ${what}: ${count}`);
  }
  console.log("Nothing lost, nothing reported wrongly, nothing left over.");
}

/** Returns the exit code. The tests start many processes, so one file runs at a time. */
async function runTests(): Promise<number> {
  const runner = new URL("./run_tests.ts", import.meta.url).pathname;
  const tests = new URL("../tests/cluster/", import.meta.url).pathname;
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", runner, tests],
    env: { XFER_TEST_CLUSTER: "1", DENO_JOBS: "1" },
  }).spawn().status;
  return code;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new InvalidArgumentError("Expected a number.");
  return value;
}
