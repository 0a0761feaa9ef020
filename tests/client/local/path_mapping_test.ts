/** Mapping of paths to names on the server and back, for every kind of system. */
import assert from "node:assert/strict";
import { posix, win32 } from "node:path";
import fc from "fast-check";
import { nameFault } from "../../../protocol/file_name.ts";
import { pathNameFault } from "../../../protocol/v4/path_name.ts";
import {
  endsAsFolder,
  lastPart,
  localFault,
  nameOnServer,
  type Os,
  pathsBelow,
  wholeNameOnServer,
} from "../../../client/local/path_mapping.ts";
import { stoppingSignals } from "../../../cli/signals.ts";

const SYSTEMS = [
  { os: "linux", ...posix },
  { os: "darwin", ...posix },
  { os: "windows", ...win32 },
] as const satisfies readonly { os: Os }[];

Deno.test("path mapping: a trailing separator of the system means a folder", () => {
  for (const { os } of SYSTEMS) {
    for (const path of ["a/", "/", "a/b/"]) assert.ok(endsAsFolder(path, os), path);
    for (const path of ["a", "a/b", ""]) assert.ok(!endsAsFolder(path, os), path);
    assert.equal(endsAsFolder("a\\", os), os === "windows");
  }
});

Deno.test("path mapping: the name on the server is the last part of the path, with any separator", () => {
  const cases: readonly (readonly [os: Os, cwd: string, path: string, name: string])[] = [
    ["linux", "/home/alice", "report.pdf", "report.pdf"],
    ["linux", "/home/alice", "a/b/report.pdf", "report.pdf"],
    ["linux", "/home/alice", "photos/", "photos"],
    ["linux", "/home/alice", ".", "alice"],
    ["linux", "/home/alice", "..", "home"],
    ["linux", "/home/alice", "/", ""],
    ["linux", "/home/alice", "u\u0308", "u\u0308"],
    ["linux", "/home/alice", "a\\b", "a\\b"],
    ["darwin", "/Users/alice", "../bob/x", "x"],
    ["windows", "C:\\Users\\alice", "report.pdf", "report.pdf"],
    ["windows", "C:\\Users\\alice", "a\\b\\report.pdf", "report.pdf"],
    ["windows", "C:\\Users\\alice", "a/b/report.pdf", "report.pdf"],
    ["windows", "C:\\Users\\alice", "photos\\", "photos"],
    ["windows", "C:\\Users\\alice", ".", "alice"],
    ["windows", "C:\\Users\\alice", "D:\\x\\y", "y"],
    ["windows", "C:\\Users\\alice", "D:\\", ""],
    ["windows", "C:\\Users\\alice", "\\\\host\\share\\x", "x"],
  ];
  for (const [os, cwd, path, name] of cases) {
    assert.equal(nameOnServer(path, os, cwd), name, `${path} on ${os}`);
  }
});

Deno.test("path mapping: a whole path as a name has no root, no empty parts and no separators of the system", () => {
  const cases: readonly (readonly [os: Os, path: string, name: string])[] = [
    ["linux", "a.txt", "a.txt"],
    ["linux", "./photos//2026/./a.jpg", "photos/2026/a.jpg"],
    ["linux", "photos/", "photos"],
    ["linux", "/etc/hosts", "etc/hosts"],
    ["linux", ".", ""],
    ["linux", "./", ""],
    ["linux", "a/../b", "b"],
    ["linux", "../b", "../b"],
    ["linux", "a\\b", "a\\b"],
    ["windows", "photos\\2026\\a.jpg", "photos/2026/a.jpg"],
    ["windows", "photos/a.jpg", "photos/a.jpg"],
    ["windows", "C:\\Users\\a", "Users/a"],
    ["windows", "C:a", "a"],
    ["windows", "..\\b", "../b"],
  ];
  for (const [os, path, name] of cases) {
    assert.equal(wholeNameOnServer(path, os), name, `${path} on ${os}`);
  }
});

Deno.test("path mapping: the name here is the last part of the server's name, which only / separates", () => {
  assert.equal(lastPart("docs/2026/report.pdf"), "report.pdf");
  assert.equal(lastPart("report.pdf"), "report.pdf");
  assert.equal(lastPart("docs/"), "docs");
  assert.equal(lastPart("a\\b"), "a\\b");
  assert.equal(pathsBelow("back", "linux")("2026/ü/a"), "back/2026/ü/a");
  assert.equal(pathsBelow("back", "windows")("2026/ü/a"), "back\\2026\\ü\\a");
  assert.equal(pathsBelow("C:\\back", "windows")("a"), "C:\\back\\a");
  assert.equal(pathsBelow(".", "linux")("a/b"), "a/b");
  assert.equal(pathsBelow("/", "linux")("a/b"), "/a/b");
});

/** Parts of names that servers accept, including many that are special on some system. */
const PART = fc.oneof(
  fc.constantFrom("a", "A", "con", "aux.txt", "x:y", "ü", "*", "a b", "..a", "nul"),
  fc.string({ minLength: 1, maxLength: 20 }),
);
const NAME = fc.array(PART, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/").normalize("NFC"))
  .filter((name) => pathNameFault(name) === undefined)
  .filter((name) => name.split("/").every((part) => nameFault(part) === undefined));

for (const { os, relative, isAbsolute, resolve, sep } of SYSTEMS) {
  Deno.test(`path mapping, ${os}: no accepted name leads out of its folder, or to another file`, () => {
    const root = os === "windows" ? "C:\\back" : "/back";
    fc.assert(fc.property(NAME, (name) => {
      const target = pathsBelow(root, os)(name);
      if (localFault(name, os) !== undefined) return assert.equal(os, "windows");
      const path = resolve(target);
      const below = relative(root, path);
      assert.ok(!isAbsolute(below) && !below.startsWith(".." + sep) && below !== "..");
      assert.equal(below.split(sep).join("/"), name, "uploaded again it has the same name");
    }));
  });
}

Deno.test("signals: a command is stopped by those that its system has", () => {
  assert.deepEqual(stoppingSignals("linux"), ["SIGINT", "SIGTERM"]);
  assert.deepEqual(stoppingSignals("darwin"), ["SIGINT", "SIGTERM"]);
  assert.deepEqual(stoppingSignals("windows"), ["SIGINT", "SIGBREAK"]);
});
