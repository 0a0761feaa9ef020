/**
 * The context of a connection's request handlers.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { reasonOf } from "../../protocol/errors.ts";
import type { Message } from "../../protocol/v4/messages.ts";
import type { Access } from "../limits/access.ts";
import type { DisconnectListener } from "../listen/peer_socket.ts";
import type { LiveConnection } from "../monitor/live_connection.ts";
import type { V4Context } from "./context.ts";

export interface ConnectedPrincipal {
  readonly accountId: Bytes;
  /** The key with which the client signed in. */
  readonly key: Bytes;
  /** The user name, for the log. */
  readonly name: string;
  /** The peer's address, for the log. */
  readonly address: string;
}

/**
 * An answer could not be sent, because the peer has disconnected or the connection was closed. The request itself has
 * not failed.
 */
export class SendError extends Error {
  constructor(cause: unknown) {
    super(`cannot send: ${reasonOf(cause)}`, { cause });
  }
}

export interface Answers {
  /** Resolves when the message is sent. Throws `SendError`. */
  send(message: Message): Promise<void>;
  /** Sends a chunk, which may be changed after the promise resolves. */
  sendChunk(tag: number, offset: number, chunk: Bytes): Promise<void>;
  /** Sends records, which may be changed after the promise resolves. */
  sendRecords(kind: "packed" | "contents" | "entries", tag: number, records: Bytes): Promise<void>;
  /** Ends the connection at once. */
  close(reason: string): void;
  /**
   * Calls `listener` with `SendError` when it notices that the client has disconnected, until the result is disposed
   * of.
   */
  onDisconnect(listener: DisconnectListener): Disposable;
}

export interface RequestContext {
  readonly context: V4Context;
  /** The signed-in account. */
  readonly owner: ConnectedPrincipal;
  /** The connection, for the operator. */
  readonly live: LiveConnection;
  readonly answers: Answers;
}

/** Ends a connection whose client waits for an answer that failed. Logs why, unless the client has disconnected. */
export function endUnanswered({ context, owner, answers }: RequestContext, error: unknown): void {
  if (error instanceof SendError) return;
  const { accountId, name: user, address } = owner;
  context.log.error("Could not answer a request for {user} from {address}: {reason}", {
    event: "request.failed",
    ...{ request: "protocol 4", client: toHex(accountId), user, address },
    reason: printable(String(error)),
  });
  answers.close("an answer failed");
}

/** Reports what the client has done with a file, for an access log. */
export function reportAccess(
  { context, owner: { name: user, address } }: RequestContext,
  access: Omit<Access, "protocol" | "user" | "address">,
): void {
  context.access?.({ protocol: 4, user, address, ...access });
}

/** Logs a change of a file. `words` can contain {file}, {user}, {address} and the names in `others`. */
export function logFile(
  { context, owner }: RequestContext,
  event: string,
  words: string,
  name: string,
  others: Readonly<Record<string, string | number | boolean>> = {},
) {
  const { accountId, name: user, address } = owner;
  const properties = { file: printable(name), client: toHex(accountId), user, address };
  context.log.info(words, { event, ...properties, ...others });
}
