/** The parts of the operator's page: recent events, throughput, numbers. */
import assert from "node:assert/strict";
import { formatDuration, formatSize, plural } from "../../../server/admin/page/format.ts";
import { fieldsOf, quotaOf } from "../../../server/admin/page/form_fields.ts";
import { RecentEvents } from "../../../server/admin/page/recent_events.ts";
import { Throughput } from "../../../server/admin/page/throughput.ts";
import { Monitor } from "../../../server/monitor/monitor.ts";

Deno.test("recent events: the newest come first, by kind and text, without routine", () => {
  const monitor = new Monitor(() => 0);
  using events = new RecentEvents(monitor.events, () => 1000);
  const tell = (event: string, words: string, more = {}, level: "debug" | "info" = "info") =>
    monitor.events.publish(level, words, { event, ...more });
  tell("file.stored", "Stored {file} for {user}", { file: "a.txt", user: "Alice" });
  tell("file.confirmed", "Confirmed {file}", { file: "a.txt" }, "debug");
  tell("request.refused", "Refused to stat {file}", { file: "a.txt" }, "debug");
  tell("request.refused", "Refused a request of {user}", { user: "Bob" });
  tell("server.ready", "Ready again");
  const found = (options = {}) => events.find({ limit: 10, ...options }).map((one) => one.sentence);
  assert.deepEqual(found(), ["Ready again", "Refused a request of Bob", "Stored a.txt for Alice"]);
  assert.deepEqual(found({ kind: "refused" }), ["Refused a request of Bob"]);
  assert.deepEqual(found({ text: "ALICE" }), ["Stored a.txt for Alice"]);
  assert.deepEqual(found({ limit: 1 }), ["Ready again"]);
});

Deno.test("recent events: their number and length are bounded, and control characters are escaped", () => {
  const monitor = new Monitor(() => 0);
  using events = new RecentEvents(monitor.events, () => 0);
  for (let i = 0; i < 10_000; i++) {
    monitor.events.publish("info", "{file}", { event: "file.stored", file: `${i}\n\u202e` });
  }
  const found = events.find({ limit: Infinity });
  assert.ok(found.length >= 2000 && found.length < 4000);
  assert.match(found[0]?.sentence ?? "", /^9999\\u\{a\}\\u\{202e\}$/);
  monitor.events.publish("info", "{file}", { event: "file.stored", file: "a".repeat(5000) });
  assert.ok((events.find({ limit: 1 })[0]?.sentence.length ?? 0) < 1000);
});

Deno.test("throughput: the picture has a line for each direction, and words for those who do not see it", async () => {
  const monitor = new Monitor(() => 0);
  let now = 0;
  using throughput = new Throughput(monitor, () => now, 10);
  monitor.traffic.of(4, "upload").bytes += 10_240_000;
  now += 10_000;
  assert.equal(throughput.now("upload"), 1_024_000, "before the first sample, too");
  while (throughput.peak === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(throughput.peak, 1_024_000);
  const picture = `${await throughput.picture()}`;
  assert.match(picture, /<path class="upload" d="M[\d. L]+"/);
  assert.match(picture, /<path class="download" d="M/);
  assert.match(picture, /role="img" aria-label="Throughput of the last hour: at most 1000 KiB\/s;/);
});

Deno.test("quota form: a quota that is shown and sent back is the same, and mistakes are named", () => {
  const quotas = [{}, { bytes: Infinity, files: Infinity }, { bytes: 20_000 }, {
    bytes: 1.5 * 2 ** 30,
  }];
  for (const quota of [...quotas, { bytes: 4097, files: 0 }, { bytes: 0, files: 1000 }]) {
    const { size, files } = fieldsOf(quota);
    assert.deepEqual(quotaOf(size, files), quota);
  }
  assert.deepEqual(fieldsOf({ bytes: 10e9, files: Infinity }), { size: "10GB", files: "none" });
  for (const size of ["ten GB", "-3", "1,5", "10 XB", "9".repeat(15) + "TB"]) {
    assert.throws(() => quotaOf(size, ""), /^Error: Size: expected one such as 10GB/, size);
  }
  assert.throws(() => quotaOf("", "1.5"), /Files: expected a whole number/);
});

Deno.test("format: sizes, durations and numbers are short", () => {
  assert.deepEqual(
    [0, 1023, 1024, 1_500_000, 10 * 2 ** 30, Infinity].map(formatSize),
    ["0 B", "1023 B", "1.0 KiB", "1.4 MiB", "10.0 GiB", "unlimited"],
  );
  assert.deepEqual(
    [-5, 4000, 187_000, 7_800_000, 5 * 86_400_000].map(formatDuration),
    ["0 s", "4 s", "3:07", "2:10:00", "5 days"],
  );
  assert.deepEqual([plural(1, "file"), plural(1204, "file")], ["1 file", "1,204 files"]);
});
