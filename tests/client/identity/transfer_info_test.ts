import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import {
  formatTransferInfo,
  isFileLine,
  parseServerLine,
  parseTransferInfo,
  readTransferInfo,
  type TransferInfo,
  writeTransferInfo,
} from "../../../client/identity/transfer_info.ts";
import { isUserName } from "../../../protocol/printable.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const parse = (text: string) => parseTransferInfo(text, "transfer.info");
const EXPECTED = {
  secure: false,
  fingerprint: undefined,
  server: { hostname: "127.0.0.1", port: 1256 },
  userName: "Alice",
  file: "docs/a file.txt",
};

Deno.test("transfer.info: three lines, with any line ends", () => {
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

Deno.test("transfer.info: names and IPv6 addresses, and no line 3 if files are named elsewhere", () => {
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

Deno.test("transfer.info: an error has file, line, the value found and the expected form", () => {
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

Deno.test("transfer.info: missing, not text, and far too large", async () => {
  await using folder = await TemporaryFolder.create();
  await assert.rejects(readTransferInfo(folder.join("none")), { code: "no-transfer-info" });
  // An existing file must not be overwritten.
  await assert.rejects(readTransferInfo(folder.path), {
    ...{ name: "StorageError", code: "cannot-read", message: /: is a directory/ },
    hint: /^Check that it is a file and that you may read it.*--transfer-info FILE\.$/,
  });
  const binary = await folder.write("binary", new Uint8Array([0x66, 0xff, 0xfe]));
  await assert.rejects(readTransferInfo(binary), { code: "bad-transfer-info", message: /UTF-8/ });
  const large = await folder.write("large", "x".repeat(20_000));
  await assert.rejects(readTransferInfo(large), { code: "bad-transfer-info", message: /larger/ });
});

const HOST = fc.constantFrom("127.0.0.1", "files.example.org", "[::1]", "h");
const HASH = fc.constantFrom("", `#SHA256:${"A".repeat(43)}`);
const LOCATION = fc.tuple(HOST, fc.integer({ min: 1, max: 65_535 }), fc.boolean(), HASH)
  .map(([host, port, secure, hash]) =>
    secure ? `xfer://${host}:${port}${hash}` : `${host}:${port}`
  );

Deno.test("transfer.info: it is read as it was written, with any line ends", () => {
  const user = fc.string({ minLength: 1, maxLength: 20 }).filter(isUserName);
  const file = fc.option(fc.string({ unit: "grapheme" }).filter(isFileLine), { nil: undefined });
  fc.assert(fc.property(LOCATION, user, file, fc.boolean(), (line1, userName, file, crlf) => {
    const location = parseServerLine(line1);
    assert.ok(location !== undefined);
    const { address: server, secure, fingerprint } = location;
    const info: TransferInfo = { server, secure, fingerprint, userName, file };
    const text = formatTransferInfo(info, "transfer.info");
    assert.equal(text.split("\n")[0], line1);
    assert.deepEqual(parse(crlf ? text.replaceAll("\n", "\r\n") : text), info);
  }));
});

Deno.test("transfer.info: line 3 is relative to its folder; a path is relative to the process", () => {
  const info = (path: string, file: string) => parseTransferInfo(`h:1\nAlice\n${file}\n`, path);
  const cases = [
    ["transfer.info", "a/b", "a/b"],
    ["./transfer.info", "./b", "./b"],
    ["d/transfer.info", "b", join("d", "b")],
    ["../transfer.info", "d/b", join("..", "d", "b")],
    ["d/transfer.info", "/b", "/b"],
  ] as const;
  for (const [path, line, file] of cases) {
    assert.equal(info(path, line).file, file, `${line} in ${path}`);
    const [, , written] = formatTransferInfo(info(path, line), path).split("\n");
    assert.equal(written, line, `${file} into ${path}`);
  }
  assert.equal(info("/d/transfer.info", "b").file, join("/d", "b"));
});

Deno.test("transfer.info: values that cannot be a line are refused", () => {
  for (const file of ["", " ", "a\nb", "a\rb", "a\0b"]) assert.equal(isFileLine(file), false, file);
  for (const file of ["a", " a b ", "C:\\docs\\a.txt", "ü"]) assert.equal(isFileLine(file), true);
  for (const line of ["", "h", "h:0", "h:1 ", "xfer://h", "xfer://h:1#SHA256:x", "http://h:1"]) {
    assert.equal(parseServerLine(line), undefined, line);
  }
});

Deno.test("transfer.info: an existing one is overwritten with force only", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("transfer.info");
  const first = parse("h:1\nAlice\n");
  await writeTransferInfo(path, first, false);
  assert.deepEqual(await readTransferInfo(path), first);
  const second = { ...parse("h:2\nBob\n"), file: folder.join("f") };
  const is = { name: "UsageError", code: "target-exists" };
  await assert.rejects(writeTransferInfo(path, second, false), is);
  assert.deepEqual(await readTransferInfo(path), first);
  await writeTransferInfo(path, second, true);
  assert.deepEqual(await readTransferInfo(path), second);
  assert.equal([...Deno.readDirSync(folder.path)].length, 1);
});
