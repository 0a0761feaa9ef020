/** The amount of log that peers can cause. */
import assert from "node:assert/strict";
import { LOGGED_AT_ONCE, MAX_LOGGED_TEXT } from "../../../server/limits/server_log.ts";
import { type Logged, ServerLog } from "../../support/server_log.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { connectRaw, Fixture, put } from "../../support/v4/fixture.ts";

/** A server whose clock stands still, so that everything happens at once. */
function test(what: string, body: (fixture: Fixture, log: ServerLog) => Promise<void>) {
  Deno.test(`log volume: ${what}`, async () => {
    await using log = await ServerLog.take("debug");
    await using fixture = await Fixture.create({ maxFailedSignIns: Infinity }, {
      ticks: () => 0,
    });
    await body(fixture, log);
  });
}

function longest(lines: readonly Logged[]): number {
  const texts = lines.flatMap((line) => Object.values(line)).filter((one) =>
    typeof one === "string"
  );
  return Math.max(...texts.map((text) => text.length));
}

/** Suppressed lines of an event are reported when the server closes. */
async function suppressed(fixture: Fixture, log: ServerLog, like: string): Promise<unknown> {
  await fixture.server.close();
  return log.of("log.suppressed").find((line) => line["like"] === like)?.["omitted"];
}

test(
  "names full of invisible characters make no long lines, and stay distinguishable",
  async (fixture, log) => {
    using client = await fixture.client("Alice");
    const file = await fixture.source("a", new Uint8Array(10));
    const hidden = Array(15).fill("\u200c".repeat(85)).join("/");
    const name = `photos/${hidden}/sea.jpg`;
    assert.equal(typeof (await put(client, [{ file, name }]))[0], "number");
    await client.rename(name, `${name}.old`);
    await client.remove(`${name}.old`);
    const lines = log.of("file.stored", "file.renamed", "file.removed");
    assert.equal(lines.length, 3);
    assert.ok(longest(lines) <= MAX_LOGGED_TEXT);
    assert.match(`${lines[0]?.["file"]}`, /^photos\/.*…?.*\/sea\.jpg$/);
  },
);

test(
  "attack: one connection of protocol 3 gives up files again and again",
  async (fixture, log) => {
    using peer = await RawClient.connect(fixture.server.address);
    await peer.enrol("Alice");
    const count = LOGGED_AT_ONCE + 30;
    for (let i = 0; i < count; i++) {
      assert.equal(
        kindOf(await peer.judge("crcGivenUp", `${i}${"\u200c".repeat(60)}`)),
        "messageReceived",
      );
    }
    assert.equal(log.of("file.dropped").length, LOGGED_AT_ONCE);
    assert.ok(longest(log.of("file.dropped")) <= MAX_LOGGED_TEXT);
    assert.equal(await suppressed(fixture, log, "file.dropped"), 30);
  },
);

test(
  "attack: reconnections with unknown ids, each on its own connection",
  async (fixture, log) => {
    const count = LOGGED_AT_ONCE + 30;
    for (let i = 0; i < count; i++) {
      using peer = await RawClient.connect(fixture.server.address);
      assert.equal(kindOf(await peer.reconnect("\u202e".repeat(80))), "denied");
    }
    assert.equal(log.of("client.denied").length, LOGGED_AT_ONCE);
    assert.ok(longest(log.of("client.denied")) <= MAX_LOGGED_TEXT);
    assert.equal(await suppressed(fixture, log, "client.denied"), 30);
  },
);

test(
  "attack: connections that violate the protocol, with user names of 60,000 characters",
  async (fixture, log) => {
    const key = new Uint8Array(32);
    const register = {
      kind: "register",
      tag: 0,
      key,
      signature: new Uint8Array(64),
      token: "",
    } as const;
    {
      using raw = await connectRaw(fixture.server.address);
      const name = "\u200c".repeat(20_000);
      const asked = raw.mux.ask({ ...register, name }, () => true);
      await assert.rejects(asked, { name: "RefusedError" });
    }
    assert.ok(longest(log.of("client.refused")) <= MAX_LOGGED_TEXT);
    const count = LOGGED_AT_ONCE + 10;
    for (let i = 0; i < count; i++) {
      using raw = await connectRaw(fixture.server.address);
      const asked = raw.mux.ask({ kind: "list", tag: 1, prefix: "", scope: "below" }, () => true);
      await assert.rejects(asked, { code: "bad-frame" });
    }
    assert.equal(log.of("connection.refused").length, LOGGED_AT_ONCE);
    assert.equal(await suppressed(fixture, log, "connection.refused"), 10);
  },
);
