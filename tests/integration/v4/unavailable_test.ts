/** A store that does not answer for a moment: clients of both protocols try again, and nothing is confirmed before. */
import assert from "node:assert/strict";
import { UnavailableError } from "../../../protocol/errors.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { getFiles } from "../../../client/v4/get_files.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { Fixture, got } from "../../support/v4/fixture.ts";
import { putAll } from "../../support/v4/put_all.ts";

/** Makes the catalog fail. Each method that begins with `what` fails `times` times, before or after its change. */
class Outage {
  what = "none";
  times = 0;
  when: "before" | "after" = "before";

  openCatalog = async (path: string) =>
    interceptedCatalog(await openInThisThread(path), async (method, _, next) => {
      const fails = method.startsWith(this.what) && this.times-- > 0;
      const result = fails && this.when === "before" ? undefined : await next();
      if (fails) throw new UnavailableError("database-unavailable", "the database is away");
      return result;
    });

  begin(what: string, when: "before" | "after" = "before", times = 1): void {
    [this.what, this.when, this.times] = [what, when, times];
  }
}

async function withOutage(
  body: (fixture: Fixture, outage: Outage) => Promise<void>,
): Promise<void> {
  const outage = new Outage();
  await using fixture = await Fixture.create({}, { openCatalog: outage.openCatalog });
  (await fixture.client("Alice"))[Symbol.dispose]();
  await body(fixture, outage);
}

/** Waits for nothing before a retry, and counts them. */
function counted() {
  const codes: string[] = [];
  return {
    codes,
    transfer: {
      pause: () => Promise.resolve(),
      onRetry: ({ error }: { error: { code: string } }) => void codes.push(error.code),
    },
  };
}

const CASES = [
  ["small files", "files.commitPack", [10, 70, 0]],
  ["a large file", "files.commit", [3 * CHUNK_SIZE + 1]],
  ["the list of blobs in progress", "blobs.reserve", [3 * CHUNK_SIZE + 1]],
  ["the sign-in", "accounts.find", [10]],
  ["the check of revoked accounts", "accounts.revocations", [10]],
  ["the list of stored files", "files.list", [10]],
] as const;

for (const [what, method, sizes] of CASES) {
  for (const when of ["before", "after"] as const) {
    Deno.test(`unavailable: ${what}: ${method} fails ${when} its change, and the client tries again`, () =>
      withOutage(async (fixture, outage) => {
        const contents = sizes.map((size, i) => pseudoRandomBytes(size, i));
        await Deno.mkdir(fixture.folder.join("dir"));
        for (const [i, bytes] of contents.entries()) {
          await fixture.folder.write(`dir/${i}`, bytes);
        }
        outage.begin(method, when);
        const { codes, transfer } = counted();
        const connect = await fixture.options("Alice");
        const outcomes = await putAll({ connect, paths: [fixture.folder.join("dir")], transfer });
        // Requests at the same time are retried, too.
        assert.deepEqual([...new Set(codes)], ["unavailable"]);
        assert.ok(outcomes.every(({ state }) => ["stored", "unchanged"].includes(state)));
        using client = await fixture.client("Alice");
        for (const [i, bytes] of contents.entries()) {
          assert.deepEqual(await got(client, `dir/${i}`), bytes);
        }
      }));
  }
}

Deno.test("unavailable: a download tries again", () =>
  withOutage(async (fixture, outage) => {
    const path = await fixture.folder.write("a", pseudoRandomBytes(3 * CHUNK_SIZE));
    const connect = await fixture.options("Alice");
    await putAll({ connect, paths: [path] });
    outage.begin("files.find");
    const { codes, transfer } = counted();
    const target = fixture.folder.join("down");
    await getFiles({ connect, names: ["a"], target, transfer });
    assert.deepEqual(codes, ["unavailable"]);
    assert.deepEqual(await Deno.readFile(target), await Deno.readFile(path));
  }));

Deno.test("unavailable: a change of names is not repeated by itself, since it may have been made", () =>
  withOutage(async (fixture, outage) => {
    const path = await fixture.folder.write("a", pseudoRandomBytes(10));
    await putAll({ connect: await fixture.options("Alice"), paths: [path] });
    using client = await fixture.client("Alice");
    outage.begin("files.rename", "after");
    await assert.rejects(client.rename("a", "b"), { code: "not-confirmed" });
    assert.ok(client.hasEnded, "the next connection may lead to another server");
    using again = await fixture.client("Alice");
    assert.equal((await again.stat("b")).size, 10);
  }));

Deno.test("unavailable: protocol 3 answers a general error, and the next connection succeeds", () =>
  withOutage(async (fixture, outage) => {
    outage.begin("accounts.registerV3");
    {
      using peer = await RawClient.connect(fixture.server.address);
      assert.equal(kindOf(await peer.register("Bob")), "generalError");
    }
    using peer = await RawClient.connect(fixture.server.address);
    await peer.enrol("Bob");
    outage.begin("files.commit");
    await peer.sendFile("x", pseudoRandomBytes(10));
    assert.equal(kindOf(await peer.judge("crcValid", "x")), "generalError");
    await peer.sendFile("x", pseudoRandomBytes(10));
    assert.equal(kindOf(await peer.judge("crcValid", "x")), "messageReceived");
  }));
