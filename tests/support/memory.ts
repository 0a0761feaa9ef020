/** The memory of processes, on Linux. */

const SAMPLE_MS = 250;

export const canMeasure = Deno.build.os === "linux";

/** The peak resident memory of a process in bytes. `undefined` if it has ended. */
export function peakResident(pid: number): number | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Waits for the end of a process. Returns its exit code and its peak resident memory. */
export async function watched(process: Deno.ChildProcess): Promise<{ code: number; peak: number }> {
  let peak = 0;
  const sampling = setInterval(() => peak = peakResident(process.pid) ?? peak, SAMPLE_MS);
  try {
    const { code } = await process.status;
    return { code, peak };
  } finally {
    clearInterval(sampling);
  }
}
