/** Lines of the access log: Common Log Format, whatever the names are. */
import assert from "node:assert/strict";
import { accessLine } from "../../../cli/output/access_line.ts";
import type { Access } from "../../../server/mod.ts";

const AT = Date.UTC(2026, 10, 9, 1, 2, 3);
const BASE: Access = {
  ...{ method: "get", protocol: 4, user: "Alice", address: "203.0.113.9:4000" },
  ...{ name: "photos/sea.jpg", bytes: 12 },
};

const LINES: readonly [access: Partial<Access>, line: string][] = [
  [{}, '203.0.113.9 - Alice [09/Nov/2026:01:02:03 +0000] "GET /photos/sea.jpg XFER/4" 200 12'],
  [{ isPart: true }, '"GET /photos/sea.jpg XFER/4" 206 12'],
  [{ method: "put", protocol: 3 }, '"PUT /photos/sea.jpg XFER/3" 201 12'],
  [{ method: "remove", bytes: 0 }, '"DELETE /photos/sea.jpg XFER/4" 204 0'],
  [{ method: "rename", newName: "a b/c" }, '"MOVE /photos/sea.jpg?to=/a%20b/c XFER/4" 201 12'],
  [{ method: "restore" }, '"POST /photos/sea.jpg?restore XFER/4" 200 12'],
  [{ code: "no-such-file" }, 'XFER/4" 404 12'],
  [{ method: "put", code: "over-limit" }, 'XFER/4" 507 12'],
  [{ code: "a-new-code" }, 'XFER/4" 500 12'],
  [{ address: "[2001:db8::7]:7", user: "" }, "2001:db8::7 - - ["],
];

Deno.test("access log: a line has the address, the user, what was done, the status and the bytes", () => {
  for (const [access, line] of LINES) {
    const found = accessLine({ ...BASE, ...access }, AT);
    assert.ok(found.includes(line), `${found} does not have ${line}`);
  }
});

Deno.test("access log: a name cannot begin a line, end a field, or leave ASCII", () => {
  const names = ['a" 200 1\n203.0.113.1 - Bob', "a?b#c%d", "\u202eöß", "\ud800", "\x1b[2J", "\\x"];
  for (const name of names) {
    const line = accessLine({ ...BASE, name, user: name }, AT);
    assert.match(line, /^203\.0\.113\.9 - \S+ \[[^\]]+\] "GET \/[!-~]+ XFER\/4" 200 12$/);
    assert.equal(line.split('"').length, 3, line);
    assert.ok(!line.includes("\\"), line);
  }
});
