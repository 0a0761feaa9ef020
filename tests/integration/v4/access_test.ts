/** Accounts that may only add files, only read, or only drop files. */
import assert from "node:assert/strict";
import type { AccessMode } from "../../../server/catalog/accounts.ts";
import { setUserAccess } from "../../../server/operator/users.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import { connectRaw, Fixture, got, loginRaw, put } from "../../support/v4/fixture.ts";
import { putOf } from "../../support/v4/fuzz.ts";
import { RawClient } from "../../support/v3/raw_client.ts";

const SIZE = 100_000;

interface Restricted extends AsyncDisposable {
  readonly fixture: Fixture;
  readonly alice: V4Client;
}

/** A client with a file `a` and then this access. */
async function restricted(access: AccessMode): Promise<Restricted> {
  const fixture = await Fixture.create();
  const alice = await fixture.client("Alice");
  await put(alice, [{ file: await fixture.source("a", pseudoRandomBytes(SIZE)) }]);
  alice[Symbol.dispose]();
  await setUserAccess(fixture.data, "Alice", access);
  // A server notices it within a second, but a new one at once.
  await fixture.restart();
  const again = await fixture.client("Alice");
  return {
    ...{ fixture, alice: again },
    [Symbol.asyncDispose]: async () => {
      again[Symbol.dispose]();
      await fixture[Symbol.asyncDispose]();
    },
  };
}

const codeOf = (work: Promise<unknown>) => work.then(() => "done", ({ code }) => code);

async function outcomes({ fixture, alice }: Restricted): Promise<Record<string, unknown>> {
  const [small, large] = [pseudoRandomBytes(10, 7), pseudoRandomBytes(SIZE, 8)];
  const upload = async (name: string, bytes: Uint8Array<ArrayBuffer>) => {
    const file = await fixture.source(`of-${name}-${bytes.length}`, bytes);
    const [outcome] = await put(alice, [{ file, name }]);
    return typeof outcome === "number" ? "stored" : outcome;
  };
  return {
    replaceLarge: await upload("a", large),
    replaceSmall: await upload("a", small),
    addLarge: await upload("b", large),
    addSmall: await upload("c", small),
    get: await codeOf(got(alice, "a")),
    stat: await codeOf(alice.stat("a")),
    rename: await codeOf(alice.rename("a", "d")),
    remove: await codeOf(alice.remove("a")),
    restore: await codeOf(alice.restore("a")),
  };
}

const CHANGES = { rename: "not-allowed", remove: "not-allowed", restore: "not-allowed" };
const ADDS = { replaceLarge: "not-allowed", replaceSmall: "not-allowed" };

Deno.test("access: append-only adds and reads files, and changes none", async () => {
  await using it = await restricted("append-only");
  assert.deepEqual(await outcomes(it), {
    ...{ ...ADDS, addLarge: "stored", addSmall: "stored", get: "done", stat: "done" },
    ...CHANGES,
  });
});

Deno.test("access: read-only reads files, and stores none", async () => {
  await using it = await restricted("read-only");
  assert.deepEqual(await outcomes(it), {
    ...{ ...ADDS, addLarge: "not-allowed", addSmall: "not-allowed", get: "done", stat: "done" },
    ...CHANGES,
  });
});

Deno.test("access: a drop box takes new files, and shows none", async () => {
  await using it = await restricted("drop-box");
  assert.deepEqual(await outcomes(it), {
    ...{ ...ADDS, addLarge: "stored", addSmall: "stored" },
    ...{ get: "not-allowed", stat: "no-such-file", ...CHANGES },
  });
});

for (
  const [access, first, second] of [
    ["append-only", "stored", "generalError"],
    ["drop-box", "stored", "generalError"],
    ["read-only", "generalError", "generalError"],
  ] as const
) {
  Deno.test(`access: over protocol 3, an account that is ${access} gets the general error for what it may not do`, async () => {
    await using fixture = await Fixture.create();
    using peer = await RawClient.connect(fixture.server.address);
    await peer.enrol("Bob");
    await setUserAccess(fixture.data, "Bob", access);
    const upload = async (seed: number) => {
      const answer = await peer.sendFile("a", pseudoRandomBytes(1000, seed));
      if (answer === "closed" || answer.kind !== "fileReceived") {
        return answer === "closed" ? answer : answer.kind;
      }
      const last = await peer.judge("crcValid", "a");
      return last === "closed" ? last : last.kind === "messageReceived" ? "stored" : last.kind;
    };
    assert.equal(await upload(1), first);
    assert.equal(await upload(2), second);
  });
}

/** A multiple of the generator of the checksum: bytes that differ by it have the same one. */
const SAME_CHECKSUM = [0x01, 0x04, 0xc1, 0x1d, 0xb7];

Deno.test("attack: an account that is append-only sends other content with the sums of a stored file", async () => {
  const content = pseudoRandomBytes(300_000);
  await using fixture = await Fixture.create();
  const identity = fixture.folder.join("Alice");
  (await fixture.client("Alice"))[Symbol.dispose]();
  const send = async (forge: (bytes: Uint8Array) => void) => {
    using raw = await connectRaw(fixture.server.address);
    await loginRaw(raw, identity);
    const messages = putOf(1, "a", content.slice());
    for (const message of messages) {
      if (message.kind === "chunk") forge(message.bytes);
      if (message.kind === "end") await raw.mux.askFor(message, "stored");
      else await raw.mux.send(message);
    }
  };
  await send(() => undefined);
  await setUserAccess(fixture.data, "Alice", "append-only");
  await fixture.restart();
  await send((bytes) => SAME_CHECKSUM.forEach((byte, at) => bytes[100 + at]! ^= byte));
  using alice = await fixture.client("Alice");
  assert.ok(areEqual(await got(alice, "a"), content), "the stored file has not changed");
});
