/** Measures the time, CPU time and peak memory of processes. Linux only, because it reads /proc. */

/** The sampling interval, in milliseconds. Usage after the last sample is not counted. */
const LOOK_MS = 20;
/** Clock ticks per second in /proc (USER_HZ), fixed on Linux. */
const TICKS = 100;

export interface Usage {
  /** CPU seconds of the process and its descendants, user and system. */
  readonly cpu: number;
  /** The largest resident set of one of these processes, in bytes. */
  readonly peak: number;
}

/** Lets a process, its threads and its future children run on one processor only. */
export async function pin(pid: number, processor: number): Promise<void> {
  await run(["taskset", "--all-tasks", "--cpu-list", "--pid", `${processor}`, `${pid}`]);
}

/** The command, on one processor only. */
export function pinned(command: readonly string[], processor: number): readonly string[] {
  return ["taskset", "--cpu-list", `${processor}`, ...command];
}

export interface Watch {
  stop(): Usage;
}

/** Measures a process and its descendants from now on. */
export function watch(root: number): Watch {
  const before = new Map<number, number>();
  const ticks = new Map<number, number>();
  let peak = 0;
  const look = () => {
    for (const pid of tree(root)) {
      const now = ticksOf(pid);
      if (now === undefined) continue;
      if (!before.has(pid)) before.set(pid, first ? now : 0);
      ticks.set(pid, now);
      peak = Math.max(peak, peakOf(pid));
    }
  };
  let first = true;
  look();
  first = false;
  const timer = setInterval(look, LOOK_MS);
  return {
    stop() {
      look();
      clearInterval(timer);
      let total = 0;
      for (const [pid, count] of ticks) total += count - (before.get(pid) ?? 0);
      return { cpu: total / TICKS, peak };
    },
  };
}

export interface Timed extends Usage {
  readonly seconds: number;
}

export class FailedError extends Error {}

export interface TimeOptions extends Deno.CommandOptions {
  /** Called with the process as soon as it runs. */
  readonly onStart?: (process: Deno.ChildProcess) => void;
  /** Called with each piece of its standard error. */
  readonly onWords?: (words: string) => void;
}

/** Runs a command to its end. Throws `FailedError` if the exit code is not 0. */
export async function time(
  [executable = "", ...args]: readonly string[],
  { onStart, onWords, ...options }: TimeOptions = {},
): Promise<Timed> {
  const begin = performance.now();
  const process = new Deno.Command(executable, {
    ...{ args, stdin: "null", stdout: "null", stderr: "piped" },
    ...options,
  }).spawn();
  const watching = watch(process.pid);
  onStart?.(process);
  const [{ code }, words] = await Promise.all([process.status, hear(process.stderr, onWords)]);
  const seconds = (performance.now() - begin) / 1000;
  const usage = watching.stop();
  if (code !== 0) throw new FailedError(`${executable} exited with code ${code}: ${words}`);
  return { seconds, ...usage };
}

/** The end of the printed output. */
async function hear(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onWords: ((words: string) => void) | undefined,
): Promise<string> {
  let last = "";
  for await (const words of stream.pipeThrough(new TextDecoderStream())) {
    onWords?.(words);
    last = (last + words).slice(-2000);
  }
  return last;
}

/** Runs a command without measuring it. Throws `FailedError` if the exit code is not 0. */
export async function run(command: readonly string[], cwd?: string): Promise<void> {
  await time(command, cwd === undefined ? {} : { cwd });
}

/** Starts a program from PATH or an sbin folder. Resolves when it listens. */
export async function startServer(
  [name = "", ...args]: readonly string[],
  port: number,
): Promise<Deno.ChildProcess> {
  const options: Deno.CommandOptions = { args, stdin: "null", stdout: "null", stderr: "null" };
  const process = new Deno.Command(await which(name) ?? name, options).spawn();
  await listening(port);
  return process;
}

export async function stop(process: Deno.ChildProcess): Promise<void> {
  process.kill("SIGTERM");
  await process.status;
}

/** The path of a program, if it is installed. */
export async function which(name: string): Promise<string | undefined> {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    const path = `${folder}/${name}`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile) return path;
  }
  return undefined;
}

export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Resolves when a port of the loopback address accepts connections. Throws `FailedError` after ten seconds. */
async function listening(port: number): Promise<void> {
  await soon(`something listens on port ${port}`, async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      return undefined;
    }
  });
}

/** Repeats `look` until it returns a value. Throws `FailedError` after ten seconds. */
export async function soon<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 200; i++) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new FailedError(`timed out: ${what}`);
}

function tree(root: number): number[] {
  const all = [root];
  for (const pid of all) {
    const children = read(`/proc/${pid}/task/${pid}/children`);
    all.push(...(children ?? "").split(" ").filter((text) => text !== "").map(Number));
  }
  return all;
}

function ticksOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The name, in parentheses, may contain spaces. User and system time are the 12th and 13th field after it.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields === undefined ? undefined : Number(fields[11]) + Number(fields[12]);
}

function peakOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1] ?? 0) * 1024;
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // the process has ended
  }
}
