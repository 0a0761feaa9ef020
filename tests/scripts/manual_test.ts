/** docs/commands.md and the manual pages, made from the commands. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };
import { describeProgram, ownCommands } from "../../cli/command_tree.ts";
import { makeProgram } from "../../cli/program.ts";
import { Run } from "../../cli/run.ts";
import { commandsPage } from "../../scripts/docs/commands.ts";
import { toManPages } from "../../scripts/manual/man_page.ts";
import { AWKWARD, makeTool } from "../support/tool.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { hasTool, runTool } from "../support/tools.ts";

const TOOL = describeProgram(makeTool());
const SCRIPT = fileURLToPath(new URL("../../scripts/man.ts", import.meta.url));
const EXIT_CODES = [
  { code: 0, class: "", meaning: "all is well" },
  { code: 7, class: "io", meaning: "no more ink; for `tool mode`: never" },
];
const EDITION = { version: "1.2.3", date: "2026-01-31", exitCodes: EXIT_CODES };

Deno.test("docs: each command has synopsis, arguments, options and examples, with markup escaped", () => {
  const page = commandsPage(TOOL);
  const [summary = "", ...sections] = page.split(/^## /m);
  assert.deepEqual(sections.map((section) => section.split("\n")[0]), [
    "tool",
    "tool store",
    "tool user",
    "tool user list",
    "tool user keys",
    "tool mode",
  ]);
  assert.match(
    summary,
    /Every command takes these options:\n\n.+\n.+\n\| `-v, --verbose` .+\n\| `-h, --help` /,
  );
  const section = (name: string) => sections.find((text) => text.startsWith(`${name}\n`)) ?? "";
  const store = section("tool store");
  assert.ok(store.includes("```\ntool store [options] <path...>\n```"));
  assert.ok(store.includes("| `path` | file to store |"));
  assert.ok(store.includes('| `-o, --output <path>` | path to write to (default: "out") |'));
  assert.ok(store.includes("**Places**\n\n| option | meaning |"));
  assert.ok(store.includes("Also takes the options of [`tool`](#tool): `--color`."));
  assert.ok(store.includes('it\'s "so": \\[x\\] $HOME \\`id\\` $(id) \\\\ %s {a,b} ‘y’ \\*'));
  assert.ok(!page.includes("`-h, --help`", page.indexOf("## ")), "said once");
  const mode = section("tool mode");
  assert.ok(mode.includes("```console\n$ tool mode fast\n$ tool mode slow   # at night\n```"));
  assert.ok(mode.includes("Fast is the better of both, mostly:\n\n```\nfast    10 a second\n"));
});

Deno.test("man: a page for each command, with the usual name", () => {
  assert.deepEqual(toManPages(TOOL, EDITION).map(({ file }) => file), [
    "tool.1",
    "tool-store.1",
    "tool-user.1",
    "tool-user-list.1",
    "tool-user-keys.1",
    "tool-mode.1",
  ]);
});

/** Programs that render a page in wide lines or report its faults. */
const READERS: Readonly<Record<string, (path: string) => Promise<string>>> = {
  mandoc: async (path) => {
    const { stdout } = await runTool("mandoc", ["-Tutf8", "-Owidth=150", path]);
    // Bold and underlined letters are printed twice, one over the other.
    return stdout.replaceAll(/.[\b]/gu, "");
  },
  groff: async (path) => {
    const args = ["-man", "-Tutf8", "-rLL=150n", "-P-cbou", path];
    return (await runTool("groff", args)).stdout;
  },
};

for (const [name, read] of Object.entries(READERS)) {
  Deno.test(
    { name: `man: ${name} shows every sign as it is`, ignore: !hasTool(name) },
    async () => {
      await using folder = await TemporaryFolder.createOnDisk();
      const shown = new Map<string, string>();
      for (const { file, text } of toManPages(TOOL, EDITION)) {
        shown.set(file, await read(await folder.write(file, text)));
      }
      const store = shown.get("tool-store.1") ?? "";
      assert.match(store, /^TOOL-STORE\(1\)/);
      assert.match(store, /^tool 1\.2\.3 +(2026-01-31|January 31, 2026) +/m);
      for (
        const words of [
          `tool-store - ${AWKWARD}`,
          "tool store [options] <path...>",
          "-o, --output <path>\n",
          'path to write to (default: "out")\n',
          "   Places\n       --into <dir>\n",
          "SHARED OPTIONS\n       -v, --verbose\n",
          "EXIT STATUS\n       0 on success; the others are listed in tool(1).\n",
          "SEE ALSO\n       tool(1)\n",
        ]
      ) {
        assert.ok(store.includes(words), `${words}\nin\n${store}`);
      }
      const mode = shown.get("tool-mode.1") ?? "";
      assert.ok(mode.includes("           $ tool mode slow   # at night\n"), mode);
      assert.ok(
        mode.includes("           fast    10 a second\n             more  at night\n"),
        mode,
      );
      const top = shown.get("tool.1") ?? "";
      assert.match(top, /^ +tool-user\(1\)\n +Users\.\n/m);
      assert.match(top, /^ +0 +all is well\n\n +7 +io: no more ink; for tool mode: never\n/m);
    },
  );
}

/** Returns the complaints of a program about pages. */
const JUDGES: Readonly<Record<string, (paths: readonly string[]) => Promise<string>>> = {
  mandoc: async (paths) => (await runTool("mandoc", ["-Tlint", "-Wwarning", ...paths])).stdout,
  groff: async (paths) =>
    (await runTool("groff", ["-man", "-ww", "-b", "-z", "-Tutf8", ...paths])).stderr,
  man: async (paths) => {
    const env = { LC_ALL: "C.UTF-8", MANPAGER: "cat" };
    return (await runTool("man", ["--warnings", "-l", ...paths], { env })).stderr;
  },
};

for (const [name, judge] of Object.entries(JUDGES)) {
  // Only man-db has these options.
  const ignore = !hasTool(name) || (name === "man" && Deno.build.os !== "linux");
  Deno.test({ name: `man: ${name} accepts every page of xfer`, ignore }, async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    const trees = [describeProgram(await makeProgram(new Run())), TOOL];
    const pages = trees.flatMap((tree) => toManPages(tree, EDITION));
    const paths = await Promise.all(pages.map(({ file, text }) => folder.write(file, text)));
    assert.equal(await judge(paths), "");
    const broken = await folder.write("broken.1", ".TH BROKEN 1\n.SH NAME\n.RS 4\n\\[no-such]\n");
    assert.match(await judge([broken]), /no-such/);
  });
}

Deno.test("man: deno task man writes the pages of xfer, dated by SOURCE_DATE_EPOCH", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const out = folder.join("man");
  const args = ["run", "--quiet", "--allow-all", SCRIPT, "--out", out];
  const env = { SOURCE_DATE_EPOCH: "1700000000" };
  const { code, stdout } = await runTool(Deno.execPath(), args, { env });
  const names = ownCommands(describeProgram(await makeProgram(new Run()))).map(({ path }) =>
    `${path.join("-")}.1`
  );
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`^Wrote ${names.length} pages to `));
  const written = await Array.fromAsync(Deno.readDir(out), ({ name }) => name);
  assert.deepEqual(written.sort(), names.sort());
  const [title] = (await Deno.readTextFile(`${out}/xfer-client-put.1`)).split("\n");
  const version = denoJson.version;
  assert.equal(title, `.TH "XFER\\-CLIENT\\-PUT" 1 "2023-11-14" "xfer ${version}"`);
});
