/** A server of protocol 4 that sends what a test says, at the other end of a socket in memory. */
import type { Bytes } from "../../../protocol/bytes.ts";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { RequestMux } from "../../../client/v4/request_mux.ts";
import type { ClientSession } from "../../../client/v4/session.ts";
import { FrameReader } from "../../../protocol/v4/frame_reader.ts";
import { dataHeader, encodeMessage, type Message } from "../../../protocol/v4/messages.ts";

/** Reads the client's messages, and answers by `send`. */
export type Script = (message: Message, server: ScriptedServer) => void | Promise<void>;

export interface ScriptOptions {
  readonly window?: number;
  readonly timeouts?: typeof DEFAULT_TIMEOUTS;
  /** Stops the client. */
  readonly signal?: AbortSignal;
}

export class ScriptedServer implements Disposable {
  readonly session: ClientSession;
  /** All messages of the client. */
  readonly received: Message[] = [];
  /** The bytes of each write of the client. */
  readonly writes: number[] = [];
  readonly #script: Script;
  readonly #frames = new FrameReader("client");
  readonly #pieces: Bytes[] = [];
  #wake: () => void = () => undefined;
  #closed = false;

  constructor(
    script: Script,
    { window = 32, timeouts = DEFAULT_TIMEOUTS, signal }: ScriptOptions = {},
  ) {
    this.#script = script;
    const socket = {
      read: (buffer: Uint8Array) => this.#read(buffer),
      write: (bytes: Uint8Array) => this.#take(bytes),
      close: () => this.close(),
    };
    this.session = { mux: new RequestMux(socket, timeouts, { signal }), window };
  }

  send(message: Message): void {
    this.#sendBytes(encodeMessage(message));
  }

  sendChunk(tag: number, offset: number, chunk: Bytes): void {
    this.#sendBytes(dataHeader(tag, offset, chunk.length));
    this.#sendBytes(chunk.slice());
  }

  /** The connection is lost. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** The client's messages of some kinds. */
  kinds(...kinds: readonly Message["kind"][]): Message["kind"][] {
    return this.received.map(({ kind }) => kind).filter((kind) => kinds.includes(kind));
  }

  /** The offsets of the chunks that the client has sent. */
  get offsets(): number[] {
    return this.received.flatMap((message) => message.kind === "chunk" ? [message.offset] : []);
  }

  [Symbol.dispose](): void {
    this.session.mux[Symbol.dispose]();
  }

  #sendBytes(bytes: Bytes): void {
    this.#pieces.push(bytes);
    this.#wake();
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const piece = this.#pieces[0];
      if (piece !== undefined) {
        const part = piece.subarray(0, buffer.length);
        buffer.set(part);
        if (part.length === piece.length) this.#pieces.shift();
        else this.#pieces[0] = piece.subarray(part.length);
        return part.length;
      }
      if (this.#closed) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async #take(bytes: Uint8Array): Promise<number> {
    if (this.#closed) throw new Deno.errors.BrokenPipe("it is closed");
    this.writes.push(bytes.length);
    this.#frames.push(new Uint8Array(bytes));
    for (let next = this.#frames.next(); next !== undefined; next = this.#frames.next()) {
      this.received.push(next);
      await this.#script(next, this);
    }
    return bytes.length;
  }
}
