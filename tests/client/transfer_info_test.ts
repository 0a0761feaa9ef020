import assert from "node:assert/strict";
import { parseTransferInfo, readTransferInfo } from "../../client/transfer_info.ts";
import { TemporaryFolder } from "../helpers/temporary.ts";

const parse = (text: string) => parseTransferInfo(text, "transfer.info");
const EXPECTED = {
  secure: false,
  fingerprint: undefined,
  server: { hostname: "127.0.0.1", port: 1256 },
  userName: "Alice",
  file: "docs/a file.txt",
};

Deno.test("transfer.info: three lines, however a person's editor ends them", () => {
  const lines = ["127.0.0.1:1256", "Alice", "docs/a file.txt"];
  const texts = [
    lines.join("\n"),
    lines.join("\n") + "\n",
    lines.join("\r\n") + "\r\n",
    "\uFEFF" + lines.join("\r\n"),
    lines.join("\n") + "\n\n  \n\n",
  ];
  for (const text of texts) assert.deepEqual(parse(text), EXPECTED);
});

Deno.test("transfer.info: names and IPv6 addresses, and no line 3 where files are named elsewhere", () => {
  assert.deepEqual(parse("files.example.org:80\nBob2\n"), {
    secure: false,
    fingerprint: undefined,
    server: { hostname: "files.example.org", port: 80 },
    userName: "Bob2",
    file: undefined,
  });
  assert.deepEqual(parse("[fe80::1]:80\nBob2\n").server, { hostname: "fe80::1", port: 80 });
});

Deno.test("transfer.info: xfer:// in line 1 means protocol 4, with a fingerprint or without", () => {
  const hash = `SHA256:${"A".repeat(43)}`;
  const pinned = parse(`xfer://h:80#${hash}\nBob\n`);
  assert.deepEqual([pinned.secure, pinned.fingerprint], [true, new Uint8Array(32)]);
  const named = parse("xfer://h:80\nBob\n");
  assert.deepEqual([named.secure, named.fingerprint], [true, undefined]);
});

Deno.test("transfer.info: what is wrong is said with file, line, what was found and what is expected", () => {
  const cases: [string, RegExp][] = [
    ["", /transfer\.info line 1: it is empty or missing, expected HOST:PORT/],
    ["127.0.0.1\nAlice\nf", /line 1: found "127\.0\.0\.1", expected HOST:PORT/],
    ["127.0.0.1:0\nAlice\nf", /line 1: found "127\.0\.0\.1:0"/],
    ["127.0.0.1:99999\nAlice\nf", /line 1/],
    [" 127.0.0.1:1\nAlice\nf", /line 1/],
    ["h:1", /line 2: it is empty or missing, expected a user name/],
    ["h:1\nAl ice\nf", /line 2: found "Al ice"/],
    ["h:1\nאליס\nf", /line 2/],
    [`h:1\n${"a".repeat(255)}\nf`, /line 2/],
    ["h:1\nAlice\n\nf", /line 3: it is empty or missing, expected the path/],
    ["h:1\nAlice\na\0b", /line 3: found "a\\u\{0\}b"/],
    ["h:1\nAlice\nf\nmore", /line 4: found "more", expected nothing/],
    ["h:1\n\x1b[2J\nf", /line 2: found "\\u\{1b\}\[2J"/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parse(text), {
      name: "ConfigurationError",
      code: "bad-transfer-info",
      message,
    });
  }
});

Deno.test("transfer.info: none, one that is no text, and one that is far too large", async () => {
  await using folder = await TemporaryFolder.create();
  await assert.rejects(readTransferInfo(folder.join("none")), { code: "no-transfer-info" });
  await assert.rejects(readTransferInfo(folder.path), { code: "no-transfer-info" });
  const binary = await folder.write("binary", new Uint8Array([0x66, 0xff, 0xfe]));
  await assert.rejects(readTransferInfo(binary), { code: "bad-transfer-info", message: /UTF-8/ });
  const large = await folder.write("large", "x".repeat(20_000));
  await assert.rejects(readTransferInfo(large), { code: "bad-transfer-info", message: /larger/ });
});
