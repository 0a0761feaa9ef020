/** State of protocol 3 that servers share: rows of one server that another one finds. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { BlobId } from "../../../server/blobs/blob_store.ts";
import { newInlineId } from "../../../server/catalog/inline_ids.ts";
import type { ParkedFile } from "../../../server/catalog/parked_rows.ts";
import type { SharedCatalog } from "../../../server/catalog/shared_catalog.ts";
import type { StateKind } from "../../../server/catalog/state_rows.ts";
import type {
  ClientConnection,
  CompleteRow,
  ContentAway,
} from "../../../server/catalog/unverified_rows.ts";
import { alice, enrolV3, id } from "../../support/store/catalog_suite.ts";
import { sharedCatalogTest as test } from "../../support/store/shared_catalog_suite.ts";

/** Long enough for a slow machine. */
const LONG_MS = 600_000;
const bytes = (...values: readonly number[]): Bytes => new Uint8Array(values);
const plain = (found: Bytes | undefined) => found && [...found];
/** A connection that began after everything before it. */
const LATER = { server: "other", connection: 1, ageMs: 0 };

/** The same bounds for each kind of entry. */
function bounds(ttlMs: number, max: number) {
  const kinds: StateKind[] = ["registrations", "sessions", "reservedIds", "disputes"];
  return Object.fromEntries(kinds.map((kind) => [kind, { ttlMs, max }])) as Record<
    StateKind,
    { ttlMs: number; max: number }
  >;
}

test("attempts to register at both servers are counted together", async (first, second) => {
  assert.equal(await first.state.countRegistration("192.0.2.1", LONG_MS), 1);
  assert.equal(await second.state.countRegistration("192.0.2.1", LONG_MS), 2);
  assert.equal(await second.state.countRegistration("192.0.2.2", LONG_MS), 1);
  // The count begins again after its time.
  assert.equal(await first.state.countRegistration("192.0.2.1", 0), 1);
});

test(
  "the key that one server gave out is found by the other, until a newer one",
  async (first, second) => {
    await enrolV3(first);
    assert.equal(await second.state.findSession(alice, LONG_MS), undefined);
    await first.state.setSession(alice, bytes(1, 2));
    assert.deepEqual(plain(await second.state.findSession(alice, LONG_MS)), [1, 2]);
    await second.state.setSession(alice, bytes(3));
    assert.deepEqual(plain(await first.state.findSession(alice, LONG_MS)), [3]);
    assert.equal(await first.state.findSession(alice, 0), undefined);
    await second.state.deleteSession(alice);
    assert.equal(await first.state.findSession(alice, LONG_MS), undefined);
  },
);

test(
  "an id that one server has reserved is found by the other, by id and by name",
  async (first, second) => {
    const storedProfile = { edition: "2024", quirks: ["frames", "short-key"] };
    const reserved = (name: string) => ({ name, claimedId: id(7), storedProfile });
    await first.state.reserveId(id(1), reserved("Alice"), 10);
    await second.state.reserveId(id(2), reserved("Alice"), 10);
    await second.state.reserveId(id(3), reserved("Bob"), 10);
    const found = await second.state.reservedId(id(1), LONG_MS);
    assert.deepEqual(found && { ...found, claimedId: [...found.claimedId] }, {
      ...reserved("Alice"),
      claimedId: [...id(7)],
    });
    assert.equal(await second.state.reservedId(id(1), 0), undefined);
    assert.equal((await first.state.reservedFor("Alice", LONG_MS)).length, 2);
    await first.state.deleteReserved("Alice");
    assert.equal(await second.state.reservedId(id(2), LONG_MS), undefined);
    assert.notEqual(await first.state.reservedId(id(3), LONG_MS), undefined);
  },
);

test("a new reserved id makes the oldest one leave when there are too many", async (first) => {
  const storedProfile = { edition: "2024", quirks: [] };
  for (const number of [1, 2, 3]) {
    await first.state.reserveId(id(number), { name: "Alice", claimedId: alice, storedProfile }, 2);
  }
  assert.equal(await first.state.reservedId(id(1), LONG_MS), undefined);
  assert.notEqual(await first.state.reservedId(id(2), LONG_MS), undefined);
});

test("a dispute about a checksum continues at the other server", async (first, second) => {
  await enrolV3(first);
  const dispute = { crc: 0xffff_ffff, size: 2 ** 40, times: 1, isOtherWrong: false };
  await first.state.setDispute(alice, "a", dispute);
  assert.deepEqual(await second.state.findDispute(alice, "a", LONG_MS), dispute);
  await second.state.setDispute(alice, "a", { ...dispute, times: 2, isOtherWrong: true });
  const changed = await first.state.findDispute(alice, "a", LONG_MS);
  assert.deepEqual(changed, { ...dispute, times: 2, isOtherWrong: true });
  assert.equal(await first.state.findDispute(alice, "b", LONG_MS), undefined);
  await first.state.deleteDispute(alice, "a");
  assert.equal(await second.state.findDispute(alice, "a", LONG_MS), undefined);
});

test("a sweep removes state that has expired, and the oldest of too much", async (first) => {
  await enrolV3(first);
  const storedProfile = { edition: "2024", quirks: [] };
  const reserve = (number: number) =>
    first.state.reserveId(id(number), { name: "Alice", claimedId: alice, storedProfile }, 10);
  await reserve(1);
  await reserve(2);
  await first.state.setSession(alice, bytes(1));
  await first.state.setDispute(alice, "a", { crc: 1, size: 1, times: 1, isOtherWrong: false });
  await first.state.sweepState(bounds(LONG_MS, 1));
  assert.equal(await first.state.reservedId(id(1), LONG_MS), undefined);
  assert.notEqual(await first.state.reservedId(id(2), LONG_MS), undefined);
  assert.notEqual(await first.state.findSession(alice, LONG_MS), undefined);
  await first.state.sweepState(bounds(0, 1));
  assert.equal(await first.state.findSession(alice, LONG_MS), undefined);
  assert.equal(await first.state.findDispute(alice, "a", LONG_MS), undefined);
});

let blobs = 0;

/** A file with a reserved blob. */
async function waiting(
  catalog: SharedCatalog,
  name: string,
  changes: Partial<CompleteRow> = {},
): Promise<CompleteRow> {
  const blobId = `blobs/${++blobs}` as BlobId;
  if (changes.content === undefined) await catalog.blobs.reserve(blobId);
  return {
    ...{ accountId: alice, name, size: 10, crc: 0xffff_ffff },
    content: { kind: "blob", id: blobId },
    ...{ isOtherChecksumSent: false, isDisputed: false, isIntact: true, hasKey: false },
    ...changes,
  };
}

/** A connection of one server that has been open for some time. */
const from = (connection = 5): ClientConnection => ({ server: "one", connection, ageMs: LONG_MS });

/** The blob of a file that was found, or where its content is. */
const blobOf = (file: CompleteRow | ContentAway | undefined) =>
  typeof file === "string" ? file : file?.content.id;

test("a file that waits at one server is taken at the other, once", async (first, second) => {
  const file = await waiting(first, "a", { isOtherChecksumSent: true, isDisputed: true });
  assert.deepEqual(await first.unverified.add(file, from(), 10), []);
  const owned = await second.blobs.owner(file.content.id);
  const takes = [first, second, second].map((one) => one.unverified.take(alice, "a", LATER));
  const taken = (await Promise.all(takes)).filter((found) => found !== undefined);
  assert.equal(taken.length, 1);
  const { accountId, ...rest } = taken[0] as CompleteRow;
  assert.deepEqual([...accountId], [...alice]);
  const { accountId: _, ...expected } = file;
  assert.deepEqual(rest, expected);
  // While it waits, its blob belongs to it. Then it is reserved until it is committed.
  assert.equal(owned, "upload");
  assert.equal(await second.blobs.owner(file.content.id), "garbage");
});

test("small content waits in its row", async (first, second) => {
  const content = { kind: "inline", id: newInlineId(), bytes: bytes(0, 255, 3) } as const;
  await first.unverified.add(await waiting(first, "a", { content }), from(), 10);
  const taken = await second.unverified.take(alice, "a", LATER);
  assert.ok(typeof taken === "object" && taken.content.kind === "inline");
  assert.deepEqual([...taken.content.bytes], [0, 255, 3]);
  assert.equal(await second.blobs.owner(content.id), undefined);
});

test(
  "a verdict means a file from its connection, or from one that began before it",
  async (first, second) => {
    const file = await waiting(first, "a");
    // Its row is written after the verdict's connection began: the file took some time to arrive.
    const began = { server: "two", connection: 9, ageMs: LONG_MS / 2 };
    await first.unverified.add(file, from(5), 10);
    const take = (on: ClientConnection, name = "a", account = alice) =>
      second.unverified.take(account, name, on);
    assert.equal(await take({ ...from(4), ageMs: 0 }), undefined);
    assert.equal(await take({ ...began, ageMs: 2 * LONG_MS }), undefined);
    assert.equal(await take(began, "b"), undefined);
    assert.equal(await take(began, "a", id(9)), undefined);
    assert.equal(blobOf(await take(began)), file.content.id);
  },
);

test("at one server, the numbers of connections decide which began first", async (first) => {
  const file = await waiting(first, "a");
  await first.unverified.add(file, { ...from(5), ageMs: 0 }, 10);
  assert.equal(blobOf(await first.unverified.take(alice, "a", from(6))), file.content.id);
});

test("the file of the verdict's own connection comes first, then the latest", async (first) => {
  const files = [];
  for (const connection of [3, 1, 2]) {
    const file = await waiting(first, "a");
    await first.unverified.add(file, from(connection), 10);
    files.push(file);
  }
  const take = () => first.unverified.take(alice, "a", from(3));
  assert.equal(blobOf(await take()), blobOf(files[0]));
  assert.equal(blobOf(await take()), blobOf(files[2]));
  assert.equal(blobOf(await take()), blobOf(files[1]));
});

test(
  "while the content of a file is only at its server, an earlier file is not taken for it",
  async (first, second) => {
    const [earlier, file, later] = [
      await waiting(first, "a"),
      await waiting(first, "a"),
      await waiting(first, "a"),
    ];
    await first.unverified.add(earlier, from(1), 10);
    await first.unverified.add({ ...file, content: undefined }, from(2), 10);
    const take = async () => blobOf(await second.unverified.take(alice, "a", LATER));
    assert.equal(await take(), "bound");
    await first.unverified.markComing(alice, "a", from(1));
    assert.equal(await take(), "bound");
    await first.unverified.markComing(alice, "a", from(2));
    assert.equal(await take(), "coming");
    await second.unverified.add(later, from(3), 10);
    // It keeps its place before the later one.
    assert.equal(await first.unverified.complete(file, from(2)), true);
    assert.equal(await first.unverified.complete(file, from(2)), false);
    assert.equal(await second.blobs.owner(file.content.id), "upload");
    assert.deepEqual(
      [await take(), await take(), await take()],
      [later, file, earlier].map(blobOf),
    );
  },
);

test(
  "a file without content that its connection has confirmed is forgotten",
  async (first, second) => {
    const [earlier, file] = [await waiting(first, "a"), await waiting(first, "a")];
    await first.unverified.add(earlier, from(1), 10);
    await first.unverified.add({ ...file, content: undefined }, from(2), 10);
    await first.unverified.forget(alice, "a", from(1));
    await first.unverified.forget(alice, "a", from(2));
    assert.equal(blobOf(await second.unverified.take(alice, "a", LATER)), blobOf(earlier));
  },
);

test("an empty name means the only file of the connection", async (first) => {
  const [one, other] = [await waiting(first, "a"), await waiting(first, "b")];
  await first.unverified.add(one, from(5), 10);
  const take = (connection: number) => first.unverified.take(alice, "", from(connection));
  assert.equal(await take(6), undefined);
  await first.unverified.add(other, from(5), 10);
  assert.equal(await take(5), undefined);
  await first.unverified.take(alice, "a", LATER);
  assert.equal(blobOf(await take(5)), blobOf(other));
});

test(
  "a file that is sent again replaces that of its connection; too many push out the oldest without a key",
  async (first, second) => {
    const files = [
      [await waiting(first, "a"), 5],
      [await waiting(first, "a"), 5],
      [await waiting(first, "b", { hasKey: true }), 6],
      [await waiting(first, "c"), 7],
    ] as const;
    const garbage: (readonly BlobId[])[] = [];
    for (const [file, connection] of files) {
      garbage.push(await first.unverified.add(file, from(connection), 2));
    }
    assert.deepEqual(garbage, [[], [blobOf(files[0][0])], [], [blobOf(files[1][0])]]);
    assert.equal(await second.blobs.owner(files[1][0].content.id), "garbage");
    assert.equal(blobOf(await second.unverified.take(alice, "b", LATER)), blobOf(files[2][0]));
  },
);

test("files without a verdict expire, and their blobs are garbage", async (first, second) => {
  const file = await waiting(first, "a");
  await first.unverified.add(file, from(), 10);
  assert.deepEqual(await second.unverified.expire(LONG_MS), []);
  assert.deepEqual(await second.unverified.expire(0), [file.content.id]);
  assert.equal(await first.unverified.take(alice, "a", LATER), undefined);
  assert.equal(await first.blobs.owner(file.content.id), "garbage");
});

function parked(name: string, accountId = alice): ParkedFile {
  return {
    ...{ accountId, name, fileName: bytes(97, 0, 9), contentSize: 48 },
    ...{ originalSize: 40, totalPackets: 3, plaintextSize: undefined },
  };
}
const FEW = { max: 3, maxPerAccount: 2 };

test("packets that arrive at both servers are read in order", async (first, second) => {
  await first.parked.begin(parked("a"), bytes(1, 2), FEW);
  const found = await second.parked.find(alice, "a");
  assert.ok(found);
  assert.equal(await second.parked.append(found.id, 2, bytes(3)), true);
  // Not the next one, and not for the first time.
  assert.equal(await first.parked.append(found.id, 2, bytes(9)), false);
  assert.equal(await first.parked.append(found.id, 4, bytes(9)), false);
  const { id: _, accountId, fileName, ...rest } = await first.parked.find(alice, "a") ??
    assert.fail();
  assert.deepEqual([[...accountId], [...fileName]], [[...alice], [97, 0, 9]]);
  assert.deepEqual(rest, {
    ...{ name: "a", contentSize: 48, originalSize: 40, totalPackets: 3, plaintextSize: undefined },
    ...{ packets: 2, bytes: 3 },
  });
  const read = (after: number, limit: number) => second.parked.packets(found.id, after, limit);
  assert.deepEqual((await read(0, 9)).map(plain), [[1, 2], [3]]);
  assert.deepEqual((await read(1, 1)).map(plain), [[3]]);
  await second.parked.remove(found.id);
  assert.equal(await first.parked.find(alice, "a"), undefined);
  assert.equal(await first.parked.append(found.id, 3, bytes(4)), false);
});

test(
  "a first packet replaces the file of its name; too many files push out the oldest",
  async (first, second) => {
    await first.parked.begin(parked("a"), bytes(1), FEW);
    await second.parked.begin(parked("a"), bytes(2), FEW);
    const again = await first.parked.find(alice, "a");
    assert.deepEqual((await first.parked.packets(again?.id ?? 0, 0, 9)).map(plain), [[2]]);
    for (const name of ["b", "c"]) await first.parked.begin(parked(name), bytes(1), FEW);
    assert.equal(await first.parked.find(alice, "a"), undefined);
    for (const name of ["x", "y"]) await first.parked.begin(parked(name, id(9)), bytes(1), FEW);
    assert.equal(await first.parked.find(alice, "b"), undefined);
    assert.ok(await first.parked.find(alice, "c"));
  },
);

test("a file whose next packet does not come expires", async (first, second) => {
  await first.parked.begin(parked("a"), bytes(1), FEW);
  await second.parked.expire(LONG_MS);
  assert.ok(await second.parked.find(alice, "a"));
  await second.parked.expire(0);
  assert.equal(await first.parked.find(alice, "a"), undefined);
});
