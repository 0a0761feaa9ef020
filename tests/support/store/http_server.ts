/** A small HTTP/1.1 server whose connections a test can cut at any point, which Deno.serve does not allow. */
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";

export interface HttpRequest {
  readonly method: string;
  /** The path and the query as they were sent. */
  readonly target: string;
  readonly headers: Headers;
  readonly body: Bytes;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Bytes | string;
}

/** Cuts the connection: `after` bytes of an answer's body, or without an answer. */
export interface Cut {
  readonly cut: true;
  readonly answer?: HttpAnswer;
  readonly after?: number;
}

export type Handler = (request: HttpRequest) => Promise<HttpAnswer | Cut>;

const END_OF_HEAD = new TextEncoder().encode("\r\n\r\n");

export class HttpServer implements AsyncDisposable {
  readonly #listener: Deno.Listener;
  readonly #handler: Handler;
  readonly #connections = new Set<Deno.Conn>();
  readonly #running: Promise<void>;
  readonly #serving = new Set<Promise<void>>();

  /** `tls`: a certificate and its key, in PEM. */
  constructor(handler: Handler, tls?: { readonly cert: string; readonly key: string }) {
    const address = { hostname: "127.0.0.1", port: 0 };
    this.#listener = tls === undefined
      ? Deno.listen(address)
      : Deno.listenTls({ ...address, ...tls });
    this.#handler = handler;
    this.#running = this.#accept();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#serving);
  }

  async #accept(): Promise<void> {
    for (;;) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        continue; // a failed handshake
      }
      this.#connections.add(connection);
      const serving = this.#serve(connection).catch(() => undefined).finally(() => {
        close(connection);
        this.#connections.delete(connection);
        this.#serving.delete(serving);
      });
      this.#serving.add(serving);
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    const reader = new ConnectionReader(connection);
    for (;;) {
      const request = await reader.request();
      if (request === undefined) return;
      const answer = await this.#handler(request);
      const isHead = request.method === "HEAD";
      if (!("cut" in answer)) await write(connection, encode(answer, isHead));
      else {
        const { answer: partial, after = 0 } = answer;
        if (partial === undefined) return;
        const whole = encode(partial, isHead);
        const size = sizeOf(partial);
        return await write(connection, whole.subarray(0, whole.length - size + after));
      }
    }
  }
}

class ConnectionReader {
  readonly #connection: Deno.Conn;
  #buffer: Bytes = new Uint8Array(0);

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  async request(): Promise<HttpRequest | undefined> {
    let end: number;
    while ((end = indexOf(this.#buffer, END_OF_HEAD)) < 0) {
      if (!(await this.#more(64 * 1024))) return undefined;
    }
    const head = new TextDecoder().decode(this.#buffer.subarray(0, end));
    const [line = "", ...fields] = head.split("\r\n");
    const [method = "", target = ""] = line.split(" ");
    const headers = new Headers(fields.map((field): [string, string] => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon), field.slice(colon + 1).trim()];
    }));
    const size = Number(headers.get("content-length") ?? 0);
    const body = new Uint8Array(size);
    const first = this.#buffer.subarray(end + END_OF_HEAD.length);
    body.set(first.subarray(0, size));
    this.#buffer = first.slice(size);
    for (let at = Math.min(first.length, size); at < size;) {
      const read = await this.#connection.read(body.subarray(at));
      if (read === null) return undefined;
      at += read;
    }
    return { method, target, headers, body };
  }

  async #more(size: number): Promise<boolean> {
    const piece = new Uint8Array(size);
    const read = await this.#connection.read(piece);
    if (read === null) return false;
    this.#buffer = concatBytes(this.#buffer, piece.subarray(0, read));
    return true;
  }
}

function encode({ status, headers = {}, body = "" }: HttpAnswer, isHead: boolean): Bytes {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const all = { "content-length": String(bytes.length), ...headers };
  const fields = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = new TextEncoder().encode(`HTTP/1.1 ${status} -\r\n${fields.join("")}\r\n`);
  return isHead || status === 204 ? head : concatBytes(head, bytes);
}

function sizeOf({ body = "" }: HttpAnswer): number {
  return typeof body === "string" ? new TextEncoder().encode(body).length : body.length;
}

function indexOf(bytes: Bytes, wanted: Bytes): number {
  for (let at = bytes.indexOf(wanted[0] as number); at >= 0;) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
    at = bytes.indexOf(wanted[0] as number, at + 1);
  }
  return -1;
}

async function write(connection: Deno.Conn, bytes: Bytes): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed before.
  }
}
