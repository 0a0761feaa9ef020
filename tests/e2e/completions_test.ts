/** `xfer completions` with the executable's code. */
import assert from "node:assert/strict";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";

const SHELLS: Readonly<Record<string, RegExp>> = {
  bash: /^complete -F _xfer xfer$|^ +complete -F _xfer xfer$/m,
  zsh: /^#compdef xfer\n[\s\S]*^_xfer_client_put\(\) \{$/m,
  fish: /^complete -c xfer -f -a '\(__xfer_complete\)'$/m,
  powershell: /^Register-ArgumentCompleter -Native -CommandName 'xfer'/m,
};

for (const [shell, expected] of Object.entries(SHELLS)) {
  Deno.test(`completions for ${shell}: only the script is printed, with every command`, async () => {
    const { code, stdout, stderr } = await xfer(["completions", shell]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, expected);
    for (const choice of ["invite", "closed", "2023a"]) assert.ok(stdout.includes(choice), choice);
    for (const command of ["xfer client put", "xfer server users set-quota"]) {
      assert.ok(stdout.includes(shell === "zsh" ? `_${command.replaceAll(/\W/g, "_")}` : command));
    }
  });
}

Deno.test("completions: an unknown shell is an error that lists the known ones", async () => {
  const { code, stdout, stderr } = await xfer(["completions", "tcsh"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(
    stderr,
    /invalid value "tcsh" for <shell>: expected one of bash, zsh, fish, powershell /,
  );
});

Deno.test("completions: with --json, the script is an event", async () => {
  const script = (await xfer(["completions", "fish"])).stdout.trimEnd();
  const { code, stdout } = await xfer(["completions", "fish", "--json", "--quiet"]);
  assert.equal(code, 0);
  assert.deepEqual(eventsIn(stdout), [{ event: "completions", shell: "fish", script }]);
});

Deno.test("completions: the help contains the installation for each shell", async () => {
  const { code, stdout } = await xfer(["completions", "--help"]);
  assert.equal(code, 0);
  for (const shell of Object.keys(SHELLS)) assert.ok(stdout.includes(`xfer completions ${shell}`));
});
