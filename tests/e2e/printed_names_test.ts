/** Names as `list` prints them work in every command. */
import assert from "node:assert/strict";
import { xfer } from "../support/hosted_xfer.ts";
import { Alice } from "../support/e2e/alice.ts";

/** The columns before a name in a list: size and time. */
const BEFORE_NAME = /^ *[\d.]+ [KMG]?i?B {2}\S+ {2}/;

const NAMES = [
  "کتاب\u200cها.txt",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}.txt",
  "a\u200bb\u3164.txt",
];

Deno.test("names: every command accepts a name as list prints it", async () => {
  await using alice = await Alice.create(...NAMES);
  const { run, here } = alice;
  assert.equal((await run("put", ...NAMES)).code, 0);
  const listed = (await run("list")).stdout.trimEnd().split("\n");
  const shown = listed.map((line) => line.replace(BEFORE_NAME, ""));
  assert.ok(shown.includes("کتاب\u200cها.txt"), "an ordinary name is printed unchanged");
  assert.ok(shown.includes("a\\u{200b}b\\u{3164}.txt"), "invisible characters are escaped");

  const succeeds = async (...args: string[]) => {
    const { code, stderr } = await run(...args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  };
  await succeeds("get", ...shown, "-o", "got/");
  for (const name of NAMES) assert.equal(await Deno.readTextFile(`${here}/got/${name}`), name);
  for (const name of shown) {
    await succeeds("stat", name);
    await succeeds("versions", name);
    assert.match((await run("list", name)).stdout, BEFORE_NAME);
    const data = ["--data", `${here}/../data`];
    const exported = await xfer(["server", "export", "Alice", name, "exported", ...data], here);
    assert.equal(exported.code, 0, exported.stderr);
    await Deno.remove(`${here}/exported`);
  }
  await succeeds("rename", shown[0] as string, `old/${shown[0]}`);
  await succeeds("put", NAMES[0] as string, "--as", `old/${shown[0]}`);
  await succeeds("remove", `old/${shown[0]}`, ...shown.slice(1));
  assert.equal((await run("list")).stdout, "");
});
