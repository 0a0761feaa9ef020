/** The client against real and against odd servers, in one process. */
import assert from "node:assert/strict";
import {
  type Address,
  type Bytes,
  type ClientEvent,
  concatBytes,
  edition2023c,
  encodeResponse,
  type Outcome,
  type Request,
  type Response,
  sendFiles,
  type SendOptions,
  Server,
  ServerSession,
  wrapKey,
} from "../../mod.ts";
import { pseudoRandomBytes } from "../helpers/bytes.ts";
import { TemporaryFolder } from "../helpers/temporary.ts";

async function send(
  folder: TemporaryFolder,
  server: Address,
  files: readonly string[],
  options: Partial<SendOptions> = {},
): Promise<{ outcomes: Outcome[]; events: ClientEvent["type"][] }> {
  const events: ClientEvent["type"][] = [];
  const outcomes = await sendFiles({
    ...{ server, userName: "Alice", identityFolder: folder.path },
    files: files.map((name) => folder.join(name)),
    ...options,
    onEvent: (event) => {
      if (event.type !== "request" && event.type !== "progress") events.push(event.type);
      options.onEvent?.(event);
    },
  });
  return { outcomes, events };
}

const start = (folder: TemporaryFolder) =>
  Server.start({
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    dataFolder: folder.join("data"),
  });

Deno.test("client: the private key is written before the registration, the id before the key is sent", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  await folder.write("a", "content");
  const seen: Record<string, string[]> = {};
  const names = ["me.info", "priv.key"];
  await send(folder, server.address, ["a"], {
    onEvent: (event) => {
      if (event.type !== "request") return;
      const there = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
      seen[event.kind] = names.filter((name) => there.includes(name));
    },
  });
  assert.deepEqual(seen["register"], ["priv.key"]);
  assert.deepEqual(seen["publicKey"], ["me.info", "priv.key"]);
});

Deno.test("client: a file that grows while it is sent is reported and not stored; the next one is", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const path = await folder.write("a", pseudoRandomBytes(3_000_000));
  await folder.write("b", "content");
  let appended = false;
  const { outcomes, events } = await send(folder, server.address, ["a", "b"], {
    onEvent: (event) => {
      if (event.type !== "progress" || appended) return;
      Deno.writeFileSync(path, new Uint8Array(10), { append: true });
      appended = true;
    },
  });
  const [first, second] = outcomes;
  assert.ok(first !== undefined && "error" in first);
  assert.equal(first.error.code, "file-changed");
  assert.ok(second !== undefined && "crc" in second);
  assert.deepEqual(events.filter((type) => type === "stored" || type === "failed"), [
    "failed",
    "stored",
  ]);
  assert.deepEqual([...Deno.readDirSync(folder.join("data", "staging"))], []);
});

Deno.test("client: a file that shrinks while it is sent can't be ended; the server keeps nothing of it", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const path = await folder.write("a", pseudoRandomBytes(3_000_000));
  await folder.write("b", "content");
  const { outcomes, events } = await send(folder, server.address, ["a", "b"], {
    onEvent: (event) => {
      if (event.type === "progress" && event.file.name === "a") Deno.truncateSync(path, 2_000_000);
    },
  });
  const [first, second] = outcomes;
  assert.ok(first !== undefined && "error" in first);
  assert.equal(first.error.code, "file-changed");
  assert.ok(second !== undefined && "crc" in second, "the next goes over a connection of its own");
  assert.equal(events.filter((type) => type === "connected").length, 2);
  assert.deepEqual([...Deno.readDirSync(folder.join("data", "staging"))], []);
});

Deno.test("client: an identity of another name is not used, nor replaced", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  await folder.write("a", "content");
  await send(folder, server.address, ["a"]);
  const before = await Deno.readTextFile(folder.join("me.info"));
  await assert.rejects(send(folder, server.address, ["a"], { userName: "Bob" }), {
    name: "ConfigurationError",
    code: "other-identity",
  });
  assert.equal(await Deno.readTextFile(folder.join("me.info")), before);
});

/** A server that answers each request as told and may end the connection after it. */
class OddServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #work: Promise<void>;
  readonly #answer: (request: Request) => Promise<Response | Bytes | "close">;
  readonly #closeAfter: Request["kind"] | undefined;

  constructor(
    answer: (request: Request) => Promise<Response | Bytes | "close">,
    closeAfter?: Request["kind"],
  ) {
    this.#answer = answer;
    this.#closeAfter = closeAfter;
    this.#work = this.#accept();
  }

  get address(): Address {
    const { hostname, port } = this.#listener.addr;
    return { hostname, port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#work;
  }

  async #accept(): Promise<void> {
    for await (const socket of this.#listener) {
      await this.#serve(socket).catch(() => undefined);
      socket.close();
    }
  }

  async #serve(socket: Deno.TcpConn): Promise<void> {
    const session = new ServerSession([edition2023c]);
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
        const answer = await this.#answer(event.request);
        if (answer === "close") return;
        await socket.write(answer instanceof Uint8Array ? answer : session.reply(answer).bytes);
        if (answer instanceof Uint8Array || event.request.kind === this.#closeAfter) return;
      }
    }
  }
}

const clientId = pseudoRandomBytes(16, 8);
let publicKey: Bytes = new Uint8Array(0);

async function sound(request: Request, crc: number): Promise<Response> {
  if (request.kind === "publicKey") publicKey = request.publicKey;
  const wrappedKey = publicKey.length > 0
    ? await wrapKey(publicKey, new Uint8Array(16).fill(7))
    : new Uint8Array(128);
  switch (request.kind) {
    case "register":
      return { kind: "registered", clientId };
    case "publicKey":
      return { kind: "keyReceived", clientId, wrappedKey };
    case "reconnect":
      return { kind: "reconnected", clientId, wrappedKey };
    case "sendFile": {
      const { contentSize, fileName } = request;
      return { kind: "fileReceived", clientId, contentSize, fileName, crc };
    }
    default:
      return { kind: "messageReceived", clientId };
  }
}

const EMPTY_CRC = 4294967295;

Deno.test("client: a server that closes after each approval gets each file on a connection of its own", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = new OddServer((request) => sound(request, EMPTY_CRC), "crcValid");
  for (const name of ["a", "b", "c"]) await folder.write(name, "");
  const { outcomes, events } = await send(folder, server.address, ["a", "b", "c"]);
  assert.ok(outcomes.every((outcome) => "crc" in outcome));
  assert.equal(events.filter((type) => type === "connected").length, 3);
});

Deno.test("client: what a server may not say is refused, in bounded memory", async () => {
  const error = (header: readonly number[]) => new Uint8Array(header);
  const register = encodeResponse(edition2023c, { kind: "registered", clientId });
  const cases: [string, Response | Bytes | "close", string][] = [
    ["a payload of 4 GiB", error([3, 0x34, 0x08, 0xff, 0xff, 0xff, 0xff]), "bad-payload-size"],
    ["an unknown code", error([3, 0xff, 0xff, 0, 0, 0, 0]), "unknown-code"],
    ["a short id", error([3, 0x34, 0x08, 3, 0, 0, 0, 1, 2, 3]), "truncated"],
    ["half a response", register.subarray(0, 12), "connection-closed"],
    ["nothing", "close", "connection-closed"],
    ["approval of nothing", { kind: "messageReceived", clientId }, "unexpected-response"],
    ["a general error", { kind: "generalError" }, "general-error"],
    [
      "a refusal with a text",
      concatBytes(error([3, 0x35, 8, 4, 0, 0, 0]), error([78, 111, 33, 10])),
      "name-taken",
    ],
  ];
  for (const [what, answer, code] of cases) {
    await using folder = await TemporaryFolder.create();
    await using server = new OddServer(() => Promise.resolve(answer));
    await folder.write("a", "");
    await assert.rejects(send(folder, server.address, ["a"]), { code }, what);
    assert.throws(() => Deno.statSync(folder.join("me.info")), Deno.errors.NotFound, what);
  }
});

Deno.test("client: an AES key of a wrong size, or one that was not wrapped for it, is refused", async () => {
  const cases: [(publicKey: Bytes) => Promise<Bytes>, string][] = [
    [(key) => wrapKey(key, new Uint8Array(32)), "bad-key-size"],
    [() => Promise.resolve(new Uint8Array(128)), "bad-wrapped-key"],
  ];
  for (const [wrap, code] of cases) {
    await using folder = await TemporaryFolder.create();
    await using server = new OddServer(async (request) =>
      request.kind === "publicKey"
        ? { kind: "keyReceived", clientId, wrappedKey: await wrap(request.publicKey) }
        : await sound(request, 0)
    );
    await folder.write("a", "");
    await assert.rejects(send(folder, server.address, ["a"]), { code });
  }
});

Deno.test("client: a server that says nothing is not waited for without end", async () => {
  await using folder = await TemporaryFolder.create();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await folder.write("a", "");
  const { hostname, port } = listener.addr;
  const options = { timeouts: { responseMs: 20 } };
  await assert.rejects(send(folder, { hostname, port }, ["a"], options), {
    name: "NetworkError",
    code: "response-timeout",
  });
  (await listener.accept()).close();
});
