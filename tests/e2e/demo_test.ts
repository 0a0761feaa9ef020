/** `deno task demo`: its output, and that it reports errors. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Finished, invocation } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";

const DEMO = fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url));

async function demo(temporary: string, binary?: string): Promise<Finished> {
  const { code, stdout, stderr } = await tiedCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-all", DEMO],
    env: {
      NO_COLOR: "1",
      TMPDIR: temporary,
      ...(binary === undefined ? {} : { XFER_BIN: binary }),
    },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("demo: it stores and downloads over both protocols, and leaves nothing behind", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const { code, stdout, stderr } = await demo(folder.path);
  assert.equal(code, 0, stderr);
  const equal = [...stdout.matchAll(/^(\S+): equal to the original, byte for byte/gm)];
  assert.deepEqual(equal.map(([, name]) => name), [
    ...["alice/film.back", "alice/holiday.back/notes.txt", "alice/holiday.back/2026/sea.raw"],
    "bob/hello.back",
  ]);
  assert.match(stdout, /\[other-server\][^$]*\(exit code 3\)/);
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test({
  name: "demo: it fails if a downloaded file differs from what was stored",
  ignore: Deno.build.os === "windows", // The executable under test is a shell script here.
  async fn() {
    await using folder = await TemporaryFolder.createOnDisk();
    const { executable, args } = invocation([]);
    const real = [executable, ...args].map((word) => `'${word}'`).join(" ");
    const script = `#!/bin/sh
case "$*" in
  "client get film.raw"*)
    ${real} "$@" && printf '\\377\\0\\377' | dd of=film.back bs=1 seek=1000000 conv=notrunc 2>/dev/null ;;
  *) exec ${real} "$@" ;;
esac
`;
    const binary = await folder.write("xfer", script);
    await Deno.chmod(binary, 0o700);
    await Deno.mkdir(folder.join("tmp"));
    const { code, stdout, stderr } = await demo(folder.join("tmp"), binary);
    assert.equal(code, 1, stdout);
    assert.match(stderr, /alice\/film\.back is not what was sent/);
    assert.deepEqual([...Deno.readDirSync(folder.join("tmp"))], []);
  },
});
