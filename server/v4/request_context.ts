/**
 * What the handlers of one connection have.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { reasonOf } from "../../protocol/errors.ts";
import type { Message } from "../../protocol/v4/messages.ts";
import type { Leave } from "../listen/peer_socket.ts";
import type { V4Context } from "./context.ts";

export interface ConnectedPrincipal {
  readonly accountId: Bytes;
  /** By which it has logged in. */
  readonly key: Bytes;
  /** Of the peer, for the log. */
  readonly address: string;
}

/** An answer did not go out: the peer has left, or its connection was closed. It is no failure of what was asked for. */
export class SendError extends Error {
  constructor(cause: unknown) {
    super(`Cannot send: ${reasonOf(cause)}`, { cause });
  }
}

export interface Answers {
  /** Resolves when the message is sent. Throws `SendError`. */
  send(message: Message): Promise<void>;
  /** The same of a chunk, which may change when the promise resolves. */
  sendChunk(tag: number, offset: number, chunk: Bytes): Promise<void>;
  /** Ends the connection at once. */
  close(reason: string): void;
  /** Calls `leave` with `SendError` when the client leaves, as far as that can be seen, until it is disposed of. */
  onLeft(leave: Leave): Disposable;
}

export interface RequestContext {
  readonly context: V4Context;
  /** Who has logged in. */
  readonly owner: ConnectedPrincipal;
  readonly answers: Answers;
}

/** Logs what was done with a file, in words with {file} and {client}. */
export function logFile(
  { context, owner }: RequestContext,
  event: string,
  words: string,
  name: string,
) {
  const { accountId, address } = owner;
  const properties = { file: printable(name), client: toHex(accountId), address };
  context.log.info(words, { event, ...properties });
}
