/** A server of protocol 4 that proves its key and then sends what a test says. */
import type { Address } from "../../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { FrameReader } from "../../../protocol/v4/frame_reader.ts";
import { encodeHelloAnswer } from "../../../protocol/hello.ts";
import { encodeMessage, type Message } from "../../../protocol/v4/messages.ts";
import { readIdentity } from "../../../server/listen/tls/identity.ts";
import { seedDataFolder } from "../store/seeded_folder.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

/** The answers to a message, or to a new connection. */
export type Answers = (message: Message | undefined) => Bytes;

export class ScriptedV4Server implements AsyncDisposable {
  answers: Answers = () => new Uint8Array(0);
  /** The message after whose answer it ends the connection. */
  closesAfter: (message: Message) => boolean = () => false;
  readonly #plain: Deno.TcpListener;
  readonly #secure: Deno.TlsListener;
  readonly #hello: Bytes;
  readonly #sockets = new Set<Deno.Conn>();
  readonly #serving = new Set<Promise<void>>();

  private constructor(plain: Deno.TcpListener, secure: Deno.TlsListener, certificate: Bytes) {
    this.#plain = plain;
    this.#secure = secure;
    this.#hello = encodeHelloAnswer({ port: secure.addr.port, certificate });
    this.#serving.add(this.#accept(plain, (socket) => this.#answerHello(socket)));
    this.#serving.add(this.#accept(secure, (socket) => this.#converse(socket)));
  }

  static async start(): Promise<ScriptedV4Server> {
    await using folder = await TemporaryFolder.create();
    await seedDataFolder(folder.join("data"));
    const { key, certificate: cert, rawCertificate } = await readIdentity(folder.join("data"));
    const loopback = { hostname: "127.0.0.1", port: 0 };
    const secure = Deno.listenTls({ ...loopback, key, cert });
    return new ScriptedV4Server(Deno.listen(loopback), secure, rawCertificate);
  }

  get address(): Address {
    const { hostname, port } = this.#plain.addr;
    return { hostname, port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#plain.close();
    this.#secure.close();
    for (const socket of this.#sockets) socket.close();
    this.#sockets.clear();
    await Promise.all(this.#serving);
  }

  async #accept<T extends Deno.Conn>(
    listener: { accept(): Promise<T> },
    serve: (socket: T) => Promise<void>,
  ): Promise<void> {
    for (;;) {
      const socket = await listener.accept().catch((error) => {
        if (error instanceof Deno.errors.BadResource) return undefined;
        throw error;
      });
      if (socket === undefined) return;
      this.#sockets.add(socket);
      const served = serve(socket).catch(() => undefined).finally(() => {
        if (this.#sockets.delete(socket)) socket.close();
        this.#serving.delete(served);
      });
      this.#serving.add(served);
    }
  }

  async #answerHello(socket: Deno.Conn): Promise<void> {
    await write(socket, this.#hello);
    await socket.read(new Uint8Array(100));
  }

  async #converse(socket: Deno.TlsConn): Promise<void> {
    await socket.handshake();
    const { answers } = this;
    const frames = new FrameReader("client");
    const buffer = new Uint8Array(64 * 1024);
    await write(socket, answers(undefined));
    for (;;) {
      const size = await socket.read(buffer);
      if (size === null) return;
      frames.push(buffer.subarray(0, size));
      for (let next = frames.next(); next !== undefined; next = frames.next()) {
        await write(socket, answers(next));
        if (this.closesAfter(next)) return;
      }
    }
  }
}

async function write(socket: Deno.Conn, bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await socket.write(bytes.subarray(done));
}

/** Accepts every client as Alice, and answers later messages as a test says. No answer if that is `undefined`. */
export function acceptingEveryone(
  reply: (message: Message) => readonly Message[] | undefined,
): Answers {
  return (message) => {
    const answers: readonly Message[] = message === undefined
      ? [{ kind: "challenge", tag: 0, version: 0x0400, nonce: new Uint8Array(32) }]
      : message.kind === "register" || message.kind === "login"
      ? reply(message) ?? [{ ...WELCOME, tag: message.tag }]
      : reply(message) ?? [];
    return concatBytes(...answers.map(encodeMessage));
  };
}

export const WELCOME = {
  kind: "welcome",
  ...{ tag: 0, clientId: new Uint8Array(16).fill(7), name: "Alice", window: 32 },
} as const;
