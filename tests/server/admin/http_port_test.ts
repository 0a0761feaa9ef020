/** The bounds of the operator's HTTP port. */
import assert from "node:assert/strict";
import type { AdminAddress } from "../../../server/admin/admin_address.ts";
import { type HttpHandler, HttpPort } from "../../../server/admin/http_port.ts";
import { ask, askOn, connectTo, readAll, requestText, send } from "../../support/net/http.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
const SLOW = { requestMs: 3_600_000, stallMs: 3_600_000, lookMs: 10 };

function open(
  handler: HttpHandler,
  { address = LOOPBACK, times = SLOW }: {
    readonly address?: AdminAddress;
    readonly times?: typeof SLOW;
  } = {},
): HttpPort {
  return new HttpPort({ address, handler, ticks: () => performance.now(), times });
}

const echo: HttpHandler = async (request) => new Response(await request.text());
const hello: HttpHandler = (_, client) => new Response(`hello ${client}`);

// The first test with a form: Deno writes a warning only once.
Deno.test("admin port: a form writes nothing to standard error, where the log may be", async () => {
  const { warn } = console;
  const warnings: unknown[] = [];
  console.warn = (...words) => void warnings.push(words);
  try {
    await using port = open(echo);
    assert.equal((await ask(port.address, { method: "POST", body: "text" })).body, "text");
  } finally {
    console.warn = warn;
  }
  assert.deepEqual(warnings, []);
});

Deno.test("admin port: a request is answered, and its client has its own address", async () => {
  await using port = open(hello);
  using connection = await connectTo(port.address);
  const { port: own } = connection.localAddr as Deno.NetAddr;
  const { status, body } = await askOn(connection, requestText({}));
  assert.deepEqual([status, body], [200, `hello 127.0.0.1:${own}`]);
});

Deno.test("admin port: a unix socket is only for the server's user, replaces a left one, and is removed", async () => {
  await using folder = await TemporaryFolder.create();
  const address = { path: folder.join("admin.sock") };
  const left = Deno.listen({ transport: "unix", path: address.path });
  left.close();
  {
    await using port = open(hello, { address });
    assert.equal((await Deno.stat(address.path)).mode! & 0o777, 0o600);
    assert.equal((await ask(port.address)).body, "hello a unix socket");
  }
  await assert.rejects(Deno.stat(address.path), Deno.errors.NotFound);
});

Deno.test("admin port: a file that is no socket is never replaced", async () => {
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("file", new Uint8Array(3));
  assert.throws(() => open(hello, { address: { path } }), { code: "cannot-listen" });
  assert.equal((await Deno.readFile(path)).length, 3);
});

for (
  const [what, text] of [
    ["sends nothing", ""],
    ["sends a part of its headers", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "],
    ["has its answer and sends nothing more", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ] as const
) {
  Deno.test(`attack: a client of the admin port that ${what} is disconnected`, async () => {
    await using port = open(hello, { times: { ...SLOW, requestMs: 50 } });
    using connection = await connectTo(port.address);
    await send(connection, text);
    // It ends, since otherwise this would wait forever.
    await readAll(connection);
  });
}

/** A request whose body never arrives as a whole. */
const HALF = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc";

Deno.test("attack: a client of the admin port that sends a part of its body is disconnected", async () => {
  await using port = open(echo, { times: { ...SLOW, requestMs: 50 } });
  using connection = await connectTo(port.address);
  await send(connection, HALF);
  await readAll(connection);
});

Deno.test("admin port: a body arrives whole; one that is too large is refused, also without a length", async () => {
  await using port = open(echo);
  const post = async (headers: Readonly<Record<string, string>>, body: string) =>
    await ask(port.address, { method: "POST", headers, body });
  const { status, body } = await post({}, "x".repeat(16 * 1024));
  assert.deepEqual([status, body.length], [200, 16 * 1024]);
  assert.equal((await post({}, "x".repeat(16 * 1024 + 1))).status, 413);
  const chunked = `4001\r\n${"x".repeat(0x4001)}\r\n0\r\n\r\n`;
  using connection = await connectTo(port.address);
  const head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n";
  const answer = await askOn(connection, `${head}Connection: close\r\n\r\n${chunked}`);
  assert.equal(answer.status, 413);
});

Deno.test("attack: a client of the admin port that does not read a large answer is disconnected", async () => {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
    cancel: () => resolve(),
  });
  await using port = open(() => new Response(endless), { times: { ...SLOW, stallMs: 50 } });
  using connection = await connectTo(port.address);
  await send(connection, requestText({}));
  await cancelled;
});

Deno.test("attack: many idle connections to the admin port keep nobody out", async () => {
  await using port = open(hello);
  using stack = new DisposableStack();
  for (let i = 0; i < 80; i++) stack.use(await connectTo(port.address));
  assert.equal((await ask(port.address)).status, 200);
});

for (
  const [what, headers] of [
    ["two lengths", "Host: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n"],
    ["an unknown encoding", "Host: localhost\r\nTransfer-Encoding: xchunked\r\n"],
  ] as const
) {
  Deno.test(`attack: a request with ${what} is refused, and nothing after it is read`, async () => {
    await using port = open(echo);
    using connection = await connectTo(port.address);
    await send(connection, `POST / HTTP/1.1\r\n${headers}\r\n0\r\n\r\n${requestText({})}`);
    const answers = await readAll(connection);
    assert.match(answers, /^HTTP\/1.1 400 /);
    assert.equal(answers.match(/HTTP\/1.1/g)?.length, 1);
  });
}

Deno.test("attack: HTTP/2, with its many requests in one connection, is refused", async () => {
  await using port = open(hello, { times: { ...SLOW, requestMs: 50 } });
  using connection = await connectTo(port.address);
  await send(connection, "P");
  await send(connection, "RI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").catch(() =>
    undefined
  );
  assert.equal(await readAll(connection), "");
});

Deno.test("attack: bytes that are no HTTP end the connection, and the port serves others", async () => {
  await using port = open(hello);
  for (const text of ["\x16\x03\x01\x00\x05hello", "GET\r\n\r\n", `GET /${"a".repeat(2e6)}`]) {
    using connection = await connectTo(port.address);
    await send(connection, text).catch(() => undefined);
    await connection.closeWrite().catch(() => undefined);
    await readAll(connection);
  }
  assert.equal((await ask(port.address)).status, 200);
});
