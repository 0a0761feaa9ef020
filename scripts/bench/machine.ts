/** The machine that all of it runs on. */
import { FailedError, run, which } from "./processes.ts";

/** Both ends of a transfer share so many processors. */
const PROCESSORS = 2;

/** What it is, for people. */
export async function describeMachine(): Promise<string> {
  const cpu = /^model name\s*:\s*(.+)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1];
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  const executable = Deno.env.get("XFER_BIN") === undefined ? "from source" : "one executable";
  return `${(await allowed()).length} processors (${cpu ?? "unknown"}), ${memory} GiB, ` +
    `Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}, xfer ${executable}`;
}

/**
 * Keeps this process, and all that it starts from now on, to two processors, so that figures of larger machines can be
 * compared. Throws `FailedError` where that takes a program that is not there.
 */
export async function confine(): Promise<void> {
  const processors = await allowed();
  if (processors.length <= PROCESSORS) return;
  if (await which("taskset") === undefined) {
    throw new FailedError(`Keeping to ${PROCESSORS} processors takes taskset: it is not installed`);
  }
  const list = processors.slice(0, PROCESSORS).join(",");
  await run(["taskset", "--all-tasks", "--cpu-list", "--pid", list, `${Deno.pid}`]);
}

/** The processors that this process may use, by their numbers. */
async function allowed(): Promise<number[]> {
  const status = await Deno.readTextFile("/proc/self/status");
  const ranges = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1]?.split(",") ?? [];
  return ranges.flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
