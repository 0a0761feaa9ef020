/** The access log of both protocols: each transfer that fails has a line. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { Access } from "../../server/limits/access.ts";
import type { ServerOptions } from "../../server/lifecycle/server_options.ts";
import type { Limits } from "../../server/limits/limits.ts";
import { UnavailableError } from "../../protocol/errors.ts";
import type { Catalog } from "../../server/catalog/catalog.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { openInThisThread } from "../support/store/catalogs.ts";
import { interceptedCatalog } from "../support/store/intercepted_catalog.ts";
import { RawClient } from "../support/v3/raw_client.ts";
import { Fixture, got, put } from "../support/v4/fixture.ts";
import { Uploader } from "../support/v4/raw_client.ts";

/** A server, and what its clients have done: `METHOD NAME CODE`. */
async function start(limits: Partial<Limits> = {}, options: Partial<ServerOptions> = {}) {
  const accesses: Access[] = [];
  const fixture = await Fixture.create(limits, {
    ...{ ...options, onAccess: (access) => void accesses.push(access) },
  });
  return {
    fixture,
    accesses,
    lines: () => accesses.map(({ method, name, code = "" }) => `${method} ${name} ${code}`.trim()),
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("access v4: an upload whose client disconnects has a line with its bytes", async () => {
  await using server = await start();
  const { fixture, accesses, lines } = server;
  (await fixture.client("Alice"))[Symbol.dispose]();
  const content = pseudoRandomBytes(3 * CHUNK_SIZE);
  {
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.resume(content, { name: "a" });
    await alice.send(tag, content, 0);
    const [live] = fixture.server.monitor.connections.values();
    await until(() => [...live?.transfers ?? []].some(({ bytes }) => bytes === CHUNK_SIZE));
  }
  await until(() => accesses.length > 0);
  assert.deepEqual(lines(), ["put a interrupted"]);
  const [{ user, bytes, protocol } = assert.fail()] = accesses;
  assert.deepEqual([user, bytes, protocol], ["Alice", CHUNK_SIZE, 4]);
});

Deno.test("access v4: each file of a refused pack has a line, and so has a refused upload, once", async () => {
  await using server = await start({ maxFileSize: 10 });
  using client = await server.fixture.client("Alice");
  const small = await server.fixture.source("small", new Uint8Array(11));
  const names = Array.from({ length: 12 }, (_, i) => `${i}`);
  await put(client, names.map((name) => ({ file: small, name })));
  const large = await server.fixture.source("large", new Uint8Array(CHUNK_SIZE));
  await put(client, [{ file: large }]);
  assert.deepEqual(
    server.lines().sort(),
    [...names, "large"].map((name) => `put ${name} over-limit`).sort(),
  );
});

Deno.test("access v3: uploads that are too large or differ from what the client has sent have a line each", async () => {
  await using server = await start({ maxFileSize: 1000 });
  const { fixture, lines } = server;
  using peer = await RawClient.connect(fixture.server.address);
  await peer.enrol("Alice");
  await peer.sendFile("a", pseudoRandomBytes(500));
  await peer.judge("crcInvalid", "a");
  await peer.sendFile("b", pseudoRandomBytes(2000));
  assert.deepEqual(lines(), ["put a mismatch", "put b over-limit"]);
});

Deno.test("access: an upload that fails has its name as a stored file has it, over both protocols", async () => {
  await using server = await start({ maxFileSize: 1000 });
  const { fixture, lines } = server;
  const name = "soft\u{ad}hyphen";
  using client = await fixture.client("Alice");
  await put(client, [{ file: await fixture.source("large", new Uint8Array(CHUNK_SIZE)), name }]);
  using peer = await RawClient.connect(fixture.server.address);
  await peer.enrol("Bob");
  await peer.sendFile(`folder/${name}`, pseudoRandomBytes(2000));
  assert.deepEqual(lines(), Array(2).fill(`put ${name} over-limit`));
});

Deno.test("access v4: a download that fails has one line with its bytes, whether it has begun or not", async () => {
  let isFailing = false;
  const fileSystem = {
    ...Deno,
    open: async (path: string | URL, options?: Deno.OpenOptions) => {
      const file = await Deno.open(path, options);
      const { read } = Deno.FsFile.prototype;
      let sent = 0;
      file.read = async (buffer) => {
        if (isFailing && sent >= CHUNK_SIZE) throw new Error("the disk has failed");
        const size = await read.call(file, buffer);
        sent += size ?? 0;
        return size;
      };
      return file;
    },
  };
  await using server = await start({}, { fileSystem });
  using client = await server.fixture.client("Alice");
  const source = await server.fixture.source("a", pseudoRandomBytes(3 * CHUNK_SIZE));
  await put(client, [{ file: source }]);
  server.accesses.length = 0;
  isFailing = true;
  await assert.rejects(got(client, "a"), { code: "cannot-store" });
  await assert.rejects(got(client, "none"), { code: "no-such-file" });
  assert.deepEqual(
    server.accesses.map(({ method, name, bytes, code }) => [method, name, bytes, code]),
    [["get", "a", CHUNK_SIZE, "cannot-store"], ["get", "none", 0, "no-such-file"]],
  );
});

Deno.test("access v4: a transfer has one line if its account may not do it, or cannot be looked up", async () => {
  let isLocked = false;
  let accounts: Catalog["accounts"] | undefined;
  const openCatalog: ServerOptions["openCatalog"] = async (path) => {
    const catalog = await openInThisThread(path);
    accounts = catalog.accounts;
    return interceptedCatalog(catalog, async (method, _, next) => {
      if (!isLocked || method !== "accounts.find") return await next();
      throw new UnavailableError("unavailable", "another process has locked the catalog");
    });
  };
  await using server = await start({}, { openCatalog });
  const { fixture, lines } = server;
  const source = await fixture.source("a", new Uint8Array(CHUNK_SIZE));
  const other = await fixture.source("b", new Uint8Array(CHUNK_SIZE + 1));
  using first = await fixture.client("Alice");
  using second = await fixture.client("Alice");
  isLocked = true;
  await assert.rejects(put(first, [{ file: source }]), { code: "unavailable" });
  await assert.rejects(got(second, "a"), { code: "unavailable" });
  isLocked = false;
  using client = await fixture.client("Alice");
  await put(client, [{ file: source, name: "a" }]);
  const account = await accounts?.find({ name: "Alice" });
  await accounts?.update(account?.id ?? assert.fail(), { access: "append-only" });
  assert.deepEqual(await put(client, [{ file: other, name: "a" }]), ["not-allowed"]);
  assert.deepEqual(lines(), [
    ...["put a unavailable", "get a unavailable", "put a", "put a not-allowed"],
  ]);
});
