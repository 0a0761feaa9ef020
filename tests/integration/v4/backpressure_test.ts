/** Answers of the server over protocol 4 to peers that read them late, or not at all. */
import assert from "node:assert/strict";
import { getLogger, reset } from "@logtape/logtape";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../server/limits/limits.ts";
import { sign } from "../../../protocol/v4/authentication.ts";
import { FrameReader } from "../../../protocol/v4/frame_reader.ts";
import { encodeMessage, type Message, type MessageKind } from "../../../protocol/v4/messages.ts";
import { createContext } from "../../../server/context.ts";
import { createV4Context, type V4Context } from "../../../server/v4/context.ts";
import { systemRandom } from "../../../server/random.ts";
import type { TcpSocket } from "../../../server/listen/peer_socket.ts";
import { DataFolder } from "../../../server/data_folder/data_folder.ts";
import { Monitor } from "../../../server/monitor/monitor.ts";
import { V4Connection } from "../../../server/v4/connection.ts";
import { Requests, WINDOW } from "../../../server/v4/requests.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { takeLogs } from "../../support/server_log.ts";
import { sumsOf } from "../../support/v4/raw_client.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { chunkOf } from "../../support/v4/chunks.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";

const FINGERPRINT = new Uint8Array(32).fill(7);
/** The receiver owns the bytes that are sent. */
const content = () => new Uint8Array([1, 2, 3]);

/** A client at the other end of an in-memory connection. The test decides what it sends and reads. */
class ScriptedSocket implements TcpSocket {
  readonly remoteAddr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  readonly received: Message[] = [];
  /** Whether the client reads. */
  takes = true;
  /** Resolves when the server knows that the client sends no more. */
  readonly hasDisconnected = Promise.withResolvers<void>();
  readonly #frames = new FrameReader("server");
  #toRead: Bytes = new Uint8Array(0);
  #disconnecting: { readonly error: Error | undefined } | undefined;
  #closed = false;
  #idle = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();

  send(...messages: readonly Message[]): void {
    this.#toRead = concatBytes(this.#toRead, ...messages.map(encodeMessage));
    this.#idle = Promise.withResolvers();
    this.#change();
  }

  /** Resolves when the server has read everything and waits for more. */
  hasNothingMore(): Promise<void> {
    return this.#idle.promise;
  }

  /** Ends the sending direction and keeps reading. With `error`, the server's read fails. */
  disconnect(error?: Error): void {
    this.#disconnecting = { error };
    this.#change();
  }

  async waitFor(kind: MessageKind, count = 1): Promise<void> {
    while (this.received.filter((message) => message.kind === kind).length < count) {
      await this.#changed.promise;
    }
  }

  async read(buffer: Bytes): Promise<number | null> {
    for (;;) {
      if (this.#closed) throw new Deno.errors.Interrupted("closed");
      const size = Math.min(buffer.length, this.#toRead.length);
      buffer.set(this.#toRead.subarray(0, size));
      this.#toRead = this.#toRead.subarray(size);
      if (size > 0) return size;
      this.#idle.resolve();
      if (this.#disconnecting !== undefined) {
        this.hasDisconnected.resolve();
        if (this.#disconnecting.error !== undefined) throw this.#disconnecting.error;
        return null;
      }
      await this.#changed.promise;
    }
  }

  async write(bytes: Bytes): Promise<number> {
    // Like a socket, it takes no time to accept nothing.
    await new Promise((resolve) => setTimeout(resolve));
    while (!this.takes && !this.#closed) await this.#changed.promise;
    if (this.#closed) throw new Deno.errors.BrokenPipe("closed");
    this.#frames.push(bytes.slice());
    for (let next = this.#frames.next(); next !== undefined; next = this.#frames.next()) {
      this.received.push(next);
    }
    this.#change();
    return bytes.length;
  }

  close(): void {
    this.#closed = true;
    this.#change();
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  async register(name: string): Promise<void> {
    await this.waitFor("challenge");
    const { nonce } = this.received[0] as Extract<Message, { kind: "challenge" }>;
    const { privateKey, publicKey } = await crypto.subtle.generateKey("Ed25519", true, [
      "sign",
      "verify",
    ]) as CryptoKeyPair;
    const key = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
    const signature = await sign(privateKey, { fingerprint: FINGERPRINT, nonce, key, name });
    this.send({ kind: "register", tag: 0, name, key, signature, token: "" });
    await this.waitFor("welcome");
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function begun(tag: number): Message[] {
  return [
    { ...FILE_PUT, kind: "put", tag, name: `file${tag}`, size: content().length, resume: 0 },
    chunkOf(tag, 0, content()),
  ];
}

function whole(tag: number): Message[] {
  return [...begun(tag), { kind: "end", tag, ...sumsOf(content()) }];
}

function tags(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

async function clientIdOf({ context }: Fixture): Promise<Bytes> {
  const [client] = await context.store.catalog.accounts.list();
  assert.ok(client);
  return client.id;
}

interface Fixture {
  readonly context: V4Context;
  readonly connection: V4Connection;
  readonly peer: ScriptedSocket;
  /** Awaited before a file is stored. */
  readonly storing: { after: Promise<unknown> };
  /** Resolves when the connection ends. */
  readonly served: Promise<void>;
  readonly logged: readonly Readonly<Record<string, unknown>>[];
}

function test(
  name: string,
  work: (fixture: Fixture) => Promise<void>,
  limits: Partial<Limits> = {},
) {
  Deno.test(`v4 answers: ${name}`, async () => {
    const logged: Record<string, unknown>[] = [];
    await takeLogs("info", ({ properties }) => void logged.push(properties));
    await using folder = await TemporaryFolder.create();
    await using store = await DataFolder.openToServe(folder.join("data"), Deno, openInThisThread);
    const storing: Fixture["storing"] = { after: Promise.resolve() };
    const { catalog, blobs } = store;
    const waiting = interceptedCatalog(catalog, async (method, _args, next) => {
      if (method === "files.commit") await storing.after;
      return await next();
    });
    const shared = createContext({
      ...{ store: { catalog: waiting, blobs } },
      ...{
        limits: { ...DEFAULT_LIMITS, ...limits },
        random: systemRandom,
        clock: Date.now,
        ticks: Date.now,
      },
      ...{ log: getLogger(["xfer", "server"]), monitor: new Monitor(Date.now) },
      registration: () => "open" as const,
      isHousekeeper: () => true,
    }, () => Promise.resolve(Infinity));
    const context = createV4Context(shared, {
      onAccountClaimed: () => Promise.resolve(),
      onUnconfirmed: () => undefined,
    });
    const peer = new ScriptedSocket();
    const connection = new V4Connection(context, peer, {
      ...{ fingerprint: FINGERPRINT, names: undefined },
    });
    const served = connection.serve();
    try {
      await peer.register("Alice");
      await work({ context, connection, peer, storing, served, logged });
    } finally {
      connection.close("the test is over");
      await served;
      await reset();
    }
  });
}

test("a client that closed its sending direction still gets all of its answers", async (fixture) => {
  const { peer, storing, served, context } = fixture;
  storing.after = peer.hasDisconnected.promise;
  peer.send(...tags(1, 20).flatMap(whole));
  peer.disconnect();
  await served;
  assert.equal(peer.received.filter(({ kind }) => kind === "stored").length, 20);
  assert.equal(context.staging.count, 0);
});

test("answers that are not read stop the storing of further files", async (fixture) => {
  const { context } = fixture;
  const taking = Promise.withResolvers<void>();
  const windowful = Promise.withResolvers<void>();
  let [asked, told] = [0, 0];
  await using requests = new Requests({
    context,
    live: context.monitor.describe({ protocol: 4, address: "127.0.0.1:1", end: () => undefined }),
    owner: {
      accountId: await clientIdOf(fixture),
      key: new Uint8Array(32),
      name: "Alice",
      address: "127.0.0.1:1",
    },
    answers: {
      send() {
        if (++told === WINDOW) windowful.resolve();
        return taking.promise;
      },
      sendChunk: () => taking.promise,
      sendRecords: () => taking.promise,
      close: () => undefined,
      onDisconnect: () => ({ [Symbol.dispose]: () => undefined }),
    },
  });
  const asking = (async () => {
    for (const tag of tags(1, 2 * WINDOW)) {
      for (const message of whole(tag)) await requests.handle(message);
      asked++;
    }
  })();
  await windowful.promise;
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
  const before = asked;
  taking.resolve();
  await asking;
  assert.ok(before <= WINDOW, `${before} files were taken`);
  assert.equal(asked, 2 * WINDOW);
});

test(
  "a client that reads no answers is disconnected, and its uploads are discarded",
  async ({ peer, served, context, logged }) => {
    peer.takes = false;
    peer.send(...tags(1, 3).flatMap(whole), ...begun(4));
    await served;
    assert.equal(context.staging.count, 0);
    const events = logged.map(({ event, name }) => name === undefined ? event : `${event} ${name}`);
    assert.deepEqual(events.slice(-2), ["limit.reached stallTimeoutMs", "connection.lost"]);
    assert.equal(events.filter((event) => event === "file.stored").length, 3);
  },
  { stallTimeoutMs: 100 },
);

test("a stopping server waits for the last answer and for nothing more", async (fixture) => {
  const { connection, peer, storing, served } = fixture;
  const stopping = Promise.withResolvers<void>();
  storing.after = stopping.promise;
  peer.send(...whole(1));
  await peer.hasNothingMore();
  connection.finish();
  stopping.resolve();
  await served;
  assert.deepEqual(peer.received.at(-1)?.kind, "stored");
});

test("a Deno client that closes without close_notify counts as lost only within a file", async (fixture) => {
  const { peer, served, logged } = fixture;
  peer.send(...whole(1));
  await peer.waitFor("stored");
  peer.disconnect(
    new Deno.errors.UnexpectedEof("peer closed connection without sending close_notify"),
  );
  await served;
  assert.equal(logged.at(-1)?.["event"], "file.stored");
});

test("a client that closes within a file is lost", async ({ peer, served, logged }) => {
  peer.send(...begun(1));
  await peer.hasNothingMore();
  peer.disconnect(
    new Deno.errors.UnexpectedEof("peer closed connection without sending close_notify"),
  );
  await served;
  assert.equal(logged.at(-1)?.["event"], "connection.lost");
});
