/**
 * `deno task test:binary`: builds this machine's executable twice, compares the two releases byte by byte, and runs the
 * end-to-end and packaging tests against the executable. What is said of a release in docs/building.md is checked by it.
 */
import { fileURLToPath } from "node:url";
import { TemporaryFolder } from "../tests/helpers/temporary.ts";
import { CHECKSUMS } from "./release/report.ts";
import { ROOT } from "./release/stage.ts";
import { hostTarget } from "./release/targets.ts";

const COMPILE = fileURLToPath(new URL("compile.ts", import.meta.url));
const TESTS = ["tests/e2e/", "tests/packaging/"];

await using folder = await TemporaryFolder.create();
Deno.exitCode = await testBinary();

/** Returns the exit code. */
async function testBinary(): Promise<number> {
  const releases = [folder.join("once"), folder.join("again")];
  for (const out of releases) {
    const code = await deno([
      "run",
      "--quiet",
      "--allow-all",
      COMPILE,
      "--target",
      "host",
      "--out",
      out,
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
  return await deno(["test", "--quiet", "--allow-all", "--parallel", ...TESTS], {
    XFER_BIN: `${releases[0]}/${hostTarget()?.file}`,
  });
}

async function deno(args: string[], env: Record<string, string> = {}): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), { args, env, cwd: ROOT }).spawn().status;
  return code;
}
