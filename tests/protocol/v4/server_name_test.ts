import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fingerprintOfName, isOneOf } from "../../../protocol/v4/server_name.ts";

Deno.test("server name: a certificate is valid for its names, and for one label in the place of *", () => {
  const names = ["Files.example.org", "*.lab.example.org", "192.0.2.1", "2001:db8::1"];
  const yes = [
    "files.example.org",
    "FILES.EXAMPLE.ORG",
    "a.lab.example.org",
    "192.0.2.1",
    "2001:0db8:0::1",
  ];
  const no = [
    "example.org",
    "lab.example.org",
    "a.b.lab.example.org",
    "*.example.org",
    "192.0.2.2",
    "2001:db8::2",
    "org",
    "",
    "files.example.org.evil.example",
    "xfiles.example.org",
  ];
  for (const name of yes) assert.ok(isOneOf(name, names), name);
  for (const name of no) assert.ok(!isOneOf(name, names), name);
});

Deno.test("server name: its fingerprint is that of the specification, in upper or lower case", async () => {
  const expected = createHash("sha256").update("xfer/4 server name\0files.example.org").digest();
  assert.deepEqual(await fingerprintOfName("Files.Example.org"), new Uint8Array(expected));
  assert.deepEqual(await fingerprintOfName("0::1"), await fingerprintOfName("::1"));
});
