/**
 * Digests of files of protocol 3 take a read of the whole file: the number of reads, total and parallel, whatever peers
 * request.
 */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { openDatabase } from "../../support/store/database.ts";
import { ServerLog } from "../../support/server_log.ts";
import { RawClient } from "../../support/v3/raw_client.ts";
import { Fixture } from "../../support/v4/fixture.ts";

const CHUNKS = 4;
const SIZE = CHUNKS * CHUNK_SIZE;

/** A disk whose reads of stored files wait for the test, and which counts them. */
class Disk {
  /** The stored files in the order in which they were opened. */
  readonly opened: string[] = [];
  /** The number of files that are open now, and the maximum. */
  open = 0;
  mostOpen = 0;
  reads = 0;
  #gate = Promise.resolve();
  #letThrough: () => void = () => undefined;

  readonly fileSystem = {
    ...Deno,
    open: async (path: string | URL, options?: Deno.OpenOptions) => {
      const file = await Deno.open(path, options);
      return `${path}`.includes("/files/") && options?.write !== true &&
          !file.statSync().isDirectory
        ? this.#watched(file, `${path}`)
        : file;
    },
  };

  hold(): void {
    const gate = Promise.withResolvers<void>();
    this.#gate = gate.promise;
    this.#letThrough = gate.resolve;
  }

  release(): void {
    this.#letThrough();
  }

  #watched(file: Deno.FsFile, path: string): Deno.FsFile {
    this.opened.push(path);
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    const close = () => {
      this.open--;
      file.close();
    };
    const read = async (buffer: Uint8Array) => {
      this.reads++;
      await this.#gate;
      return await file.read(buffer);
    };
    const changed: Record<PropertyKey, unknown> = { read, close, [Symbol.dispose]: close };
    return new Proxy(file, {
      get(target, name) {
        if (name in changed) return changed[name];
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
}

interface Shelf {
  readonly fixture: Fixture;
  readonly disk: Disk;
  /** Stores files over protocol 3 and moves them to a user's account of protocol 4, like a claim. */
  readonly store: (user: string, names: readonly string[]) => Promise<void>;
}

function test(what: string, body: (shelf: Shelf) => Promise<void>) {
  Deno.test(`digests of files of protocol 3: ${what}`, async () => {
    const disk = new Disk();
    await using fixture = await Fixture.create({}, { fileSystem: disk.fileSystem });
    const content = pseudoRandomBytes(SIZE);
    const store = async (user: string, names: readonly string[]) => {
      (await fixture.client(user))[Symbol.dispose]();
      using peer = await RawClient.connect(fixture.server.address);
      await peer.enrol(`Before${user}`);
      for (const name of names) {
        await peer.sendFile(name, content);
        await peer.judge("crcValid", name);
      }
      using database = openDatabase(fixture.folder.join("data", "catalog.db"));
      database.exec(
        `UPDATE files SET client_id = (SELECT id FROM clients WHERE name = '${user}')
         WHERE client_id = (SELECT id FROM clients WHERE name = 'Before${user}')`,
      );
    };
    try {
      await body({ fixture, disk, store });
    } finally {
      disk.release();
    }
  });
}

/** Waits until a condition holds that the server brings about on its own. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Connections of one user. */
async function connections(fixture: Fixture, user: string, count: number) {
  const clients = [];
  for (let i = 0; i < count; i++) clients.push(await fixture.client(user));
  return clients;
}

test("50 simultaneous requests for one file share one read, and later ones need none", async ({ fixture, disk, store }) => {
  await store("Alice", ["a"]);
  const clients = await connections(fixture, "Alice", 50);
  disk.hold();
  const asked = clients.map((client) => client.stat("a"));
  await until(() => disk.reads > 0);
  disk.release();
  assert.deepEqual(new Set((await Promise.all(asked)).map(({ size }) => size)), new Set([SIZE]));
  await clients[0]?.stat("a");
  assert.equal(disk.opened.length, 1);
  for (const client of clients) client[Symbol.dispose]();
});

test("a read ends when all requesting clients have disconnected, not while one waits", async ({ fixture, disk, store }) => {
  await store("Alice", ["a"]);
  const clients = await connections(fixture, "Alice", 5);
  disk.hold();
  const asked = clients.map((client) => client.stat("a"));
  await until(() => disk.reads > 0);
  const [patient, ...others] = clients;
  for (const client of others) client[Symbol.dispose]();
  await Promise.allSettled(asked.slice(1));
  disk.release();
  assert.equal((await asked[0])?.size, SIZE, "one still waits");
  patient?.[Symbol.dispose]();

  await store("Bob", ["b"]);
  const before = disk.reads;
  await using log = await ServerLog.take();
  disk.hold();
  const [bob] = await connections(fixture, "Bob", 1);
  const asking = bob?.stat("b");
  await until(() => disk.reads > before);
  bob?.[Symbol.dispose]();
  await assert.rejects(asking ?? Promise.resolve());
  await log.awaits("connection.lost");
  disk.release();
  await until(() => disk.open === 0);
  assert.equal(disk.reads - before, 1, "the read in progress was the last");
});

test("attack: repeated requests and disconnects cause one read at a time, and others get their files", async ({ fixture, disk, store }) => {
  await store("Alice", ["a"]);
  await store("Bob", ["b"]);
  disk.hold();
  for (let i = 0; i < 50; i++) {
    using alice = await fixture.client("Alice");
    const asked = alice.stat("a");
    if (i === 0) await until(() => disk.reads > 0);
    asked.catch(() => undefined);
  }
  using bob = await fixture.client("Bob");
  const asked = bob.stat("b");
  await until(() => disk.opened.some((path) => path !== disk.opened[0]));
  assert.equal(disk.opened.length, 2, "one of each");
  disk.release();
  assert.equal((await asked).size, SIZE);
});

test("attack: many files on many connections are read one by one, and delay nobody else", async ({ fixture, disk, store }) => {
  const names = Array.from({ length: 12 }, (_, i) => `${i}`);
  await store("Alice", names);
  for (const name of ["Bob", "Carol"]) await store(name, [name]);
  disk.hold();
  const clients = await connections(fixture, "Alice", names.length);
  const asked = clients.map((client, i) => client.stat(`${i}`));
  await until(() => disk.opened.length === 1);
  using bob = await fixture.client("Bob");
  using carol = await fixture.client("Carol");
  const others = [bob.stat("Bob"), carol.stat("Carol")];
  await until(() => disk.opened.length === 2);
  disk.release();
  assert.ok((await Promise.all([...asked, ...others])).every(({ size }) => size === SIZE));
  assert.equal(disk.mostOpen, 2, "one for each user, two in all");
  assert.equal(disk.opened.length, names.length + others.length, "each once");
  for (const client of clients) client[Symbol.dispose]();
});

test("attack: lists, versions and downloads of the same files share their reads", async ({ fixture, disk, store }) => {
  const names = ["a", "b", "c"];
  await store("Alice", names);
  const clients = await connections(fixture, "Alice", 12);
  disk.hold();
  const asked = clients.map((client, i) =>
    i % 3 === 0
      ? client.list("", () => undefined)
      : i % 3 === 1
      ? client.versions("b", () => undefined)
      : client.get({ name: "c", from: 0, to: 0 }, () => Promise.resolve())
  );
  await until(() => disk.reads > 0);
  disk.release();
  await Promise.all(asked);
  // A download also reads the content itself. Here none was requested.
  assert.equal(disk.opened.length, names.length);
  for (const client of clients) client[Symbol.dispose]();
});
