/** The executable in `XFER_BIN`, as it is shipped. Skipped without it; `deno task test:binary` sets it. */
import assert from "node:assert/strict";
import denoJson from "../../deno.json" with { type: "json" };
import { PERMISSION_FLAGS } from "../../scripts/release/permissions.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { runTool } from "../support/tools.ts";

const BINARY = Deno.env.get("XFER_BIN") ?? "";
const ignore = BINARY === "";
/** An environment without settings for colors, and otherwise empty. */
const BARE = { clearEnv: true, env: {} };

Deno.test({ name: "binary: the version is that of deno.json", ignore }, async () => {
  assert.equal((await runTool(BINARY, ["--version"], BARE)).stdout, `${denoJson.version}\n`);
});

Deno.test(
  { name: "binary: every command's help is printed in an empty environment", ignore },
  async () => {
    for (const env of [{}, { NO_COLOR: "1" }, { FORCE_COLOR: "1" }, { CLICOLOR_FORCE: "1" }]) {
      for (const args of [[], ["client"], ["client", "put"], ["server"], ["server", "users"]]) {
        const { code, stdout, stderr } = await runTool(BINARY, [...args, "--help"], {
          clearEnv: true,
          env,
        });
        assert.deepEqual([code, stderr], [0, ""], `${args.join(" ")} ${JSON.stringify(env)}`);
        assert.match(stdout, /^Usage: xfer/m);
      }
    }
  },
);

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

Deno.test({ name: "binary: it contains exactly the listed permissions", ignore }, async () => {
  // Latin 1 maps each byte to one character.
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
  name: "binary: it contains no tools of the tests and no paths of the build machine",
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
