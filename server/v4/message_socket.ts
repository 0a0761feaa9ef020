/**
 * Messages of protocol 4 over the socket of a client: frames are put together and taken apart, and only messages that
 * the order of the protocol allows pass.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { reasonOf } from "../../protocol/errors.ts";
import { ConnectionState } from "../../protocol/v4/connection_state.ts";
import { FrameReader } from "../../protocol/v4/frame_reader.ts";
import { FrameWriter } from "../../protocol/v4/frame_writer.ts";
import {
  BULK,
  dataHeader,
  encodeMessage,
  frameHeader,
  type Message,
  type MessageKind,
} from "../../protocol/v4/messages.ts";
import type { PeerSocket } from "../listen/peer_socket.ts";
import type { ReadPhase } from "../listen/read_deadline.ts";
import { SendError } from "./request_context.ts";

export class MessageSocket {
  readonly #socket: PeerSocket;
  readonly #state: ConnectionState;
  readonly #frames = new FrameReader("client", (header) => this.#state.expect(header));
  readonly #writer = new FrameWriter((bytes) => this.#write(bytes));
  #unsent: unknown;

  /** `window`: the number of requests that the client may have open. */
  constructor(socket: PeerSocket, window: number) {
    this.#socket = socket;
    this.#state = new ConnectionState(window);
  }

  /** Whether any request is unanswered. */
  get isAtWork(): boolean {
    return this.#state.isAtWork;
  }

  /** Whether data of a file may come next. */
  get isReceiving(): boolean {
    return this.#state.isReceiving;
  }

  /** The reason why an answer could not be sent. */
  get unsent(): unknown {
    return this.#unsent;
  }

  /**
   * The next message; `undefined` if the peer has disconnected between two messages. `check` throws a reason to take no
   * more; it is called before each read. Throws `ProtocolError` `bad-frame`.
   */
  async receive(check: () => void): Promise<Message | undefined> {
    for (;;) {
      check();
      const message = this.#frames.next();
      if (message !== undefined) {
        this.#state.receive(message);
        return message;
      }
      const { room } = this.#frames;
      if (room !== undefined && !this.#socket.isReadAhead) {
        if (!(await unlessLeft(this.#socket.fill(room, this.#phase)))) throw leftWithin();
        this.#frames.fill(room.length);
        continue;
      }
      const bytes = await unlessLeft(this.#socket.receive(this.#phase));
      if (bytes === undefined) {
        if (this.#state.isReceiving || !this.#frames.betweenFrames) throw leftWithin();
        return undefined;
      }
      this.#frames.push(bytes);
    }
  }

  /** The phase of the next bytes. */
  get #phase(): ReadPhase {
    const { isReceiving, isStreaming } = this.#state;
    const { betweenFrames, incoming } = this.#frames;
    if (betweenFrames) return isStreaming ? "stream" : isReceiving ? "content" : "idle";
    return isReceiving || isBulk(incoming) ? "content" : "request";
  }

  /** Resolves when more can be sent. */
  send(message: Message): Promise<void> {
    this.#state.send(message);
    return this.#writer.send(encodeMessage(message));
  }

  /** The chunk may be changed after the promise resolves. */
  sendChunk(tag: number, offset: number, chunk: Bytes): Promise<void> {
    this.#state.send({ kind: "data", tag });
    return this.#writer.send(dataHeader(tag, offset, chunk.length), chunk);
  }

  /** The records may be changed after the promise resolves. */
  sendRecords(kind: MessageKind, tag: number, records: Bytes): Promise<void> {
    this.#state.send({ kind, tag });
    return this.#writer.send(frameHeader(kind, tag, records.length), records);
  }

  async #write(bytes: Bytes): Promise<void> {
    try {
      await this.#socket.send(bytes);
    } catch (error) {
      this.#unsent ??= error;
      // A peer that does not read must not send more.
      this.#socket.close(`an answer could not be sent: ${reasonOf(error)}`);
      throw new SendError(error);
    }
  }

  /** Resolves when everything is sent. */
  drain(): Promise<void> {
    return this.#writer.drain();
  }
}

/** Whether a message may be large, so that a slow network takes long to carry it. */
function isBulk(kind: MessageKind | undefined): boolean {
  return (BULK as readonly (MessageKind | undefined)[]).includes(kind);
}

function leftWithin(): Error {
  return new Error("the client disconnected in the middle of a message or file");
}

/**
 * Resolves with the result; `undefined` if the peer has disconnected without TLS's close_notify, as most programs do.
 * Truncation is detected anyway: messages have a length, and files have an end.
 */
async function unlessLeft<T>(coming: Promise<T>): Promise<T | undefined> {
  try {
    return await coming;
  } catch (error) {
    if (error instanceof Deno.errors.UnexpectedEof) return undefined;
    throw error;
  }
}
