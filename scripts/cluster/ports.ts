/** Ports of this machine for servers that cannot choose them. */

/** Below those that the system gives to connections and to servers that ask for any. */
const FIRST = 20_000;
const LAST = 32_000;

/** Between two looks, in milliseconds. */
const LOOK_MS = 50;

const chosen = new Set<number>();

/** A port that is free, and that this process has not chosen before. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (chosen.has(port) || !isFree(port)) continue;
    chosen.add(port);
    return port;
  }
}

function isFree(port: number): boolean {
  try {
    using _listener = Deno.listen({ hostname: "127.0.0.1", port });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** Resolves when a program listens at a port. Throws an error if that takes too long, or if the program has ended. */
export async function untilListening(
  port: number,
  { program, maxMs, hasEnded = () => false }: StartingProgram,
): Promise<void> {
  const end = performance.now() + maxMs;
  while (!(await isListening(port))) {
    if (hasEnded() || performance.now() > end) throw new Error(`${program} does not start`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

export interface StartingProgram {
  readonly program: string;
  /** The most time for the start, in milliseconds. */
  readonly maxMs: number;
  readonly hasEnded?: () => boolean;
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
