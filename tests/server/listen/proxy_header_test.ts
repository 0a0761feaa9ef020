/** The PROXY protocol's header: both versions, every cut, and bytes that are none. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { decodeProxyHeader, MAX_PROXY_HEADER } from "../../../server/listen/proxy_header.ts";
import { utf8 } from "../../support/bytes.ts";
import { addressesOf, headerV1, headerV2 } from "../../support/net/proxy_headers.ts";

const V6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 9];
const TLV = Uint8Array.of(2, 0, 3, 97, 98, 99);

const HEADERS: readonly [what: string, header: Bytes, client: string | undefined][] = [
  ["version 1, IPv4", headerV1({ hostname: "203.0.113.9", port: 65_535 }), "203.0.113.9 65535"],
  ["version 1, IPv6", utf8("PROXY TCP6 2001:DB8:0::7 ::1 0 1\r\n"), "2001:db8::7 0"],
  ["version 1, mapped IPv4", utf8("PROXY TCP6 ::ffff:203.0.113.9 ::1 0 1\r\n"), "203.0.113.9 0"],
  ["version 2, mapped IPv4", headerV2(0x21, 0x21, addressesOf(MAPPED, 7)), "203.0.113.9 7"],
  ["version 1, unknown", utf8("PROXY UNKNOWN\r\n"), undefined],
  ["version 1, unknown with more", utf8("PROXY UNKNOWN ffff::1 ::2 1 2\r\n"), undefined],
  ["version 2, IPv4", headerV2(0x21, 0x11, addressesOf([203, 0, 113, 9], 258)), "203.0.113.9 258"],
  ["version 2, IPv6", headerV2(0x21, 0x21, addressesOf(V6, 7)), "2001:db8::7 7"],
  [
    "version 2, with details",
    headerV2(0x21, 0x11, concatBytes(addressesOf([203, 0, 113, 9], 1), TLV)),
    "203.0.113.9 1",
  ],
  ["version 2, local", headerV2(0x20, 0, new Uint8Array(0)), undefined],
  [
    "version 2, local with an address",
    headerV2(0x20, 0x11, addressesOf([1, 2, 3, 4], 5)),
    undefined,
  ],
  ["version 2, no family", headerV2(0x21, 0, TLV), undefined],
  ["version 2, a socket of Unix", headerV2(0x21, 0x31, new Uint8Array(216)), undefined],
  [
    "version 2, the largest",
    headerV2(0x20, 0, new Uint8Array(MAX_PROXY_HEADER - 16)),
    undefined,
  ],
];

for (const [what, header, client] of HEADERS) {
  Deno.test(`proxy header: ${what}: the client's address, and no byte too many`, () => {
    for (let size = 0; size < header.length; size++) {
      assert.equal(decodeProxyHeader(header.subarray(0, size)), undefined, `${size} bytes`);
    }
    for (const more of [new Uint8Array(0), utf8("PROXY \r\n\r\n")]) {
      const found = decodeProxyHeader(concatBytes(header, more));
      assert.equal(found?.size, header.length);
      const { hostname, port } = found?.client ?? {};
      assert.equal(found?.client && `${hostname} ${port}`, client);
    }
  });
}

const INVALID: readonly [what: string, header: Bytes][] = [
  ["bytes of TLS", Uint8Array.of(22, 3, 1)],
  ["a text of another case", utf8("proxy TCP4 ")],
  ["version 1 without an end", utf8(`PROXY UNKNOWN ${"x".repeat(107)}`)],
  ["version 1 with a name", utf8("PROXY TCP4 localhost 192.0.2.1 1 2\r\n")],
  ["version 1 with the wrong family", utf8("PROXY TCP4 ::1 ::1 1 2\r\n")],
  ["version 1 with a large port", utf8("PROXY TCP4 192.0.2.2 192.0.2.1 65536 2\r\n")],
  ["version 1 with a signed port", utf8("PROXY TCP4 192.0.2.2 192.0.2.1 -1 2\r\n")],
  ["version 1 with a port too many", utf8("PROXY TCP4 192.0.2.2 192.0.2.1 1 2 3\r\n")],
  ["version 1 without ports", utf8("PROXY TCP4 192.0.2.2 192.0.2.1\r\n")],
  ["version 1 with control characters", utf8("PROXY TCP4 192.0.2.2\n 192.0.2.1 1 2\r\n")],
  ["another version of the binary header", headerV2(0x31, 0x11, addressesOf([1, 2, 3, 4], 5))],
  ["an unknown command", headerV2(0x22, 0x11, addressesOf([1, 2, 3, 4], 5))],
  ["an address of UDP", headerV2(0x21, 0x12, addressesOf([1, 2, 3, 4], 5))],
  ["an address cut off", headerV2(0x21, 0x11, addressesOf([1, 2, 3, 4], 5).subarray(1))],
  ["an IPv6 address as long as one of IPv4", headerV2(0x21, 0x21, addressesOf([1, 2, 3, 4], 5))],
  ["too many bytes", headerV2(0x20, 0, new Uint8Array(MAX_PROXY_HEADER - 15))],
];

for (const [what, header] of INVALID) {
  Deno.test(`proxy header: ${what} is refused`, () => {
    assert.throws(() => decodeProxyHeader(header), { code: "bad-proxy-header" });
  });
}

Deno.test("proxy header: any bytes are a header, the beginning of one, or refused", () => {
  const beginnings = fc.constantFrom(...HEADERS.map(([, header]) => header));
  const bytes = fc.tuple(beginnings, fc.nat(), fc.uint8Array({ maxLength: 300 })).map(
    ([header, at, bytes]) => concatBytes(header.subarray(0, at % (header.length + 1)), bytes),
  );
  fc.assert(fc.property(bytes, (bytes) => {
    try {
      const found = decodeProxyHeader(bytes);
      assert.ok(found === undefined || found.size <= bytes.length);
      if (found === undefined) assert.ok(bytes.length < MAX_PROXY_HEADER);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  }));
});
