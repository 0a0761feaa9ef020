/** The executable that `XFER_BIN` names, as it is shipped. Left out without it: `deno task test:binary` has it. */
import assert from "node:assert/strict";
import denoJson from "../../deno.json" with { type: "json" };
import { PERMISSION_FLAGS } from "../../scripts/release/permissions.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { runTool } from "../support/tools.ts";

const BINARY = Deno.env.get("XFER_BIN") ?? "";
const ignore = BINARY === "";
/** Nothing that says whether colours are wanted, and nothing else. */
const BARE = { clearEnv: true, env: {} };

Deno.test({ name: "binary: it has the version of deno.json", ignore }, async () => {
  assert.equal((await runTool(BINARY, ["--version"], BARE)).stdout, `${denoJson.version}\n`);
});

Deno.test({ name: "binary: every help is printed, whatever the environment", ignore }, async () => {
  for (const env of [{}, { NO_COLOR: "1" }, { FORCE_COLOR: "1" }, { CLICOLOR_FORCE: "1" }]) {
    for (const args of [[], ["client"], ["client", "put"], ["server"], ["server", "users"]]) {
      const { code, stdout, stderr } = await runTool(BINARY, [...args, "--help"], {
        clearEnv: true,
        env,
      });
      assert.deepEqual([code, stderr], [0, ""], `${args.join(" ")} ${JSON.stringify(env)}`);
      assert.match(stdout, /^Usage: xfer/);
    }
  }
});

Deno.test(
  { name: "binary: a run leaves nothing in the folder for temporary files", ignore },
  async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    const { code } = await runTool(BINARY, ["server", "list", "--data", folder.join("none")], {
      clearEnv: true,
      env: { TMPDIR: folder.path },
    });
    assert.equal(code, 3);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(folder.path)), []);
  },
);

Deno.test({ name: "binary: what it may do is baked in, and no more", ignore }, async () => {
  // Latin 1: each byte a character.
  const content = new TextDecoder("latin1").decode(await Deno.readFile(BINARY));
  const [, json = ""] = /"permissions":(\{[^{}]*\})/.exec(content) ?? [];
  const { prompt, ...baked } = JSON.parse(json) as Record<string, string[] | boolean | null>;
  assert.equal(prompt, false);
  for (const kind of ["env", "net", "ffi", "read", "run", "sys", "write"]) {
    const flag = PERMISSION_FLAGS.find((flag) => flag.startsWith(`--allow-${kind}`));
    const [, names] = flag?.split("=") ?? [];
    const expected = flag === undefined ? null : names === undefined ? [] : names.split(",");
    assert.deepEqual(baked[`allow_${kind}`], expected, kind);
  }
  assert.deepEqual(baked["deny_import"], []);
});

Deno.test({
  name: "binary: no tool of the tests is inside, nor a place on the machine that built it",
  ignore,
}, async () => {
  const content = new TextDecoder("latin1").decode(await Deno.readFile(BINARY));
  const { imports } = denoJson;
  for (
    const name of ["fast-check", "wabt", "@noble/ciphers", "@vscode/tree-sitter-wasm"] as const
  ) {
    assert.ok(!content.includes(imports[name].replace("npm:", "")), name);
  }
  assert.ok(content.includes(imports["commander"].replace("npm:", "")));
  for (const place of ["xfer-stage-", `${Deno.env.get("HOME") || "/home"}/.cache/deno`]) {
    assert.ok(!content.includes(place), place);
  }
});
