/** Password files of PostgreSQL. */
import assert from "node:assert/strict";
import { findPassword } from "../../../../server/catalog/postgres/connection/password_file.ts";

const QUERY = { host: "db.example.org", port: 5432, database: "xfer", user: "alice" };

for (
  const [what, text, expected] of [
    ["all fields match", "db.example.org:5432:xfer:alice:secret", "secret"],
    ["a star matches everything", "*:*:*:*:secret", "secret"],
    ["the first match counts", "*:*:*:alice:first\n*:*:*:*:second", "first"],
    ["another host", "db:5432:xfer:alice:secret", undefined],
    ["another port", "*:5433:*:*:secret", undefined],
    ["another database", "*:*:postgres:*:secret", undefined],
    ["another user", "*:*:*:bob:secret", undefined],
    ["comments and empty lines", "# *:*:*:*:no\n\n*:*:*:*:secret\n", "secret"],
    ["lines of Windows", "*:*:*:bob:no\r\n*:*:*:*:secret\r\n", "secret"],
    ["too few fields", "*:*:*:secret", undefined],
    ["an escaped password", "*:*:*:*:a\\:b\\\\c", "a:b\\c"],
    ["an empty password", "*:*:*:*:", ""],
    ["an empty file", "", undefined],
  ] as const
) {
  Deno.test(`password file: ${what}`, () => {
    assert.equal(findPassword(text, QUERY), expected);
  });
}

Deno.test("password file: escapes in fields; a socket is localhost or its folder", () => {
  const text = "localhost:*:a\\:b:*:socket\n/run/pg:*:*:*:folder";
  const socket = { ...QUERY, host: "/run/pg" };
  assert.equal(findPassword(text, { ...socket, database: "a:b" }), "socket");
  assert.equal(findPassword(text, socket), "folder");
  assert.equal(findPassword(text, { ...QUERY, host: "localhost", database: "a:b" }), "socket");
});
