/**
 * The first request of a peer that the server rejects. A client of protocol 4 must not conclude that the server has
 * only protocol 3.
 *
 * @module
 */
import { ProtocolError } from "../../protocol/errors.ts";
import type { ServerSession } from "../../protocol/v3/server_session.ts";
import type { PeerSocket } from "../listen/peer_socket.ts";

/** The time to wait for the request, in milliseconds: as long as a client waits for the answer to its hello. */
const FIRST_REQUEST_MS = 2000;

/** `aborted`: the signal ended the wait. */
export type FirstRequest = "hello" | "other" | "aborted";

/** Reads the first request of a peer. Returns `other` if none arrives. */
export function readFirstRequest(
  socket: PeerSocket,
  session: ServerSession,
  signal: AbortSignal,
): Promise<FirstRequest> {
  const aborted = Promise.withResolvers<FirstRequest>();
  signal.addEventListener("abort", () => aborted.resolve("aborted"));
  return Promise.race([readRequest(socket, session), aborted.promise]);
}

async function readRequest(socket: PeerSocket, session: ServerSession): Promise<FirstRequest> {
  const until = performance.now() + FIRST_REQUEST_MS;
  try {
    for (;;) {
      const event = session.next();
      if (event.type !== "wait") return event.type === "hello" ? "hello" : "other";
      const more = await socket.awaitMore(until - performance.now());
      const bytes = more && await socket.receive("idle");
      if (bytes === undefined) return "other";
      session.push(bytes);
    }
  } catch (error) {
    if (error instanceof ProtocolError) return "other";
    throw error;
  }
}
