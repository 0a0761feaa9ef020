/**
 * `deno task compile`: builds a release in `dist/`: an executable for each target, the installer, the manual pages, the
 * list of contents with licenses (CycloneDX), the result for each target, and the checksums.
 *
 * --target NAME   build only this target; `host` is this machine (may be repeated)
 * --out DIR       use this folder in place of dist/; its content is removed first
 *
 * If the environment variable DENORT_BIN names a runtime, this machine's executable uses it in place of the one that
 * Deno downloads. Exits with 1 if a requested target could not be built.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeManPages } from "./manual/write_man_pages.ts";
import { build, type Outcome } from "./release/build.ts";
import { unpackedPackages } from "./release/npm_cache.ts";
import { toLines, writeChecksums, writeTargets } from "./release/report.ts";
import { billOfMaterials } from "./release/sbom.ts";
import { ROOT, Stage } from "./release/stage.ts";
import { hostTarget, type Target, TARGETS } from "./release/targets.ts";

const HOST = "host";
const SBOM = "xfer.cdx.json";
const MAN_PAGES = "man";
/** Files that are copied into a release unchanged. */
const ALONGSIDE: readonly string[] = [
  "LICENSE",
  "packaging/install.sh",
  "packaging/server.toml",
  "packaging/xfer.service",
];

const { wanted, out } = parse(Deno.args);
await using stage = await Stage.make();
const { name, version, license } = stage.config;
await Deno.remove(out, { recursive: true }).catch(ignoreMissing);
await Deno.mkdir(out, { recursive: true });
const outcomes = new Map<Target, Outcome>();
for (const target of TARGETS) {
  const outcome: Outcome = wanted.includes(target)
    ? await build(stage, target, out)
    : { state: "not-asked-for", why: "not requested" };
  outcomes.set(target, outcome);
}
const { packages } = stage;
const folderOf = await unpackedPackages();
const sbom = await billOfMaterials({ name, version, license, packages, folderOf });
await Deno.writeTextFile(join(out, SBOM), sbom);
for (const path of ALONGSIDE) {
  await Deno.copyFile(join(ROOT, path), join(out, path.replace(/^.*\//, "")));
}
await writeManPages(join(out, MAN_PAGES));
await writeTargets({ version, outcomes }, out);
await writeChecksums(out);
console.log(`xfer ${version}, with Deno ${Deno.version.deno}, in ${out}:`);
for (const line of toLines({ version, outcomes })) console.log(`  ${line}`);
if ([...outcomes.values()].some(({ state }) => state === "not-built")) Deno.exitCode = 1;

function parse(args: readonly string[]): { wanted: readonly Target[]; out: string } {
  const host = hostTarget();
  const names = [...(host === undefined ? [] : [HOST]), ...TARGETS.map(({ name }) => name)];
  try {
    const { target = [], out = join(ROOT, "dist") } = parseArgs({
      args: [...args],
      options: { target: { type: "string", multiple: true }, out: { type: "string" } },
    }).values;
    const wanted = target.map((wanted) => {
      const found = wanted === HOST ? host : TARGETS.find(({ name }) => name === wanted);
      if (found === undefined) throw new TypeError(`unknown target ${wanted}`);
      return found;
    });
    return { wanted: wanted.length > 0 ? wanted : TARGETS, out };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    console.error(`Usage: deno task compile [--target ${names.join("|")}]… [--out DIR]`);
    Deno.exit(2);
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
