import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import {
  certificateName,
  formatFingerprint,
  formatLocation,
  parseFingerprint,
  parseLocation,
} from "../../../protocol/v4/fingerprint.ts";
import { pseudoRandomBytes, utf8 } from "../../support/bytes.ts";

const fingerprint = new Uint8Array(createHash("sha256").update("a server's key").digest());

Deno.test("fingerprint: it is written as SHA256: and base64, and can be read again", () => {
  assert.equal(formatFingerprint(fingerprint).length, 50);
  fc.assert(fc.property(fc.nat(), (seed) => {
    const any = pseudoRandomBytes(32, seed + 1);
    assert.deepEqual(parseFingerprint(formatFingerprint(any)), any);
  }));
});

const good = formatFingerprint(fingerprint);
const NONE: readonly [what: string, text: string][] = [
  ["no prefix", good.slice(7)],
  ["another digest", `SHA1:${good.slice(7)}`],
  ["too short", good.slice(0, -1)],
  ["too long", `${good}A`],
  ["padding", `${good}=`],
  ["other characters", `${good.slice(0, -1)}_`],
  ["unused bits that are not zero", good.slice(0, -1) + "B"],
  ["nothing", ""],
];

for (const [what, text] of NONE) {
  Deno.test(`fingerprint, invalid: ${what}`, () => assert.equal(parseFingerprint(text), undefined));
}

Deno.test("fingerprint: the name in the certificate is its base32 (RFC 4648)", () => {
  const vectors: readonly [string, string][] = [
    ["f", "my"],
    ["fo", "mzxq"],
    ["foo", "mzxw6"],
    ["foob", "mzxw6yq"],
    ["fooba", "mzxw6ytb"],
    ["foobar", "mzxw6ytboi"],
  ];
  for (const [text, base32] of vectors) {
    assert.equal(certificateName(utf8(text)), `${base32}.xfer.invalid`);
  }
  assert.match(certificateName(fingerprint), /^[a-z2-7]{52}\.xfer\.invalid$/);
});

Deno.test("location: an address, for protocol 4 only or not, with a fingerprint or without", () => {
  const address = { hostname: "::1", port: 1256 };
  const written = [
    [{ address, secure: true, fingerprint }, `xfer://[::1]:1256#${good}`],
    [{ address, secure: true, fingerprint: undefined }, "xfer://[::1]:1256"],
    [{ address, secure: false, fingerprint: undefined }, "[::1]:1256"],
  ] as const;
  for (const [location, text] of written) {
    assert.equal(formatLocation(location), text);
    assert.deepEqual(parseLocation(text), location);
  }
  const wrong = [
    "xfer://a:1#",
    `xfer://a#${good}`,
    `a:1#${good}`,
    "xfer://a:1#SHA256:x",
  ];
  for (const text of wrong) assert.equal(parseLocation(text), undefined, text);
});
