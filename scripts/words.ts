/**
 * Finds words and constructions that docs/style.md rules out, in pages and in the texts, comments and test names of
 * sources. With paths, only in these.
 */
import { findPhrases } from "./words/find_phrases.ts";

const ROOT = new URL("../", import.meta.url);

/** Files and folders that are searched. Each was read and rewritten as a whole. */
const CLEAN = [
  ...["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "deno.json"],
  ...[
    "cli/",
    "client/",
    "docs/",
    "packaging/",
    "platform/",
    "protocol/",
    "scripts/",
    "server/",
    "main.ts",
    "mod.ts",
  ],
  "tests/",
];

/** Files that quote what is ruled out, and recordings of others. */
const QUOTING = [
  ...["docs/style.md", "scripts/words/", "tests/scripts/words_test.ts"],
  "tests/conformance/recordings/",
];

const TEXTS = /\.(?:md|ts|sh|txt|toml|service)$|^deno\.json$|(?:^|\/)Containerfile$/;

/** The files below a path that people read, in order, as paths from the root. */
async function filesBelow(path: string): Promise<string[]> {
  if (QUOTING.some((quoting) => path.startsWith(quoting))) return [];
  const url = new URL(path, ROOT);
  if (!(await Deno.stat(url)).isDirectory) return TEXTS.test(path) ? [path] : [];
  const folder = path === "" || path.endsWith("/") ? path : `${path}/`;
  const names = await Array.fromAsync(
    Deno.readDir(new URL(folder, ROOT)),
    ({ name, isDirectory }) => isDirectory ? `${name}/` : name,
  );
  const seen = names.filter((name) => !/^(?:\.git\/|node_modules\/|build\/|dist\/)/.test(name))
    .sort();
  return (await Promise.all(seen.map((name) => filesBelow(`${folder}${name}`)))).flat();
}

/** A line for each finding: where, what, and what to write instead. */
export async function findWords(paths: readonly string[] = CLEAN): Promise<string[]> {
  const files = [...new Set((await Promise.all(paths.map(filesBelow))).flat())];
  const found = await Promise.all(files.map(async (path) => {
    const text = await Deno.readTextFile(new URL(path, ROOT));
    return findPhrases(path, text).map(({ line, phrase, instead }) =>
      `${path}:${line}: "${phrase}" → ${instead}`
    );
  }));
  return found.flat();
}

if (import.meta.main) {
  const found = await findWords(Deno.args.length > 0 ? Deno.args : CLEAN);
  for (const line of found) console.log(line);
  if (found.length > 0) {
    console.error(`${found.length} to rewrite: see docs/style.md`);
    Deno.exitCode = 1;
  }
}
