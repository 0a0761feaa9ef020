/** The sources keep to the plan of the house: docs/code-map.md, "Rules". */
import assert from "node:assert/strict";
import {
  arrowRule,
  type Arrows,
  doubleNames,
  fileCircles,
  graphOf,
  importsOf,
  largeTopLevels,
  libraryLoaders,
  namelessFolders,
  platformUses,
  roomCircles,
  type Rule,
  type Tree,
  unusedRows,
} from "./support/architecture.ts";
import { ARROWS, EXCEPTIONS } from "./support/architecture_plan.ts";

const ROOT = new URL("../", import.meta.url);
const FOLDERS = ["platform/", "protocol/", "client/", "server/", "cli/"];

const tree: Tree = new Map(
  (await Promise.all(["main.ts", "mod.ts", ...FOLDERS].map(read))).flat().sort(),
);

async function read(path: string): Promise<[string, string][]> {
  if (!path.endsWith("/")) return [[path, await Deno.readTextFile(new URL(path, ROOT))]];
  const entries = await Array.fromAsync(Deno.readDir(new URL(path, ROOT)));
  const inside = entries.map(({ name, isDirectory }) => `${path}${name}${isDirectory ? "/" : ""}`);
  return (await Promise.all(inside.filter((path) => /\.ts$|\/$/.test(path)).map(read))).flat();
}

const RULES: Readonly<Record<string, Rule>> = {
  "imports go only where the plan has an arrow": arrowRule(ARROWS),
  "no files import each other in a circle": fileCircles,
  "no rooms import each other in a circle": roomCircles(ARROWS),
  "protocol/ only computes": platformUses,
  "platform/c_library.ts alone loads a library": libraryLoaders,
  "the top levels of server, client and cli have at most eight files": largeTopLevels,
  "no name of a type is declared in two files": doubleNames,
  "no folder is named after nothing": namelessFolders,
  "every row of the plan has files": unusedRows(ARROWS),
};

for (const [name, rule] of Object.entries(RULES)) {
  Deno.test(`architecture: ${name}`, () => {
    const exceptions = EXCEPTIONS[name] ?? [];
    const offenders = rule(tree);
    assert.deepEqual(offenders.filter((offender) => !exceptions.includes(offender)), []);
    // An exception that is no longer needed must be removed: the list only shrinks.
    assert.deepEqual(exceptions.filter((exception) => !offenders.includes(exception)), []);
  });
}

Deno.test("architecture: no files of scripts/ and tests/ import each other in a circle", async () => {
  const around: Tree = new Map((await Promise.all(["scripts/", "tests/"].map(read))).flat());
  assert.deepEqual(fileCircles(around), []);
});

Deno.test("architecture: every list of exceptions is of a rule", () => {
  assert.deepEqual(Object.keys(EXCEPTIONS).filter((name) => !(name in RULES)), []);
});

Deno.test("architecture: the plan itself has no circle", () => {
  const rooms = Object.keys(ARROWS);
  const plan = new Map(rooms.map((room) => {
    const inside = (allowed: string) =>
      rooms.filter((other) =>
        other === allowed ||
        allowed.endsWith("/*") && `${other}/`.startsWith(allowed.slice(0, -1))
      );
    const imports = ARROWS[room]!.flatMap(inside).filter((other) => other !== room);
    return [
      `${room}/room.ts`,
      imports.map((to) => `import "${"../".repeat(room.split("/").length)}${to}/room.ts";`)
        .join("\n"),
    ];
  }));
  assert.deepEqual(fileCircles(plan), []);
});

/** A made-up tree: the imports of each file. */
function madeUp(files: Readonly<Record<string, string>>): Tree {
  return new Map(Object.entries(files));
}

const SMALL: Arrows = { "a/mod.ts": ["a/*"], "a": [], "a/b": ["a"], "c": ["a/mod.ts", "a/b/*"] };

Deno.test("architecture: an import is found however it is written", () => {
  const text = [
    'import a from "./1.ts";',
    'import { a, type B } from "./2.ts";',
    'import type { C } from "./3.ts";',
    "import {",
    "  D,",
    '} from "./4.ts";',
    'import * as e from "./5.ts";',
    'import f, { g } from "./6.ts";',
    'import "./7.ts";',
    'export * from "./8.ts";',
    'export type { H } from "./9.ts";',
    'const i = await import("./10.ts");',
    'type J = import("./11.ts").J;',
    'new Worker(new URL("./12.ts", import.meta.url), { type: "module" });',
    ' * import { k } from "./no.ts";',
    '// import { k } from "./no.ts";',
    "export function l() {",
    '  return "from", "./no.ts";',
    "}",
  ].join("\n");
  const numbers = importsOf(text).map((to) => Number(/\d+/.exec(to)?.[0])).sort((a, b) => a - b);
  assert.deepEqual(numbers, Array.from({ length: 12 }, (_, i) => i + 1));
});

Deno.test("architecture: an arrow that the plan does not have is found", () => {
  const tree = madeUp({
    "a/mod.ts": 'export * from "./b/x.ts";\nexport * from "./y.ts";',
    "a/y.ts": 'import type { X } from "./b/x.ts";',
    "a/b/x.ts": 'import { y } from "../y.ts";\nimport { mod } from "../mod.ts";',
    "c/z.ts": 'import { x } from "../a/b/x.ts";\nimport { y } from "../a/y.ts";',
    "d/new.ts": 'import { z } from "../c/z.ts";',
  });
  assert.deepEqual(arrowRule(SMALL)(tree), [
    "a/y.ts -> a/b/x.ts",
    "a/b/x.ts -> a/mod.ts",
    "c/z.ts -> a/y.ts",
    "d/new.ts -> c/z.ts",
  ]);
  assert.deepEqual(unusedRows(SMALL)(tree), []);
  assert.deepEqual(unusedRows(SMALL)(madeUp({ "a/mod.ts": "", "c/z.ts": "" })), ["a", "a/b"]);
});

Deno.test("architecture: circles of files and of rooms are found", () => {
  const tree = madeUp({
    "a/1.ts": 'import type { B } from "./2.ts";',
    "a/2.ts": 'import { c } from "./3.ts";\nimport { d } from "./4.ts";',
    "a/3.ts": 'import { a } from "./1.ts";',
    "a/4.ts": 'import { f } from "./b/1.ts";',
    "a/5.ts": "",
    "a/b/1.ts": 'import { e } from "../5.ts";',
  });
  assert.deepEqual(fileCircles(tree), ["a/1.ts, a/2.ts, a/3.ts"]);
  assert.deepEqual(roomCircles(SMALL)(tree), ["a, a/b"]);
  assert.deepEqual(graphOf(tree).get("a/2.ts"), ["a/3.ts", "a/4.ts"]);
  // The face of a room imports what is inside it; nothing inside imports the face.
  const faced = madeUp({
    "a/mod.ts": 'export * from "./b/1.ts";',
    "a/5.ts": "",
    "a/b/1.ts": 'import { e } from "../5.ts";',
  });
  assert.deepEqual(roomCircles(SMALL)(faced), []);
});

Deno.test("architecture: what protocol/ uses of the platform is found", () => {
  const tree = madeUp({
    "protocol/a.ts": 'import { open } from "node:fs";\nDeno.cwd();\n// Deno.cwd()',
    "protocol/b.ts": 'import { hash } from "node:crypto";\nimport { z } from "npm:z";',
    "protocol/c.ts": 'import process from "node:process";\n' +
      'process.getBuiltinModule("node:zlib");\nprocess.getBuiltinModule("node:net");\nprocess.exit();',
    "protocol/d.ts": "const now = Date.now();\nconsole.log(now);",
    "server/e.ts": "Deno.cwd();",
  });
  assert.deepEqual(platformUses(tree), [
    "protocol/a.ts: node:fs",
    "protocol/a.ts: Deno",
    "protocol/b.ts: npm:z",
    "protocol/c.ts: node:net",
    "protocol/c.ts: process.",
    "protocol/d.ts: Date.now(",
    "protocol/d.ts: console.",
  ]);
});

Deno.test("architecture: a second file that loads a library is found", () => {
  const load = 'Deno.dlopen("libc.so.6", CALLS);\n';
  const tree = madeUp({
    "platform/c_library.ts": load,
    "server/a.ts": load,
    "cli/b.ts": `// ${load}`,
  });
  assert.deepEqual(libraryLoaders(tree), ["server/a.ts"]);
});

Deno.test("architecture: large top levels, double names and nameless folders are found", () => {
  const nine = Array.from({ length: 9 }, (_, i): [string, string] => [`server/${i}.ts`, ""]);
  assert.deepEqual(largeTopLevels(new Map(nine)), ["server"]);
  assert.deepEqual(largeTopLevels(new Map(nine.slice(1))), []);
  const tree = madeUp({
    "client/utils/a.ts": "interface Place {}\nexport type Once = 1;",
    "server/misc/b/c.ts": "export abstract class Place {}\ntype Word<T> = T;",
    "cli/d.ts":
      'export type Word = string;\nimport {\n  type Once,\n} from "./e.ts";\n// type Once = 2;\nconst type = Once;',
  });
  assert.deepEqual(doubleNames(tree), [
    "Place: client/utils/a.ts, server/misc/b/c.ts",
    "Word: cli/d.ts, server/misc/b/c.ts",
  ]);
  assert.deepEqual(namelessFolders(tree), ["client/utils", "server/misc"]);
});
