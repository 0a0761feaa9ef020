/** Every example of the library runs: those of docstrings, and the guide. `deno task check:examples` checks their types. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exampleTestsIn, guideIn } from "../../scripts/examples.ts";
import { fencesIn } from "../support/markdown.ts";
import { startInThisThread } from "../support/server.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { programPath, tiedCommand } from "../support/tied_processes.ts";

const ROOT = new URL("../../", import.meta.url);
const GUIDE = new URL("docs/library.md", ROOT);

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program, which must succeed. Returns its output. */
async function run(
  program: string,
  args: readonly string[],
  { cwd = fileURLToPath(ROOT), env = {} }: RunOptions = {},
): Promise<string> {
  const { success, stdout, stderr } = await tiedCommand(program, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  assert.ok(success, output);
  return output;
}

Deno.test("library: examples of docstrings run", async () => {
  await using folder = await TemporaryFolder.create();
  // Folders that examples make go with it.
  const temporary = { TMPDIR: folder.path, TMP: folder.path, TEMP: folder.path };
  const options = ["test", "--quiet", "--no-check", "--allow-all"];
  const output = await run(Deno.execPath(), [...options, ...await exampleTestsIn(folder.path)], {
    cwd: folder.path,
    env: temporary,
  });
  assert.match(output, /ok \| [1-9]\d passed/);
});

Deno.test("library: every block of the guide runs here, except the one that clones xfer", async () => {
  const infos = fencesIn(await Deno.readTextFile(GUIDE)).map(({ info }) => info);
  assert.deepEqual(infos.filter((info) => !["json", "ts", "js"].includes(info)), ["sh"]);
});

Deno.test("library: the guide's program runs where the guide says to put it", async () => {
  // Deno grants nothing below /dev.
  await using folder = await TemporaryFolder.createOnDisk();
  await folder.write("deno.json", await guideIn("json"));
  await Deno.symlink(fileURLToPath(ROOT), folder.join("xfer"));
  await folder.write("main.ts", await guideIn("ts"));
  const page = await Deno.readTextFile(GUIDE);
  const permissions = page.match(/^Run the program with `([^`]+)`/m)?.[1]?.split(" ") ?? [];
  const args = ["run", "--quiet", "--no-lock", "--no-prompt", ...permissions, "main.ts"];
  const temporary = { TMPDIR: folder.path, TMP: folder.path, TEMP: folder.path };
  const runIt = async () =>
    (await run(Deno.execPath(), args, { cwd: folder.path, env: temporary }))
      .replaceAll(/127\.0\.0\.1:\d+/g, "ADDRESS").replace(/(?<=such-file: ).*/, "…").split("\n");
  const lines = await runIt();
  assert.deepEqual(await runIt(), lines, "a reader runs it again after each block");
  assert.deepEqual(lines, [
    "Listening on ADDRESS",
    "Stored report.txt",
    "Stored: 1, failed: 0",
    "All is well.",
    "report.txt: 12 bytes",
    "version 1, cksum 2695626790",
    "1 files, 50000 bytes",
    "photo.raw: 50000 bytes sent",
    "no-such-file: …",
    "Alice: 2 files",
    "0 problems, 2 files in the backup",
    "1 blob in memory",
    "",
  ]);
});

Deno.test("library: the guide's client of protocol 4, which uses nothing of xfer, uploads and downloads a file", async () => {
  await using folder = await TemporaryFolder.create();
  const script = await folder.write("client.mjs", await guideIn("js"));
  await using server = await startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    tlsListen: { hostname: "127.0.0.1", port: 0 },
    dataFolder: folder.join("data"),
  });
  const [program, ...args] = programPath("node") === undefined
    ? [Deno.execPath(), "run", "--allow-all"]
    : ["node"];
  const { hostname, port } = server.address;
  const output = await run(program as string, [...args, script, hostname, String(port)]);
  assert.match(
    output,
    /^SHA256:.{43}\nSigned in as [0-9a-f]{32}\nStored notes\.txt\nDownloaded 123456789\n$/,
  );
});
