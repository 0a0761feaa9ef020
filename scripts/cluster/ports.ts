/** Ports of this machine for servers that cannot choose them. */

/** Below those that the system gives to connections and to servers that ask for any. */
const FIRST = 20_000;
const LAST = 32_000;

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

/** Whether a program listens at a port. */
export async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
