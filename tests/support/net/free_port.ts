/** Below the ports that the system gives to connections and to servers that ask for any. */
const [FIRST, LAST] = [20_000, 32_000];

/** A free port of 127.0.0.1, for a server that cannot choose it itself. No connection gets it meanwhile. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    try {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
