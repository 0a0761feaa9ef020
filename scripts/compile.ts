/**
 * Builds the single executables into `dist/`.
 *
 * `--target host` builds for this machine alone. A runtime named by the environment variable DENORT_BIN is put into
 * the executable in place of the one that Deno downloads; it must be of the target's kind, so it goes with `host`.
 */
const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];
const HOST = "host";

/** What the job needs: sockets, files, the environment for NO_COLOR and the like. Nothing is run or loaded. */
const PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
];

/** Threads, which no import names. Not every version of Deno reads this from its configuration by itself. */
const { compile: { include } } = JSON.parse(
  await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
) as { compile: { include: string[] } };

const { args } = Deno;
const wanted = args[0] === "--target" ? args[1] : undefined;
if (args.length > 0 && (args.length !== 2 || !isTarget(wanted))) {
  console.error(`Usage: deno task compile [--target ${[HOST, ...TARGETS].join("|")}]`);
  Deno.exit(2);
}
if (Deno.env.has("DENORT_BIN") && wanted !== HOST) {
  console.error("DENORT_BIN names a runtime of one kind: use it with --target host");
  Deno.exit(2);
}
const failed: string[] = [];
for (const target of wanted === undefined ? TARGETS : [wanted]) {
  if (!(await compile(target))) failed.push(target);
}
if (failed.length > 0) {
  console.error(`Not built: ${failed.join(", ")}`);
  Deno.exit(1);
}

function isTarget(name: string | undefined): name is string {
  return name === HOST || TARGETS.some((target) => target === name);
}

async function compile(target: string): Promise<boolean> {
  const suffix = target.includes("windows") ? ".exe" : "";
  const output = `dist/xfer${target === HOST ? "" : `-${target}`}${suffix}`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["compile", "--quiet", "--no-check", ...PERMISSIONS, "--output", output],
      ...include.map((path) => `--include=${path}`),
      ...(target === HOST ? [] : ["--target", target]),
      "main.ts",
    ],
    cwd: new URL("..", import.meta.url),
  }).spawn().status;
  if (success) console.log(`Built ${output}`);
  return success;
}
