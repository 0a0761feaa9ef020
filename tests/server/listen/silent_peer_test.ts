/** A peer that connects and disconnects without sending anything, such as a health check, is no news. */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import { Connections } from "../../../server/listen/connections.ts";
import type { AcceptedSocket, Listener } from "../../../server/listen/listeners.ts";
import { Networks } from "../../../server/listen/networks.ts";
import { PeerSocket, type TcpSocket } from "../../../server/listen/peer_socket.ts";
import { ProxiedListener } from "../../../server/listen/proxied_listener.ts";

/** A socket that delivers a piece of some bytes, and is then reset. */
function resetAfter(...pieces: readonly number[]): TcpSocket {
  const left = [...pieces];
  return {
    remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 1 },
    read: () => {
      const size = left.shift();
      return size === undefined
        ? Promise.reject(new Deno.errors.ConnectionReset("connection reset by peer"))
        : Promise.resolve(size);
    },
    write: (bytes) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close: () => undefined,
  };
}

async function failureOf(peer: PeerSocket): Promise<unknown> {
  for (;;) {
    const failure = await peer.receive("idle").then(() => undefined, (error) => error);
    if (failure !== undefined) return failure;
  }
}

Deno.test("peer socket: a peer that is reset has left silently, unless it has sent something", async () => {
  const [silent, other] = [resetAfter(), resetAfter(1)]
    .map((socket) => new PeerSocket(socket, DEFAULT_LIMITS)) as [PeerSocket, PeerSocket];
  assert.equal(silent.hasLeftSilently(await failureOf(silent)), true);
  assert.equal(silent.hasLeftSilently(new Error("a fault of the server")), false);
  assert.equal(other.hasLeftSilently(await failureOf(other)), false);
  for (const peer of [silent, other]) peer.close("the test is over");
});

Deno.test("connections: a peer that is gone before it is accepted is logged at level debug, and accepting continues", async () => {
  const levels: string[] = [];
  const log = (level: string) => () => void levels.push(level);
  const closed = Promise.withResolvers<AcceptedSocket>();
  const continued = Promise.withResolvers<void>();
  let accepted = 0;
  const listener = {
    accept: () => {
      if (++accepted === 1) {
        return Promise.reject(new Deno.errors.NotConnected("Transport endpoint is not connected"));
      }
      continued.resolve();
      return closed.promise;
    },
    close: () => closed.reject(new Deno.errors.BadResource("closed")),
  } as unknown as Listener;
  const connections = new Connections([listener], {
    limits: DEFAULT_LIMITS,
    log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    open: () => assert.fail("nobody was accepted"),
  });
  await continued.promise;
  await connections.stopListening();
  assert.deepEqual(levels, ["debug"]);
});

Deno.test("proxy protocol: a balancer's check that is reset before its header is no news, one within it is", async () => {
  const lines: string[] = [];
  const closed = Promise.withResolvers<never>();
  const dropped = Promise.withResolvers<void>();
  const sockets = [resetAfter(), resetAfter(1)];
  const log = (level: string) => (_: string, { reason }: Record<string, unknown> = {}) =>
    void lines.push(`${level}: ${reason}`);
  let left = sockets.length;
  const listener = {
    accept: () => {
      const socket = sockets.shift();
      if (socket === undefined) return closed.promise;
      return Promise.resolve({
        ...{ ...socket, setNoDelay: () => undefined },
        // The peer sends the beginning of a header, if anything.
        read: async (buffer: Uint8Array) => {
          const size = await socket.read(buffer);
          buffer.set([0x0d]);
          return size;
        },
        close: () => --left === 0 && dropped.resolve(),
      });
    },
    close: () => closed.reject(new Deno.errors.BadResource("closed")),
  } as unknown as Deno.TcpListener;
  const proxied = new ProxiedListener(listener, {
    balancers: new Networks([{ address: "192.0.2.0", prefix: 24 }]),
    headerMs: () => 10_000,
    log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
  }, () => assert.fail("no header is whole"));
  const accepting = assert.rejects(proxied.accept(), Deno.errors.BadResource);
  await dropped.promise;
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(lines, ["warn: connection reset by peer"]);
  proxied.close();
  await accepting;
});
