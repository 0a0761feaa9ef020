/** Tables of unfinished work of clients: each has a bound, at which the oldest entry makes room, and a time limit. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../server/limits/limits.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { FIELDS, fixedSize, type RequestKind } from "../../../protocol/v3/editions/edition.ts";
import type { SendFile } from "../../../protocol/v3/messages.ts";
import type { Server } from "../../../server/server.ts";
import { localState } from "../../../server/accounts/local_state.ts";
import { PendingUploads } from "../../../server/v3/pending_uploads.ts";
import type { V3Upload } from "../../../server/v3/upload.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { field, kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

const content = pseudoRandomBytes(1000);

class Fixture implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;
  readonly server: Server;
  readonly folder: TemporaryFolder;
  readonly now: { ms: number };

  private constructor(
    resources: AsyncDisposableStack,
    server: Server,
    folder: TemporaryFolder,
    now: { ms: number },
  ) {
    this.#resources = resources;
    this.server = server;
    this.folder = folder;
    this.now = now;
  }

  static async start(limits: Partial<Limits> = {}): Promise<Fixture> {
    const resources = new AsyncDisposableStack();
    const folder = resources.use(await TemporaryFolder.create());
    const now = { ms: 1_000_000_000 };
    const server = resources.use(
      await startInThisThread({
        listen: [{ hostname: "127.0.0.1", port: 0 }],
        ...{ dataFolder: folder.join("data"), limits, clock: () => now.ms, ticks: () => now.ms },
      }),
    );
    return new Fixture(resources, server, folder, now);
  }

  async connect(clientId?: Bytes, aesKey?: CryptoKey): Promise<RawClient> {
    const peer = this.#resources.use(await RawClient.connect(this.server.address));
    if (clientId !== undefined) peer.clientId = clientId;
    if (aesKey !== undefined) peer.aesKey = aesKey;
    return peer;
  }

  get staged(): number {
    return [...Deno.readDirSync(this.folder.join("data", "staging"))].length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

Deno.test("maxSessions: the key unused for longest is forgotten, but stays on its own connection", async () => {
  await using fixture = await Fixture.start({ maxSessions: 1 });
  const alice = await fixture.connect();
  await alice.enrol("Alice");
  const again = await fixture.connect(alice.clientId, alice.aesKey);
  assert.equal(kindOf(await again.sendFile("a", content)), "fileReceived");
  await (await fixture.connect()).enrol("Bob");
  const late = await fixture.connect(alice.clientId, alice.aesKey);
  assert.equal(kindOf(await late.sendFile("a", content)), "generalError");
  assert.equal(kindOf(await alice.sendFile("a", content)), "fileReceived");
});

Deno.test("sessionTtlMs: a key unused for this time is invalid, for sending and for verdicts", async () => {
  await using fixture = await Fixture.start();
  const peer = await fixture.connect();
  await peer.enrol("Alice");
  assert.equal(kindOf(await peer.sendFile("a", content)), "fileReceived");
  fixture.now.ms += DEFAULT_LIMITS.sessionTtlMs;
  assert.equal(kindOf(await peer.judge("crcValid", "a")), "generalError");
  assert.equal(kindOf(await peer.sendFile("b", content)), "generalError");
});

Deno.test("maxReservations: an id given out with a denial makes room for the next", async () => {
  await using fixture = await Fixture.start({ maxReservations: 1 });
  const [first, second] = [await fixture.connect(), await fixture.connect()];
  assert.equal(kindOf(await first.reconnect("Alice")), "denied");
  assert.equal(kindOf(await second.reconnect("Bob")), "denied");
  assert.equal(kindOf(await first.sendKey("Alice")), "generalError");
  assert.equal(kindOf(await second.sendKey("Bob")), "keyReceived");
});

Deno.test("maxUnverifiedPerClient: the oldest file without a verdict makes room", async () => {
  await using fixture = await Fixture.start({ maxUnverifiedPerClient: 2 });
  const peer = await fixture.connect();
  await peer.enrol("Alice");
  for (const name of ["a", "b", "c"]) {
    assert.equal(kindOf(await peer.sendFile(name, content)), "fileReceived");
  }
  assert.equal(fixture.staged, 2);
  assert.equal(kindOf(await peer.judge("crcValid", "a")), "generalError");
  for (const name of ["b", "c"]) {
    assert.equal(kindOf(await peer.judge("crcValid", name)), "messageReceived");
  }
});

/** The part of a file between two packets, as its table sees it. */
class FakeUpload implements AsyncDisposable {
  readonly request: SendFile;
  isDropped = false;

  constructor(client: number, name: string) {
    this.request = {
      kind: "sendFile",
      clientId: new Uint8Array(16).fill(client),
      contentSize: 16,
      fileName: field(name),
      originalSize: 1,
      packetNumber: 1,
      totalPackets: 2,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isDropped = true;
    return Promise.resolve();
  }
}

async function addPending(limits: Partial<Limits>, uploads: readonly FakeUpload[]) {
  const pending = new PendingUploads({ ...DEFAULT_LIMITS, ...limits });
  for (const [index, upload] of uploads.entries()) {
    await pending.add(upload as unknown as V3Upload, index);
  }
  return pending;
}

const dropped = (uploads: readonly FakeUpload[]) => uploads.map(({ isDropped }) => isDropped);

Deno.test("maxParked, maxParkedPerClient: the oldest makes room, the client's own first", async () => {
  const all = [new FakeUpload(1, "a"), new FakeUpload(2, "a"), new FakeUpload(3, "a")];
  await addPending({ maxParked: 2 }, all);
  assert.deepEqual(dropped(all), [true, false, false]);
  const own = [new FakeUpload(1, "a"), new FakeUpload(2, "a"), new FakeUpload(2, "b")];
  const pending = await addPending({ maxParkedPerClient: 1 }, own);
  assert.deepEqual(dropped(own), [false, true, false]);
  assert.equal(pending.take(own[1]?.request ?? assert.fail()), undefined);
  assert.equal(pending.take(own[2]?.request ?? assert.fail()), own[2]);
});

Deno.test("unverifiedTtlMs: a file whose next packet is late is dropped after this time", async () => {
  const uploads = [new FakeUpload(1, "a"), new FakeUpload(1, "b")];
  const pending = await addPending({}, uploads);
  await pending.expire(1);
  assert.deepEqual(dropped(uploads), [true, false]);
});

Deno.test("maxAddresses: the address whose first request is oldest makes room", async () => {
  const { registrations } = localState({ ...DEFAULT_LIMITS, maxAddresses: 2 }, () => 0);
  const [first, second, third] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"] as const;
  for (const address of [first, second, third]) await registrations.count(address);
  assert.equal(await registrations.count(third), 2);
  assert.equal(await registrations.count(second), 2);
  assert.equal(await registrations.count(first), 1);
});

const CODES = Object.entries(edition2023c.requests) as [
  RequestKind,
  (typeof edition2023c.requests)[RequestKind] & object,
][];

for (const [kind, layout] of CODES) {
  const size = fixedSize(layout);
  const wrong = [size - 1, 0xffff_ffff, ...(kind === "sendFile" ? [] : [size + 1])];
  Deno.test(`a payload of ${kind} with a wrong size is refused before any byte of it is read`, async () => {
    await using fixture = await Fixture.start();
    for (const payloadSize of wrong) {
      const peer = await fixture.connect();
      const header = new Uint8Array(FIELDS.clientId.size + 7);
      const view = new DataView(header.buffer);
      view.setUint8(16, 3);
      view.setUint16(17, layout.code, true);
      view.setUint32(19, payloadSize, true);
      await peer.write(header);
      // A file's size is checked with its fixed part, which contains the content size.
      if (kind === "sendFile" && payloadSize > size) await peer.write(new Uint8Array(size));
      assert.equal(kindOf(await peer.receive()), "generalError", `${payloadSize}`);
      assert.equal(await peer.receive(), "closed");
    }
  });
}
