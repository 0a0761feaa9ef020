/**
 * An HTTP port with bounds that `Deno.serve` lacks: it closes connections whose request does not arrive, whose client does
 * not read, or that do nothing, and keeps only a few. It accepts connections itself, and passes each on to `Deno.serve`
 * over the loopback interface.
 *
 * @module
 */
import { concatBytes } from "../../protocol/bytes.ts";
import { NetworkError, reasonOf } from "../../protocol/errors.ts";
import { writeAll } from "../fs/file_system.ts";
import { closeSocket } from "../listen/close_socket.ts";
import { type AdminAddress, formatAdminAddress } from "./admin_address.ts";
import { listenAtPath } from "./unix_socket.ts";

/** The most connections. A browser opens six; a new one closes the one that has waited longest for a request. */
const MAX_CONNECTIONS = 64;
/** The most bytes of a request's body: a form. */
const MAX_BODY = 16 * 1024;
/** The time for a request to arrive with its body, from the connection or the last answer, in milliseconds. */
const REQUEST_MS = 15_000;
/** The time in which a client must take some bytes of an answer, in milliseconds. */
const STALL_MS = 30_000;
/** The interval of looks at the connections, in milliseconds. */
const LOOK_MS = 1000;
const BUFFER_SIZE = 16 * 1024;
/** The beginning of HTTP/2, which is refused: one connection could hold hundreds of requests, each with a body. */
const HTTP2 = new TextEncoder().encode("PRI");
const LOOPBACK = "127.0.0.1";

/** Milliseconds, for tests. */
export interface HttpTimes {
  readonly requestMs: number;
  readonly stallMs: number;
  readonly lookMs: number;
}

const TIMES: HttpTimes = { requestMs: REQUEST_MS, stallMs: STALL_MS, lookMs: LOOK_MS };

/** Answers a request of a client at an address. */
export type HttpHandler = (request: Request, client: string) => Response | Promise<Response>;

/** Certificate and key in PEM. */
export interface PortTls {
  readonly cert: string;
  readonly key: string;
}

export interface HttpPortOptions {
  readonly address: AdminAddress;
  /** For TLS. */
  readonly tls?: PortTls | undefined;
  readonly handler: HttpHandler;
  /** Milliseconds since any moment. */
  readonly ticks: () => number;
  readonly times?: HttpTimes;
}

interface Socket {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** A client's connection. Times are `ticks`. */
interface Client {
  readonly address: string;
  readonly socket: Socket;
  inner: Deno.TcpConn | undefined;
  /** The number of requests that have arrived and are being answered. */
  requests: number;
  /** The time of the connection, or of the last answer. */
  since: number;
  /** The beginning of a write that the client has not taken yet. */
  writingSince: number | undefined;
}

type Accepting = { accept(): Promise<Socket & { readonly remoteAddr: Deno.Addr }>; close(): void };

export class HttpPort implements AsyncDisposable {
  readonly address: AdminAddress;
  readonly #options: HttpPortOptions;
  readonly #times: HttpTimes;
  readonly #listener: Accepting;
  readonly #inner: Deno.HttpServer<Deno.NetAddr>;
  /** By the port of their inner connection. Other programs that connect there are refused. */
  readonly #byPort = new Map<number, Client>();
  readonly #clients = new Set<Client>();
  readonly #serving = new Set<Promise<void>>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #accepting: Promise<void>;
  #isClosed = false;

  /** Listens. Throws `NetworkError` `cannot-listen`. */
  constructor(options: HttpPortOptions) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
    const { listener, address } = listen(options);
    this.#listener = listener;
    this.address = address;
    this.#inner = Deno.serve(
      { hostname: LOOPBACK, port: 0, onListen: () => undefined },
      (request, info) => this.#handle(request, info),
    );
    this.#timer = setInterval(() => this.#look(), this.#times.lookMs);
    this.#accepting = this.#accept();
  }

  /** Closes all connections, also those with requests in progress. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#listener.close();
    for (const client of this.#clients) drop(client);
    await this.#accepting;
    await Promise.all(this.#serving);
    await this.#inner.shutdown();
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const socket = await this.#listener.accept();
        const serving: Promise<void> = this.#serve(socket, clientAddress(socket.remoteAddr))
          .finally(() => this.#serving.delete(serving));
        this.#serving.add(serving);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        // Out of descriptors, or a peer that has disconnected already.
        await new Promise((resolve) => setTimeout(resolve, this.#times.lookMs));
      }
    }
  }

  /** Never rejects. */
  async #serve(socket: Socket, address: string): Promise<void> {
    if (this.#clients.size >= MAX_CONNECTIONS && !this.#dropWaiting()) return closeSocket(socket);
    const client: Client = {
      ...{ address, socket, inner: undefined, requests: 0, writingSince: undefined },
      since: this.#options.ticks(),
    };
    this.#clients.add(client);
    let port: number | undefined;
    try {
      // The first bytes, or the handshake of TLS, come before anything else is spent on the client.
      const first = await beginning(socket);
      if (first === undefined || isHttp2(first)) return;
      const inner = await Deno.connect({ hostname: LOOPBACK, port: this.#inner.addr.port });
      client.inner = inner;
      if (!this.#clients.has(client)) return;
      port = inner.localAddr.port;
      this.#byPort.set(port, client);
      await writeAll(inner, first);
      await Promise.all([this.#toServer(client, inner), this.#toClient(client, inner)]);
    } catch {
      // Either end has disconnected.
    } finally {
      this.#clients.delete(client);
      if (port !== undefined) this.#byPort.delete(port);
      drop(client);
    }
  }

  async #toServer({ socket }: Client, inner: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(BUFFER_SIZE);
    for (let size; (size = await socket.read(buffer)) !== null;) {
      await writeAll(inner, buffer.subarray(0, size));
    }
    await inner.closeWrite();
  }

  async #toClient(client: Client, inner: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(BUFFER_SIZE);
    for (let size; (size = await inner.read(buffer)) !== null;) {
      client.writingSince = this.#options.ticks();
      await writeAll(client.socket, buffer.subarray(0, size));
      client.writingSince = undefined;
    }
    await client.socket.closeWrite();
    // The server has ended the connection, whatever the client still sends.
    drop(client);
  }

  async #handle(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Promise<Response> {
    const client = this.#byPort.get(info.remoteAddr.port);
    if (client === undefined) return new Response(null, { status: 403 });
    // Until its body is here, the client is one that waits. Then nothing waits for the client.
    const whole = await withBody(request);
    if (typeof whole === "number") return new Response(null, { status: whole });
    client.requests++;
    const end = () => {
      client.requests--;
      client.since = this.#options.ticks();
    };
    info.completed.then(end, end);
    return await this.#options.handler(whole, client.address);
  }

  /** Closes connections that take too long. */
  #look(): void {
    const now = this.#options.ticks();
    const { requestMs, stallMs } = this.#times;
    for (const client of this.#clients) {
      const { requests, since, writingSince } = client;
      const isIdle = requests === 0 && now - since > requestMs;
      const isStalled = writingSince !== undefined && now - writingSince > stallMs;
      if (isIdle || isStalled) this.#drop(client);
    }
  }

  /** Closes the connection that has waited longest for a request. Returns `false` if none waits. */
  #dropWaiting(): boolean {
    for (const client of this.#clients) {
      if (client.requests > 0) continue;
      this.#drop(client);
      return true;
    }
    return false;
  }

  #drop(client: Client): void {
    this.#clients.delete(client);
    drop(client);
  }
}

function listen({ address, tls }: HttpPortOptions): { listener: Accepting; address: AdminAddress } {
  try {
    if ("path" in address) return { listener: listenAtPath(address.path), address };
    const listener = tls === undefined
      ? Deno.listen({ ...address })
      : Deno.listenTls({ ...address, ...tls });
    const { hostname, port } = listener.addr;
    return { listener, address: { hostname, port } };
  } catch (cause) {
    throw cannotListen(address, reasonOf(cause), { cause });
  }
}

export function cannotListen(
  address: AdminAddress,
  reason: string,
  options: { readonly cause?: unknown } = {},
): NetworkError {
  return new NetworkError(
    "cannot-listen",
    `cannot listen on ${formatAdminAddress(address)}: ${reason}`,
    { hint: "Choose another address with --admin-listen HOST:PORT.", ...options },
  );
}

/** The first bytes of a client, at least as many as tell HTTP/2; `undefined` if it sends fewer. */
async function beginning(socket: Socket): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(BUFFER_SIZE);
  let filled = 0;
  while (filled < HTTP2.length) {
    const size = await socket.read(buffer.subarray(filled));
    if (size === null) return undefined;
    filled += size;
  }
  return buffer.subarray(0, filled);
}

function isHttp2(first: Uint8Array): boolean {
  return HTTP2.every((byte, at) => first[at] === byte);
}

/** The request with its whole body, or the status of its answer if that is too large or does not arrive. */
async function withBody(request: Request): Promise<Request | 413 | 400> {
  if (request.body === null) return request;
  if (Number(request.headers.get("content-length")) > MAX_BODY) return 413;
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of request.body) {
      size += piece.length;
      // Leaving the loop early cancels the rest.
      if (size > MAX_BODY) return 413;
      pieces.push(piece);
    }
  } catch {
    return 400;
  }
  // A copy of the request would have its signal, about which Deno writes a warning to the log.
  const { url, method, headers } = request;
  // Only forms have a body that is read. Some other methods cannot be copied.
  if (method !== "POST") return request;
  return new Request(url, { method, headers, body: concatBytes(...pieces) });
}

function clientAddress(address: Deno.Addr): string {
  return "hostname" in address ? formatAdminAddress(address) : "a unix socket";
}

function drop({ socket, inner }: Client): void {
  closeSocket(socket);
  if (inner !== undefined) closeSocket(inner);
}
