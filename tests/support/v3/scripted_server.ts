import type { Address } from "../../../protocol/address.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import type { Request, Response, SendFile } from "../../../protocol/v3/messages.ts";
import { ServerSession } from "../../../protocol/v3/server_session.ts";
import { wrapKey } from "../../../protocol/cipher/rsa.ts";
import { pseudoRandomBytes } from "../bytes.ts";

/**
 * The reaction of a scripted server to a request: it answers, sends bytes and closes, closes, or uses the socket
 * freely.
 */
export type Reply = Response | Bytes | "close" | ((socket: Deno.TcpConn) => Promise<void>);

/** A server that answers each request by a script, of any profile, and may end the connection afterwards. */
export class ScriptedV3Server implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #sockets = new Set<Deno.TcpConn>();
  readonly #work: Promise<void>;
  readonly #answer: (request: Request) => Promise<Reply>;
  readonly #closeAfter: Request["kind"] | "each" | undefined;
  readonly #transform: (answer: Bytes) => Bytes;
  readonly #edition: Edition;
  readonly #ending = Promise.withResolvers<void>();

  constructor(
    answer: (request: Request) => Promise<Reply>,
    closeAfter?: Request["kind"] | "each",
    edition: Edition = edition2023c,
    transform: (answer: Bytes) => Bytes = (answer) => answer,
  ) {
    this.#transform = transform;
    this.#answer = answer;
    this.#closeAfter = closeAfter;
    this.#edition = edition;
    this.#work = this.#accept();
  }

  get address(): Address {
    const { hostname, port } = this.#listener.addr;
    return { hostname, port };
  }

  /** Resolves when the server is about to end. */
  get ended(): Promise<void> {
    return this.#ending.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.resolve();
    this.#listener.close();
    for (const socket of this.#sockets) socket[Symbol.dispose]();
    await this.#work;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const socket of this.#listener) {
      this.#sockets.add(socket);
      serving.push(
        this.#serve(socket).catch(() => undefined).finally(() => socket[Symbol.dispose]()),
      );
    }
    await Promise.all(serving);
  }

  async #serve(socket: Deno.TcpConn): Promise<void> {
    const session = new ServerSession([this.#edition]);
    for (;;) {
      const event = session.next();
      if (event.type === "wait") {
        const buffer = new Uint8Array(65_536);
        const size = await socket.read(buffer);
        if (size === null) return;
        session.push(buffer.subarray(0, size));
      } else if (event.type === "identify") {
        session.identify(undefined);
      } else if (event.type === "request" || event.type === "partEnd") {
        const { request } = event;
        if (request.kind === "sendFile" && !isLastPacket(request)) {
          session.proceed();
          continue;
        }
        const reply = await this.#answer(event.request);
        if (reply === "close") return;
        if (typeof reply === "function") return await reply(socket);
        await socket.write(
          reply instanceof Uint8Array ? reply : this.#transform(session.reply(reply).bytes),
        );
        const ends = [event.request.kind, "each"].includes(this.#closeAfter ?? "");
        if (reply instanceof Uint8Array || ends) return;
      }
    }
  }
}

function isLastPacket({ packetNumber = 1, totalPackets = 1 }: SendFile): boolean {
  return packetNumber === totalPackets;
}

export const SERVER_CHOSEN_ID = pseudoRandomBytes(16, 8);

/** Normal answers. A test can replace some of them. Every file gets the checksum `crc`. */
export function correctAnswers(
  crc: number,
  keySize: 16 | 32 = 16,
): (request: Request) => Promise<Response> {
  let publicKey: Bytes | undefined;
  const clientId = SERVER_CHOSEN_ID;
  return async (request) => {
    if (request.kind === "publicKey") publicKey = request.publicKey;
    const wrappedKey = publicKey === undefined
      ? new Uint8Array(128)
      : await wrapKey(publicKey, new Uint8Array(keySize).fill(7));
    switch (request.kind) {
      case "register":
        return { kind: "registered", clientId };
      case "publicKey":
        return { kind: "keyReceived", clientId: request.clientId, wrappedKey };
      case "reconnect":
        return { kind: "reconnected", clientId: request.clientId, wrappedKey };
      case "sendFile": {
        const { contentSize, fileName } = request;
        return { kind: "fileReceived", clientId, contentSize, fileName, crc };
      }
      default:
        return { kind: "messageReceived", clientId };
    }
  };
}

/** Sends nothing more, and waits until the client has disconnected. */
export async function silence(socket: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  while (await socket.read(buffer) !== null);
}
