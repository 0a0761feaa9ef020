/**
 * `deno task test:binary`: builds this machine's executable twice, compares the two releases byte by byte, and runs the
 * end-to-end, snapshot and packaging tests against the executable. This checks the claims of docs/building.md.
 *
 * --builder PATH   build with this Deno
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { TemporaryFolder } from "../tests/support/temporary_folder.ts";
import { CHECKSUMS } from "./release/report.ts";
import { ROOT } from "./release/stage.ts";
import { hostTarget } from "./release/targets.ts";

const COMPILE = fileURLToPath(new URL("./compile.ts", import.meta.url));
const RUN_TESTS = fileURLToPath(new URL("./run_tests.ts", import.meta.url));
const TESTS = ["tests/e2e/", "tests/snapshots/", "tests/packaging/"];

const { builder = Deno.execPath() } =
  parseArgs({ args: Deno.args, options: { builder: { type: "string" } } }).values;
await using folder = await TemporaryFolder.createOnDisk();
Deno.exitCode = await testBinary();

/** Returns the exit code. */
async function testBinary(): Promise<number> {
  const releases = [folder.join("once"), folder.join("again")];
  for (const out of releases) {
    const code = await run(builder, [
      ...["run", "--quiet", "--allow-all", COMPILE, "--target", "host", "--out", out],
    ]);
    if (code !== 0) return code;
  }
  const [once, again] = await Promise.all(
    releases.map((release) => Deno.readTextFile(`${release}/${CHECKSUMS}`)),
  );
  if (once !== again) {
    console.error(`The two releases differ:\n${once}\n${again}`);
    return 1;
  }
  console.log("Both releases are the same, byte for byte");
  const args = ["run", "--quiet", "--allow-all", RUN_TESTS, ...TESTS];
  return await run(Deno.execPath(), args, { XFER_BIN: `${releases[0]}/${hostTarget()?.file}` });
}

async function run(
  deno: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<number> {
  const { code } = await new Deno.Command(deno, { args, env, cwd: ROOT }).spawn().status;
  return code;
}
