/** The server's log: the amount of it that peers can cause. */
import assert from "node:assert/strict";
import { printable } from "../../../protocol/printable.ts";
import {
  LOGGED_AT_ONCE,
  LOGGED_EVERY_MS,
  MAX_LOGGED_TEXT,
  ServerLog,
  shortened,
} from "../../../server/limits/server_log.ts";
import type { Properties } from "../../../server/monitor/event_stream.ts";

function fixture() {
  const time = { ms: 0 };
  const lines: { readonly words: string; readonly properties: Properties }[] = [];
  const note = (words: string, properties: Properties) => void lines.push({ words, properties });
  const log = new ServerLog(
    { debug: note, info: note, warn: note, error: note },
    () => time.ms,
  );
  const cause = (count: number, address = "192.0.2.1:1000", event = "client.denied") => {
    for (let i = 0; i < count; i++) log.info("Denied {address}", { event, address });
  };
  return { time, lines, log, cause };
}

Deno.test("log: a limited number of lines per address and kind is written, and the others are counted", () => {
  const { time, lines, cause } = fixture();
  cause(LOGGED_AT_ONCE + 50);
  assert.equal(lines.length, LOGGED_AT_ONCE);
  time.ms += LOGGED_EVERY_MS;
  cause(3);
  assert.equal(lines.length, LOGGED_AT_ONCE + 1);
  const { words, properties } = lines.at(-1) ?? assert.fail();
  assert.equal(words, "Denied {address} ({omitted} similar messages suppressed)");
  assert.equal(properties["omitted"], 50);
});

Deno.test("log: other addresses and other kinds are not suppressed; other ports of the address are", () => {
  const { lines, cause } = fixture();
  cause(LOGGED_AT_ONCE);
  cause(1, "192.0.2.1:2000");
  assert.equal(lines.length, LOGGED_AT_ONCE, "another port");
  cause(1, "192.0.2.2:1000");
  cause(1, "192.0.2.1:1000", "connection.lost");
  assert.equal(lines.length, LOGGED_AT_ONCE + 2);
  cause(LOGGED_AT_ONCE, "[2001:db8::1]:1000");
  cause(1, "[2001:db8::2]:1000");
  assert.equal(lines.length, 2 * LOGGED_AT_ONCE + 2, "another address of the same network");
});

Deno.test("log: suppressed lines are reported later, also without another line", () => {
  const { lines, log, cause } = fixture();
  cause(LOGGED_AT_ONCE + 7);
  log.flush();
  log.flush();
  const suppressed = lines.filter(({ properties }) => properties.event === "log.suppressed");
  assert.deepEqual(suppressed.map(({ properties }) => properties), [
    { event: "log.suppressed", like: "client.denied", origin: "192.0.2.1", omitted: 7 },
  ]);
});

Deno.test("log: every stored file is logged, and so are the server's own messages", () => {
  const { lines, cause } = fixture();
  cause(2 * LOGGED_AT_ONCE, "192.0.2.1:1000", "file.stored");
  cause(2 * LOGGED_AT_ONCE, "192.0.2.1:1000", "server.certificate");
  assert.equal(lines.length, 4 * LOGGED_AT_ONCE);
});

Deno.test("log: the number of counted addresses is bounded, and suppressed lines of forgotten ones are reported", () => {
  const { lines, cause } = fixture();
  cause(LOGGED_AT_ONCE + 1, "192.0.2.1:1000");
  lines.length = 0;
  for (let i = 0; i < 20_000; i++) cause(1, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1`);
  const suppressed = lines.filter(({ properties }) => properties.event === "log.suppressed");
  assert.deepEqual(suppressed.map(({ properties }) => properties["origin"]), ["192.0.2.1"]);
});

Deno.test("log: long texts are shortened to beginning and end, without cutting a character or escape", () => {
  assert.equal(shortened("photos/sea.jpg"), "photos/sea.jpg");
  assert.equal(shortened("x".repeat(MAX_LOGGED_TEXT)).length, MAX_LOGGED_TEXT);
  const hidden = "\u200c".repeat(1000);
  for (let shift = 0; shift < 10; shift++) {
    const name = `photos/${"y".repeat(shift)}${hidden}${"z".repeat(shift)}/sea.jpg`;
    const logged = shortened(printable(name));
    assert.ok(logged.length <= MAX_LOGGED_TEXT);
    const escapes = String.raw`(?:\\u\{200c\})+`;
    assert.match(logged, new RegExp(`^photos/y*${escapes}…${escapes}z*/sea.jpg$`));
  }
  for (const text of ["a".repeat(119), "a".repeat(118)]) {
    const logged = shortened(`${text}${"\u{10000}".repeat(200)}${text}`);
    assert.ok(logged.isWellFormed(), logged);
  }
});
