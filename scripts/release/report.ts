/**
 * The report of a release: the result for each target, and the checksums of its files.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Outcome } from "./build.ts";
import { type Target, TARGETS } from "./targets.ts";

export const CHECKSUMS = "SHA256SUMS";
const FOR_PEOPLE = "TARGETS.md";
const FOR_PROGRAMS = "targets.json";

export interface Release {
  readonly version: string;
  /** The result for each target; a target without one was not tried. */
  readonly outcomes: ReadonlyMap<Target, Outcome>;
}

const STATES: Readonly<Record<Outcome["state"], string>> = {
  "run": "built and run",
  "built": "built",
  "not-built": "not built",
  "not-asked-for": "not built",
};

interface Row extends Target {
  readonly state: Outcome["state"];
  readonly isBuilt: boolean;
  /** The reason, unless it was built and run. */
  readonly why?: string;
}

function rowsOf({ outcomes }: Release): readonly Row[] {
  return TARGETS.map((target) => {
    const outcome = outcomes.get(target) ?? { state: "not-asked-for", why: "not tried" };
    return { ...target, ...outcome, isBuilt: outcome.state === "run" || outcome.state === "built" };
  });
}

/** The targets for people, one line each. */
export function toLines(release: Release): readonly string[] {
  return rowsOf(release).map(({ name, state, why }) =>
    `${name.padEnd(12)} ${STATES[state]}${why === undefined ? "" : `: ${why}`}`
  );
}

/** Writes the list of targets for people and for programs. */
export async function writeTargets(release: Release, folder: string): Promise<void> {
  const rows = rowsOf(release);
  const table = rows.map(({ name, file, state, isBuilt, why = "" }) =>
    `| ${name} | ${isBuilt ? `\`${file}\`` : "–"} | ${STATES[state]} | ${escaped(why)} |`
  );
  const lines = [
    `# xfer ${release.version}: targets`,
    "",
    `Built with Deno ${Deno.version.deno} on ${Deno.build.target}.`,
    "",
    "| target | file | state | reason |",
    "| --- | --- | --- | --- |",
    ...table,
    "",
  ];
  await Deno.writeTextFile(join(folder, FOR_PEOPLE), lines.join("\n"));
  const json = {
    version: release.version,
    deno: Deno.version.deno,
    builtOn: Deno.build.target,
    targets: rows.map(({ isBuilt, file, ...row }) => ({ ...row, ...(isBuilt && { file }) })),
  };
  const text = JSON.stringify(json, undefined, 2) + "\n";
  await Deno.writeTextFile(join(folder, FOR_PROGRAMS), text);
}

/** Escapes a text for a table cell. */
function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** Writes the checksums of all files below a folder, in the format of `sha256sum --check` and `shasum --check`. */
export async function writeChecksums(folder: string): Promise<void> {
  const names = (await Array.fromAsync(filesIn(folder))).filter((name) => name !== CHECKSUMS)
    .sort();
  let sums = "";
  for (const name of names) sums += `${await sha256(join(folder, name))}  ${name}\n`;
  await Deno.writeTextFile(join(folder, CHECKSUMS), sums);
}

/** The files below a folder, as relative paths with slashes. Does not follow links. */
export async function* filesIn(folder: string, path = ""): AsyncGenerator<string> {
  for await (const { name, isFile, isDirectory } of Deno.readDir(join(folder, path))) {
    if (isFile) yield path + name;
    if (isDirectory) yield* filesIn(folder, `${path}${name}/`);
  }
}

export async function sha256(path: string): Promise<string> {
  return createHash("sha256").update(await Deno.readFile(path)).digest("hex");
}
