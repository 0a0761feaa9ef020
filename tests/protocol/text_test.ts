import assert from "node:assert/strict";
import { decodeTextField, encodeTextField } from "../../protocol/v3/text_field.ts";
import { formatAddress, parseAddress } from "../../protocol/address.ts";
import { isUserName, printable } from "../../protocol/printable.ts";
import { utf8 } from "../support/bytes.ts";

Deno.test("text field: it is NUL-terminated and NUL-padded", () => {
  const field = encodeTextField("hello", 8);
  assert.deepEqual([...field ?? []], [...utf8("hello\0\0\0")]);
});

Deno.test("text field: it has space for one byte less than its size, and for no NUL", () => {
  assert.equal(encodeTextField("a".repeat(254), 255)?.length, 255);
  assert.equal(encodeTextField("a".repeat(255), 255), undefined);
  assert.equal(encodeTextField("é".repeat(127), 255)?.length, 255);
  assert.equal(encodeTextField("é".repeat(128), 255), undefined);
  assert.equal(encodeTextField("a\0b", 255), undefined);
});

Deno.test("text field: it is read up to its first NUL; the rest is ignored", () => {
  assert.equal(decodeTextField(utf8("hello\0junk")), "hello");
  assert.equal(decodeTextField(utf8("full")), "full");
  assert.equal(decodeTextField(utf8("\0")), "");
  assert.equal(decodeTextField(utf8("שלום\0")), "שלום");
});

Deno.test("text field: if it is not UTF-8, it is read as Windows-1252", () => {
  assert.equal(decodeTextField(new Uint8Array([0x63, 0x61, 0x66, 0xe9, 0])), "café");
});

Deno.test("printable text: it has no character that controls a terminal or a log", () => {
  const cases: [string, string][] = [
    ["plain text, שלום, 世界, é", "plain text, שלום, 世界, é"],
    ["\x1b[31mred", "\\u{1b}[31mred"],
    ["two\nlines\r\ttab\0", "two\\u{a}lines\\u{d}\\u{9}tab\\u{0}"],
    ["\u202Egpj.exe", "\\u{202e}gpj.exe"],
    ["\u2066x\u2069\uFEFF\u200B", "\\u{2066}x\\u{2069}\\u{feff}\\u{200b}"],
    ["\u2028\u2029\u00A0\u3000", "\\u{2028}\\u{2029}\\u{a0}\\u{3000}"],
    ["\u0085\u009b31m", "\\u{85}\\u{9b}31m"],
    ["\ud800", "\\u{d800}"],
  ];
  for (const [text, expected] of cases) assert.equal(printable(text), expected);
});

Deno.test("user name: 1 to 254 ASCII letters and digits", () => {
  for (const name of ["A", "Alice7", "x".repeat(254)]) assert.ok(isUserName(name), name);
  for (const name of ["", "x".repeat(255), "a b", "a-b", "é", "a\n", "../a"]) {
    assert.ok(!isUserName(name), name);
  }
});

Deno.test("address: HOST:PORT with an IPv4 address, a name, or an IPv6 address in brackets", () => {
  const good: [string, string, number][] = [
    ["127.0.0.1:1256", "127.0.0.1", 1256],
    ["files.example.org:1", "files.example.org", 1],
    ["[::1]:65535", "::1", 65535],
    ["0.0.0.0:0", "0.0.0.0", 0],
    ["[fe80::1%eth0]:1256", "fe80::1%eth0", 1256],
    ["[fe80::1%4]:1256", "fe80::1%4", 1256],
    ["[fe80::1%br-0.10_x~]:1256", "fe80::1%br-0.10_x~", 1256],
  ];
  for (const [text, hostname, port] of good) {
    assert.deepEqual(parseAddress(text), { hostname, port });
    assert.equal(formatAddress({ hostname, port }), text);
  }
  const bad = [
    "",
    "host",
    "host:",
    ":1",
    "host:65536",
    "host:-1",
    "host:1 ",
    "::1:80",
    "[::1]",
    "a b:1",
    "[fe80::1%]:1",
    "[fe80::1%a b]:1",
    "[fe80::1%a%b]:1",
    "host%eth0:1",
  ];
  for (const text of bad) assert.equal(parseAddress(text), undefined, text);
});
