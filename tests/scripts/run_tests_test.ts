/** `deno task test` itself, with tests that leave processes or files behind. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { lasting, marked } from "../support/marked_processes.ts";
import { writeLauncher } from "../support/processes.ts";
import { POSTGRES_VARIABLE } from "../support/store/postgres.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { HAS_TERMINAL, Terminal } from "../support/terminal.ts";
import { tiedCommand, TIES } from "../support/tied_processes.ts";

const RUN_TESTS = fileURLToPath(new URL("../../scripts/run_tests.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const SUPPORT = new URL("../support/", import.meta.url);
/** No process ends this early by itself, in milliseconds. */
const SOON_MS = 60_000;
const SEES_PROCESSES = Deno.build.os === "linux";
/** An environment variable that marks the processes of one test by its value. */
const NAME = "XFER_TEST_OF_THE_RUNNER";

interface RunOptions {
  /** The value of the variable that marks its processes. */
  readonly mark: string;
  /** Whether types are checked. */
  readonly isChecked?: boolean;
}

/** Runs one test with this body, which needs no database. */
function runTest(
  folder: TemporaryFolder,
  body: string,
  { mark, isChecked = false }: RunOptions,
): Deno.Command {
  const path = folder.join("one_test.ts");
  Deno.writeTextFileSync(path, `Deno.test("one", async () => {\n${body}\n});\n`);
  return tiedCommand(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-all",
      RUN_TESTS,
      ...isChecked ? [] : ["--no-check"],
      "--config",
      CONFIG,
      path,
    ],
    env: {
      ...{ NO_COLOR: "1", TMPDIR: folder.join("tmp"), [NAME]: mark },
      // A run that is killed could not remove its server's files.
      [POSTGRES_VARIABLE]: "none",
    },
    ...{ cwd: folder.path, stdin: "null", stdout: "piped", stderr: "piped" },
  });
}

interface Outcome {
  readonly code: number;
  readonly printed: string;
  /** The content of the folder for temporary files afterwards. */
  readonly files: readonly string[];
  readonly processes: readonly string[];
}

async function outcomeOf(
  body: string,
  options: Omit<RunOptions, "mark"> = {},
): Promise<Outcome> {
  await using folder = await TemporaryFolder.createOnDisk();
  await Deno.mkdir(folder.join("tmp"));
  const mark = crypto.randomUUID();
  const { code, stdout, stderr } = await runTest(folder, body, { ...options, mark }).output();
  const [printed, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  const files = [...Deno.readDirSync(folder.join("tmp"))].map(({ name }) => name);
  const processes = marked({ name: NAME, value: mark }).map(({ command }) => command);
  return { code, printed: `${printed}${errors}`, files, processes };
}

const NOTHING = { files: [], processes: [] };

Deno.test("run: tests that pass and leave nothing behind succeed, with deno's output", async () => {
  const { code, printed, ...left } = await outcomeOf(
    "await Deno.makeTempFile().then(Deno.remove);",
  );
  assert.equal(code, 0, printed);
  assert.match(printed, /ok \| 1 passed \| 0 failed/);
  assert.doesNotMatch(printed, /left behind/);
  assert.deepEqual(left, NOTHING);
});

Deno.test("run: a failing test fails the run", async () => {
  const { code, printed, ...left } = await outcomeOf('throw new Error("wrong")');
  assert.equal(code, 1, printed);
  assert.match(printed, /FAILED \| 0 passed \| 1 failed/);
  assert.deepEqual(left, NOTHING);
});

Deno.test("run: a wrong type fails the run, and is named", async () => {
  const body = 'const wrong: number = "text";\nif (wrong) return;';
  const { code, printed, ...left } = await outcomeOf(body, { isChecked: true });
  assert.notEqual(code, 0, printed);
  assert.match(printed, /Type 'string' is not assignable to type 'number'/);
  assert.deepEqual(left, NOTHING);
});

Deno.test("run: a leftover folder fails the run, and is named and removed", async () => {
  const { code, printed, ...left } = await outcomeOf(
    'await Deno.makeTempDir({ prefix: "mine-" });',
  );
  assert.equal(code, 1, printed);
  assert.match(printed, /ok \| 1 passed/);
  assert.match(printed, /The tests left behind: \S+mine-/);
  assert.deepEqual(left, NOTHING);
});

Deno.test({
  name: "run: a leftover process fails the run, and is named and killed",
  ignore: !SEES_PROCESSES,
  async fn() {
    const body = 'new Deno.Command("sleep", { args: ["3600"] }).spawn().unref();';
    const { code, printed, ...left } = await outcomeOf(body);
    assert.equal(code, 1, printed);
    assert.match(printed, /The tests left behind: process \d+: \S*sleep 3600/);
    assert.deepEqual(left, NOTHING);
  },
});

/** Starts processes as the tests do, prints that, and runs until it is killed. */
const STARTS_PROCESSES = `
const { ServerProcess, writeLauncher } = await import("${SUPPORT}processes.ts");
const { HAS_TERMINAL, Terminal } = await import("${SUPPORT}terminal.ts");
const folder = await Deno.makeTempDir();
await ServerProcess.start(folder + "/one");
if (HAS_TERMINAL) {
  await writeLauncher(folder + "/bin");
  const env = { PATH: folder + "/bin:" + Deno.env.get("PATH"), ${NAME}: Deno.env.get("${NAME}") };
  const shell = await Terminal.start(["sh", "-i"], { cwd: folder, env });
  await shell.type("xfer server --listen 127.0.0.1:0\\n");
  await shell.shows(/Listening/);
}
await Deno.writeTextFile("started", "");
await new Promise((resolve) => setTimeout(resolve, ${SOON_MS}));`;

/** Runs a test that has started processes and keeps running, ends it with a signal, and returns the result. */
async function interrupt(signal: Deno.Signal) {
  await using folder = await TemporaryFolder.createOnDisk();
  await Deno.mkdir(folder.join("tmp"));
  const variable = { name: NAME, value: crypto.randomUUID() };
  using news = Deno.watchFs(folder.path, { recursive: false });
  const run = runTest(folder, STARTS_PROCESSES, { mark: variable.value }).spawn();
  const printed = Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text()]);
  const ended = run.status.then(() => news.close());
  for await (const { paths } of news) {
    if (!paths.some((path) => path.endsWith("started"))) continue;
    if (SEES_PROCESSES) {
      assert.ok(marked(variable).length >= 3, "run, tests and a server are there");
    }
    run.kill(signal);
    break;
  }
  await ended;
  const { code } = await run.status;
  const files = [...Deno.readDirSync(folder.join("tmp"))].map(({ name }) => name);
  return {
    code,
    printed: (await printed).join(""),
    files,
    processes: await lasting(variable, SOON_MS),
  };
}

Deno.test({
  name: "run: after SIGKILL, none of its processes remains",
  ignore: !TIES,
  async fn() {
    const { code, printed, processes } = await interrupt("SIGKILL");
    assert.equal(code, 137, printed);
    assert.deepEqual(processes, []);
  },
});

Deno.test({
  name: "run: Ctrl-C removes its processes and its folder for temporary files",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { code, printed, files, processes } = await interrupt("SIGINT");
    assert.equal(code, 130, printed);
    assert.deepEqual({ files, processes }, NOTHING);
  },
});

Deno.test({
  name: "run: closing the terminal ends its processes, including a server that ignores SIGHUP",
  ignore: !HAS_TERMINAL,
  async fn() {
    await using folder = await TemporaryFolder.createOnDisk();
    await writeLauncher(folder.join("bin"));
    const variable = { name: NAME, value: crypto.randomUUID() };
    const path = `${folder.join("bin")}:${Deno.env.get("PATH")}`;
    {
      const env = { PATH: path, [NAME]: variable.value };
      await using shell = await Terminal.start(["sh", "-i"], { cwd: folder.path, env });
      await shell.type("xfer server --listen 127.0.0.1:0\n");
      await shell.shows(/Listening/);
    }
    assert.deepEqual(marked(variable), []);
  },
});
