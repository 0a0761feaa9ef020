/** A peer is kept to its rates: all bytes are counted, and the pause ends with the connection. */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import { PeerSocket, type TcpSocket } from "../../../server/listen/peer_socket.ts";
import type { ByteDirection } from "../../../server/limits/rate_limits.ts";

const PIECE = 100;

/** A socket that delivers pieces without end. */
function socket(): TcpSocket {
  return {
    remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 1 },
    read: (buffer) => Promise.resolve(Math.min(buffer.length, PIECE)),
    write: (bytes) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close: () => undefined,
  };
}

class Rates {
  readonly taken: [ByteDirection, number][] = [];
  isDisposed = false;
  readonly #ms: number;

  /** `ms`: how long everything must wait. */
  constructor(ms = 0) {
    this.#ms = ms;
  }

  take(direction: ByteDirection, bytes: number): number {
    this.taken.push([direction, bytes]);
    return this.#ms;
  }

  [Symbol.dispose](): void {
    this.isDisposed = true;
  }
}

Deno.test("peer socket: received and sent bytes are taken from its rates", async () => {
  const peer = new PeerSocket(socket(), DEFAULT_LIMITS);
  const [first, rates] = [new Rates(), new Rates()];
  await peer.limitRates(first);
  await peer.limitRates(rates);
  assert.ok(first.isDisposed);
  rates.taken.length = 0;
  await peer.receive("idle");
  await peer.fill(new Uint8Array(250), "content");
  await peer.send(new Uint8Array(7));
  assert.deepEqual(rates.taken, [["received", PIECE], ["received", 250], ["sent", 7]]);
  peer.close("the test is over");
  assert.ok(rates.isDisposed);
  const late = new Rates();
  await peer.limitRates(late);
  assert.ok(late.isDisposed);
});

Deno.test("peer socket: waiting for its rate ends when the connection is closed", async () => {
  const peer = new PeerSocket(socket(), DEFAULT_LIMITS);
  const beginning = peer.limitRates(new Rates(1e9));
  const receiving = peer.receive("idle");
  const sending = peer.send(new Uint8Array(7));
  await Promise.resolve();
  // All are waiting, or begin to wait later.
  setTimeout(() => peer.close("the test is over"), 10);
  await Promise.all([beginning, receiving, sending]);
});

Deno.test("peer socket: a peer that leaves while it waits for its rate does not keep its connection", async () => {
  const peer = new PeerSocket({ ...socket(), read: () => Promise.resolve(null) }, DEFAULT_LIMITS);
  const rates = new Rates(1e9);
  await peer.limitRates(rates);
  assert.equal(peer.closedFor, "the client disconnected before it was answered");
  assert.ok(rates.isDisposed);
});
