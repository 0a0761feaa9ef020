/** Many clients with one server. */
import { ServerProcess } from "../../tests/support/processes.ts";
import { TemporaryFolder } from "../../tests/support/temporary_folder.ts";
import type { CrowdTimes, CrowdWork } from "./crowd_driver.ts";
import { median, quantile } from "./figures.ts";
import { FailedError, watch } from "./processes.ts";

export interface Crowd {
  readonly clients: number;
  /** Bytes sent by each client; 0 if it only registered. */
  readonly size: number;
  readonly seconds: number;
  /** Times of single clients, in seconds. */
  readonly median: number;
  readonly p99: number;
  readonly slowest: number;
  readonly serverCpu: number;
  readonly serverPeak: number;
}

/** Runs clients that each upload a file of this size, all at once. */
export function uploads(protocol: 3 | 4, clients: number, size: number): Promise<Crowd> {
  return drive(protocol === 3 ? "uploads3" : "uploads4", clients, size);
}

/** Clients register over protocol 3. */
export function registrations(count: number): Promise<Crowd> {
  return drive("registrations", count, 0);
}

/** Clients that are registered sign in over protocol 4. */
export function logins(count: number): Promise<Crowd> {
  return drive("logins", count, 0);
}

async function drive(what: CrowdWork, clients: number, size: number): Promise<Crowd> {
  await using folder = await TemporaryFolder.createOnDisk();
  await using server = await ServerProcess.start(folder.join("data"), { args: SERVED });
  return await driveAt(server, what, clients, size);
}

/** Options of a server for many clients. */
export const SERVED: readonly string[] = [
  ...["--listen", "127.0.0.1:0", "--max-registrations-per-hour", "none"],
];

/** Runs clients with a server. `more`: further arguments of the driver. */
export async function driveAt(
  server: ServerProcess,
  what: CrowdWork,
  clients: number,
  size: number,
  more: readonly string[] = [],
): Promise<Crowd> {
  const watching = watch(server.pid);
  const driver = new URL("./crowd_driver.ts", import.meta.url).pathname;
  const work = [what, `${server.port}`, `${clients}`, `${size}`, ...more];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", driver, ...work],
  }).output();
  const usage = watching.stop();
  const decoder = new TextDecoder();
  if (code !== 0) throw new FailedError(decoder.decode(stderr));
  const { seconds, each } = JSON.parse(decoder.decode(stdout)) as CrowdTimes;
  return {
    ...{ clients, size, seconds, serverCpu: usage.cpu, serverPeak: usage.peak },
    ...{ median: median(each), p99: quantile(each, 0.99), slowest: Math.max(...each) },
  };
}
