/**
 * A relay between two ends that delays every byte in both directions, as distance does: the kernels of many machines
 * cannot. `MS LISTEN:TARGET…`: half of the round trip in milliseconds, and ports of the loopback address. Prints a line
 * when it listens.
 */

/** The most bytes in transit in one direction of a connection: more than any contender sends ahead. */
const MAX_IN_TRANSIT = 64 * 2 ** 20;
const READ_SIZE = 256 * 1024;
const HOST = "127.0.0.1";

interface Piece {
  readonly bytes: Uint8Array;
  /** When it arrives, by `performance.now()`. */
  readonly at: number;
}

if (import.meta.main) {
  const [delay = "", ...ports] = Deno.args;
  for (const pair of ports) {
    const [listen = 0, target = 0] = pair.split(":").map(Number);
    serve(listen, target, Number(delay));
  }
  console.log("listening");
}

async function serve(port: number, target: number, delay: number): Promise<void> {
  for await (const near of Deno.listen({ hostname: HOST, port })) {
    relay(near, target, delay).catch(() => undefined);
  }
}

async function relay(near: Deno.TcpConn, target: number, delay: number): Promise<void> {
  using _near = near;
  using far = await Deno.connect({ hostname: HOST, port: target });
  near.setNoDelay();
  far.setNoDelay();
  // Opening a connection takes a round trip, which the connection to this relay did not take.
  await pause(2 * delay);
  await Promise.all([pass(near, far, delay), pass(far, near, delay)]);
}

/** Passes bytes on in one direction, until its end. */
async function pass(from: Deno.TcpConn, to: Deno.TcpConn, delay: number): Promise<void> {
  const line: Piece[] = [];
  let inTransit = 0;
  let hasEnded = false;
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const take = async () => {
    for (;;) {
      const buffer = new Uint8Array(READ_SIZE);
      const size = await from.read(buffer).catch(() => null);
      if (size === null) break;
      inTransit += size;
      line.push({ bytes: buffer.slice(0, size), at: performance.now() + delay });
      change();
      while (inTransit > MAX_IN_TRANSIT) await changed.promise;
    }
    await pause(delay);
    hasEnded = true;
    change();
  };
  const give = async () => {
    for (;;) {
      const piece = line.shift();
      if (piece === undefined) {
        if (hasEnded) return await to.closeWrite().catch(() => undefined);
        await changed.promise;
        continue;
      }
      const wait = piece.at - performance.now();
      if (wait > 0) await pause(wait);
      const { bytes } = piece;
      for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
      inTransit -= bytes.length;
      change();
    }
  };
  await Promise.all([take(), give()]);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
