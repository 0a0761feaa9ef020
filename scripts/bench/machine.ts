/** The machine of the measurements. */
import { FailedError, run, which } from "./processes.ts";

/** The number of processors that both ends of a transfer share. */
const PROCESSORS = 2;

/** A description of the machine for people. */
export async function describeMachine(): Promise<string> {
  const cpu = /^model name\s*:\s*(.+)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1];
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  const executable = Deno.env.get("XFER_BIN") === undefined ? "from source" : "one executable";
  return `${(await allowed()).length} processors (${cpu ?? "unknown"}), ${memory} GiB, ` +
    `Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}, xfer ${executable}`;
}

/**
 * Restricts this process and its future children to two processors, so that results of larger machines are comparable.
 * Throws `FailedError` if taskset is needed but not installed.
 */
export async function confine(): Promise<void> {
  const processors = await allowed();
  if (processors.length <= PROCESSORS) return;
  if (await which("taskset") === undefined) {
    throw new FailedError(
      `taskset is not installed: it is needed to use only ${PROCESSORS} processors`,
    );
  }
  const list = processors.slice(0, PROCESSORS).join(",");
  await run(["taskset", "--all-tasks", "--cpu-list", "--pid", list, `${Deno.pid}`]);
}

/** The numbers of the processors that this process may use. */
async function allowed(): Promise<number[]> {
  const status = await Deno.readTextFile("/proc/self/status");
  const ranges = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1]?.split(",") ?? [];
  return ranges.flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
