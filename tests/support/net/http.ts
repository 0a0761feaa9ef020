/** HTTP over a socket, byte for byte, for requests that `fetch` would not send. */
import type { AdminAddress } from "../../../server/admin/admin_address.ts";

export interface Answer {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface HttpRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The bytes of a request, which ends the connection. */
export function requestText(
  { method = "GET", path = "/", headers = {}, body = "" }: HttpRequest,
): string {
  const length = body === "" ? {} : { "Content-Length": `${body.length}` };
  const all = { Host: "localhost", ...length, ...headers, Connection: "close" };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

export async function connectTo(address: AdminAddress): Promise<Deno.Conn> {
  return "path" in address
    ? await Deno.connect({ transport: "unix", path: address.path })
    : await Deno.connect({ ...address });
}

/** Sends a request and reads the answer to its end. */
export async function ask(address: AdminAddress, request: HttpRequest = {}): Promise<Answer> {
  using connection = await connectTo(address);
  return await askOn(connection, requestText(request));
}

/** Sends bytes on a connection and reads until it ends. */
export async function askOn(connection: Deno.Conn, text: string): Promise<Answer> {
  await send(connection, text);
  return parse(await readAll(connection));
}

export async function send(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}

/** Everything until the connection ends, also if it is reset. */
export async function readAll(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(64 * 1024);
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let size; (size = await connection.read(buffer)) !== null;) {
      text += decoder.decode(buffer.subarray(0, size), { stream: true });
    }
  } catch {
    // Reset, or TLS without its end.
  }
  return text;
}

function parse(text: string): Answer {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = new Map(lines.map((line) => {
    const [name = "", value = ""] = line.split(/: ?(.*)/s);
    return [name.toLowerCase(), value];
  }));
  const body = rest.join("\r\n\r\n");
  return {
    status: Number(first.split(" ")[1]),
    headers,
    body: headers.get("transfer-encoding") === "chunked" ? unchunked(body) : body,
  };
}

function unchunked(body: string): string {
  let text = "";
  for (let rest = body;;) {
    const [, size = "", after = ""] = /^([0-9a-f]+)\r\n([\s\S]*)$/i.exec(rest) ?? [];
    const length = parseInt(size, 16);
    if (!(length > 0)) return text;
    text += after.slice(0, length);
    rest = after.slice(length + 2);
  }
}
