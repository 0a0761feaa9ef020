/**
 * `deno task test:cluster`: several servers on one PostgreSQL database and one bucket of OpenStack Swift, with HAProxy
 * in front, and catalogs through PgBouncer. Installs what is missing, if it can, and runs the tests in tests/cluster/.
 * Some of them let parts fail for some minutes. If something is still missing, it says what, and the tests are ignored.
 */
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { CLUSTER_VARIABLE, type ClusterRun } from "../tests/cluster/cluster_run.ts";
import { CLUSTER_PACKAGES } from "./cluster/cluster.ts";
import { installPackages } from "./cluster/debian_packages.ts";
import { PGBOUNCER_PACKAGES } from "./cluster/pgbouncer.ts";
import { hasExtendedAttributes } from "./cluster/swift.ts";

/** The most time for everything but the faults, in milliseconds: a test that hangs ends the run. */
const MAX_MS = 12 * 60_000;
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

const command = new Command("test:cluster")
  .description("Run the tests of a cluster, with faults of every part.")
  .argument("[path...]", "tests to run", ["tests/cluster/"])
  .option("--minutes <n>", "time for faults; a round that has begun is completed", number, 10)
  .option("--seed <n>", "seed of the random choices", number)
  .option("--servers <n>", "number of servers", number, 3)
  .parse(Deno.args, { from: "user" });
const run = command.opts<Omit<ClusterRun, "report">>();

const missing = await whatIsMissing();
if (missing !== undefined) {
  console.log(`Ignoring the tests of a cluster, which need Debian and root: ${missing}`);
}
Deno.exit(await runTests(missing === undefined));

async function whatIsMissing(): Promise<string | undefined> {
  const { names, reason } = await installPackages([...CLUSTER_PACKAGES, ...PGBOUNCER_PACKAGES]);
  if (names.length > 0) return `no ${names.join(", ")}${reason === "" ? "" : `\n${reason}`}`;
  if (!(await hasExtendedAttributes())) return "temporary files have no extended attributes";
  return undefined;
}

/** Returns the exit code. The tests start many processes, so one file runs at a time. */
async function runTests(isReady: boolean): Promise<number> {
  const runner = fileURLToPath(new URL("run_tests.ts", import.meta.url));
  const report = await Deno.makeTempFile({ prefix: "xfer-cluster-" });
  const variables = isReady ? { [CLUSTER_VARIABLE]: JSON.stringify({ ...run, report }) } : {};
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", runner, ...command.processedArgs[0]],
    env: { DENO_JOBS: "1", ...variables },
  }).spawn();
  for (const signal of SIGNALS) Deno.addSignalListener(signal, () => process.kill(signal));
  const timer = setTimeout(() => {
    console.error("The tests of a cluster take too long");
    process.kill("SIGTERM");
  }, MAX_MS + run.minutes * 60_000);
  const { code } = await process.status;
  clearTimeout(timer);
  console.log(await Deno.readTextFile(report));
  await Deno.remove(report);
  return code;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new InvalidArgumentError("Expected a number.");
  return value;
}
