/**
 * Reads the sources as a graph of imports and checks the rules of docs/code-map.md, "Rules". A tree is given as texts
 * by path, so that tests can check invented ones.
 *
 * @module
 */
import { dirname, join, normalize } from "node:path/posix";

/** The texts of sources, by path from the root of the repository. */
export type Tree = ReadonlyMap<string, string>;

/**
 * The allowed imports, by room. A room is a folder, or a file with a row of its own; `room/*` stands for a room and all
 * rooms inside it.
 */
export type Arrows = Readonly<Record<string, readonly string[]>>;

/** Returns the offenders against a rule, each in words that stay the same while it exists. */
export type Rule = (tree: Tree) => string[];

/** An import of anything: type, value, re-export, dynamic, or the module of a worker. */
const IMPORTS = [
  /^(?:import|export)\s+(?:type\s+)?(?:[\w*]+(?:\s+as\s+\w+)?\s*,?\s*)?(?:\{[^}]*\}\s*)?from\s+"([^"]+)"/gm,
  /^import\s+"([^"]+)"/gm,
  /\bimport\(\s*"([^"]+)"/g,
  /\bgetBuiltinModule\(\s*"([^"]+)"/g,
  /\bnew URL\(\s*"(\.[^"]+\.ts)",\s*import\.meta\.url\s*\)/g,
];

/** Modules of Node that only compute. */
const PURE_MODULES = new Set(["node:buffer", "node:crypto", "node:zlib"]);
/** Names of the platform: objects, clocks, timers, randomness, streams of the process. */
const PLATFORM =
  /\bDeno\b|\bprocess\.(?!getBuiltinModule\b)|\b(?:fetch|setTimeout|setInterval|getRandomValues)\(|\b(?:Date\.now|Math\.random|performance\.now)\(|\bnew (?:Date|Worker|WebSocket)\(|\bconsole\./g;

const TYPE =
  /^\s*(?:export\s+)?(?:default\s+)?(?:abstract\s+)?(?:(?:interface|class)\s+(\w+)|type\s+(\w+)\s*[<=])/gm;

/** The maximum number of files at a top level. */
const MAX_TOP_LEVEL = 8;

const NAMELESS = new Set(["misc", "util", "utils", "common", "helper", "helpers", "lib", "stuff"]);

/** A text without its comments. */
function code(text: string): string {
  return text.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "").replaceAll(/\s\/\/ .*$/gm, "");
}

/** The specifiers of a module's imports, as they are written. */
export function importsOf(text: string): string[] {
  return IMPORTS.flatMap((pattern) => [...code(text).matchAll(pattern)].map(([, to = ""]) => to));
}

/** The files that each file imports. */
export function graphOf(tree: Tree): Map<string, string[]> {
  return new Map([...tree].map(([path, text]) => {
    const relative = importsOf(text).filter((to) => /^\..*\.ts$/.test(to));
    return [path, [...new Set(relative.map((to) => normalize(join(dirname(path), to))))].sort()];
  }));
}

/** The room of a file: its own row of the table, or else its folder. */
function roomOf(path: string, arrows: Arrows): string {
  return path in arrows ? path : dirname(path);
}

function covers(allowed: string, room: string): boolean {
  if (!allowed.endsWith("/*")) return allowed === room;
  const folder = allowed.slice(0, -2);
  return room === folder || room.startsWith(`${folder}/`);
}

/** Imports from one room to another that the table does not allow. */
export function arrowRule(arrows: Arrows): Rule {
  return (tree) =>
    [...graphOf(tree)].flatMap(([from, targets]) =>
      targets.filter((to) => !mayImport(from, to, arrows)).map((to) => `${from} -> ${to}`)
    );
}

function mayImport(from: string, to: string, arrows: Arrows): boolean {
  const [room, target] = [roomOf(from, arrows), roomOf(to, arrows)];
  if (room === target) return true;
  return arrows[room]?.some((allowed) => covers(allowed, target)) ?? false;
}

/** Rows of the table that no file belongs to. */
export function unusedRows(arrows: Arrows): Rule {
  return (tree) => {
    const rooms = new Set([...tree.keys()].map((path) => roomOf(path, arrows)));
    return Object.keys(arrows).filter((room) => !rooms.has(room));
  };
}

/** Files that import each other in a circle. */
export const fileCircles: Rule = (tree) => circlesIn(graphOf(tree));

/** Rooms that import each other in a circle. */
export function roomCircles(arrows: Arrows): Rule {
  return (tree) => {
    const rooms = new Map<string, string[]>();
    for (const [from, targets] of graphOf(tree)) {
      const room = roomOf(from, arrows);
      const others = targets.map((to) => roomOf(to, arrows)).filter((other) => other !== room);
      rooms.set(room, [...(rooms.get(room) ?? []), ...others]);
    }
    return circlesIn(rooms);
  };
}

/** Every group of nodes that can all reach each other, by Tarjan's algorithm. */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1 || graph.get(node)?.includes(node)) circles.push(circle.sort());
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return circles.map((circle) => circle.join(", ")).sort();
}

/** Uses of the platform in `protocol/`, which must only compute. */
export const platformUses: Rule = (tree) =>
  [...tree].filter(([path]) => path.startsWith("protocol/")).flatMap(([path, text]) => {
    const modules = importsOf(text).filter((to) => !to.startsWith(".") && !PURE_MODULES.has(to));
    // An import of `node:process` is judged by its uses.
    const foreign = modules.filter((to) => to !== "node:process");
    const uses = [...code(text).matchAll(PLATFORM)].map(([use]) => use);
    return [...new Set([...foreign, ...uses])].map((use) => `${path}: ${use}`);
  });

/** Files that load a library: what a library can do, no permission of Deno limits. */
export const libraryLoaders: Rule = (tree) =>
  [...tree].filter(([, text]) => /\bdlopen\b/.test(code(text))).map(([path]) => path)
    .filter((path) => path !== "platform/c_library.ts");

/** Top levels with more files than a reader can survey. */
export const largeTopLevels: Rule = (tree) =>
  ["server", "client", "cli"].filter((folder) =>
    [...tree.keys()].filter((path) => dirname(path) === folder).length > MAX_TOP_LEVEL
  );

/** Names of types that more than one file declares. */
export const doubleNames: Rule = (tree) => {
  const files = new Map<string, Set<string>>();
  for (const [path, text] of tree) {
    for (const [, declared, alias] of code(text).matchAll(TYPE)) {
      const name = declared ?? alias ?? "";
      files.set(name, (files.get(name) ?? new Set()).add(path));
    }
  }
  const twice = [...files].filter(([, paths]) => paths.size > 1);
  return twice.map(([name, paths]) => `${name}: ${[...paths].sort().join(", ")}`).sort();
};

/** Folders with a meaningless name. */
export const namelessFolders: Rule = (tree) => {
  const folders = new Set([...tree.keys()].flatMap((path) => {
    const parts = dirname(path).split("/");
    return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
  }));
  return [...folders].filter((folder) => NAMELESS.has(folder.split("/").at(-1)!)).sort();
};
