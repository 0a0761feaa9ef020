/**
 * What a peer is after that is about to be turned away: whoever asks for protocol 4 must not take the server for one of
 * protocol 3.
 *
 * @module
 */
import { ProtocolError } from "../../protocol/errors.ts";
import type { ServerSession } from "../../protocol/v3/server_session.ts";
import type { PeerSocket } from "../listen/peer_socket.ts";

/** So long a peer is heard, in milliseconds: as long as a client waits for the answer to its hello. */
const FIRST_WORDS_MS = 2000;

/** `hurried`: it was not waited for any longer. */
export type FirstRequest = "hello" | "other" | "hurried";

/** Reads the first request of a peer, or notes that none comes. */
export function readFirstRequest(
  socket: PeerSocket,
  session: ServerSession,
  hurry: AbortSignal,
): Promise<FirstRequest> {
  const hurried = Promise.withResolvers<FirstRequest>();
  hurry.addEventListener("abort", () => hurried.resolve("hurried"));
  return Promise.race([hear(socket, session), hurried.promise]);
}

async function hear(socket: PeerSocket, session: ServerSession): Promise<FirstRequest> {
  const until = performance.now() + FIRST_WORDS_MS;
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
