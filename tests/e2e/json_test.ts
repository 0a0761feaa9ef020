/** The JSON output of every command: real processes, each line checked with the schema of its event. */
import assert from "node:assert/strict";
import { KEYS } from "../../cli/configuration/settings.ts";
import { commandsOf, makeProgram } from "../../cli/program.ts";
import { Run } from "../../cli/run.ts";
import { pathOf } from "../../cli/arguments/usage_error.ts";
import { HOOK_SECRET } from "../support/event_receiver.ts";
import { eventsIn, type Line } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { ServerProcess } from "../support/processes.ts";
import { HAS_TERMINAL, showXfer } from "../support/terminal.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

/** Runs until it is stopped. Its output is the log. */
const SERVES = "server";
/** Events that depend on timing. */
const OFTEN: ReadonlySet<string> = new Set(["progress", "comparing", "stored-folder"]);
/** Has no work of its own, only subcommands. */
const GROUPS = ["", "server users", "server hooks"];

Deno.test("--json: every command reports its work as events; errors also appear on standard error", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const data = folder.join("data");
  const admin = `unix:${folder.join("admin.sock")}`;
  const args = ["--listen", "127.0.0.1:0", "--inline-size", "0", "--admin-listen", admin];
  // Nobody accepts its events.
  const hooks = ["--hook-url", "http://127.0.0.1:1/", "--hook-events", "registered"];
  const env = { XFER_HOOK_SECRET: HOOK_SECRET };
  await using server = await ServerProcess.start(data, { args: [...args, ...hooks], env });
  const { location } = await server.logged("server.listening-securely");
  const prepare = async (name: string, line1: string, user: string) => {
    const path = folder.join(name);
    await Deno.mkdir(`${path}/photos`, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(`${path}/transfer.info`, `${line1}\n${user}\nhello.txt\n`);
    await Deno.writeTextFile(`${path}/hello.txt`, "hello\n");
    await Deno.writeTextFile(`${path}/photos/a`, "a");
    await Deno.mkdir(`${path}/photos/empty`);
    return path;
  };
  const alice = await prepare("Alice", `${location}`, "Alice");
  const laptop = await prepare("laptop", `${location}`, "Alice");
  const bob = await prepare("Bob", `127.0.0.1:${server.port}`, "Bob");

  const run = new Set<string>();
  /** Runs a command, given by its name and its arguments, and returns its events. */
  const say = async (
    cwd: string,
    command: string,
    args: readonly string[],
    expected: string,
    code = 0,
  ): Promise<Line[]> => {
    run.add(command);
    const where = command.startsWith("server") ? ["--data", data] : [];
    const ended = await xfer([...command.split(" "), ...args, ...where, "--json"], cwd);
    assert.equal(ended.code, code, ended.stderr);
    const lines = eventsIn(ended.stdout);
    const names = lines.map(({ event }) => `${event}`).filter((event) => !OFTEN.has(event));
    assert.deepEqual(names, expected.split(" "), command);
    const hasFailed = lines.some(({ event }) => event === "error");
    if (hasFailed) assert.ok(ended.stderr !== "", "people see errors, too");
    return lines;
  };
  const client = (...[command, ...rest]: [string, string[], string, number?]) =>
    say(alice, `client${command === "" ? "" : " "}${command}`, ...rest);
  const operate = (...[command, ...rest]: [string, string[], string, number?]) =>
    say(alice, `server ${command}`, ...rest);

  // The client, protocol 4.
  const place = ["--transfer-info", "new.info"];
  const said = ["--server", `127.0.0.1:${server.port}`, "--name", "Alice", "--accept-new"];
  const [, written] = await client(
    "init",
    [...place, ...said, "--file", "x"],
    "missing-file written",
  );
  assert.equal(written?.["location"], location);
  await client("init", [...place, ...said], "error", 2);
  await client(
    "init",
    [...place, "--force", "--server", "127.0.0.1:1", "--name", "B"],
    "error not-written",
    4,
  );
  await client("status", [], "transfer-info no-identity answering");
  const first = await client("", [], "connected registered planned sending stored summary");
  assert.deepEqual(
    first.filter(({ event }) => event === "stored"),
    [{
      ...{ event: "stored", name: "hello.txt", path: "hello.txt", kind: "file", size: 6 },
      ...{ cksum: 3015617425, version: 1 },
      ...{ user: "Alice", server: `127.0.0.1:${server.port}` },
    }],
  );
  const storing = "connected planned sending stored summary";
  await client("put", ["photos"], storing);
  const again = await client(
    "put",
    ["photos"],
    "connected unchanged unchanged unchanged planned summary",
  );
  const unchanged = again.find(({ name }) => name === "photos/a");
  assert.deepEqual(unchanged, {
    ...{ event: "unchanged", name: "photos/a", path: "photos/a", updated: false },
  });
  await client("put", ["hello.txt"], "connected unchanged planned summary");
  await client("put", ["none"], "planned error not-stored summary", 7);
  await client("list", [], "connected file file");
  const [, file] = await client("stat", ["hello.txt"], "connected file-details");
  assert.deepEqual([file?.["name"], file?.["size"], file?.["version"]], ["hello.txt", 6, 1]);
  await client("versions", ["hello.txt"], "connected version");
  await client("get", ["hello.txt", "-o", "back"], "connected planned getting got summary");
  await client("get", ["hello.txt"], "connected planned already-there summary");
  await client("get", ["none"], "connected error not-got summary", 5);
  await client("rename", ["hello.txt", "b"], "connected renamed");
  await client("remove", ["b", "none"], "connected removed error not-removed summary", 9);
  await client("restore", ["b", "none"], "connected restored error not-restored summary", 9);
  const status = await client(
    "status",
    [],
    "transfer-info identity last-stored last-stored connected answering usage",
  );
  assert.deepEqual(status.map(({ user }) => user).filter((user) => user !== "Alice"), [
    undefined,
    undefined,
  ]);
  const [, linking] = await client("link", [], "connected token");
  await say(laptop, "client link", [`${linking?.["token"]}`], "connected linked");

  // The client, protocol 3.
  const events3 =
    "plain-protocol planned connected request registered request key-received sending " +
    "compared stored summary";
  const claiming = "connected claimed planned sending stored summary";
  await say(bob, "client", ["--protocol", "3"], events3);
  await Deno.writeTextFile(`${bob}/hello.txt`, "other\n");
  await say(bob, "client put", ["--protocol", "4", "--accept-new", "hello.txt"], claiming);
  await say(bob, "client forget", [`127.0.0.1:${server.port}`], "forgot");
  await say(bob, "client forget", [`127.0.0.1:${server.port}`], "error", 3);

  // The operator.
  await operate("users list", [], "user user");
  const stored = "client client-file client-file client-file client-file client client-file " +
    "client-file";
  const clients = await operate("list", [], stored);
  assert.deepEqual(clients.map(({ name }) => name), [
    ...["Alice", "b", "photos", "photos/a", "photos/empty", "Bob", "hello.txt", "hello.txt"],
  ]);
  const imported = folder.join("imported");
  await Deno.writeTextFile(imported, "imported");
  await operate("import", ["Bob", imported], "imported summary");
  await operate(
    "import",
    ["Bob", imported, folder.join("none")],
    "unchanged error not-stored summary",
    9,
  );
  await operate("usage", ["--top", "1"], "account-usage account-usage large-file");
  await operate("export", ["Bob", "hello.txt", folder.join("exported")], "exported");
  await operate("users disable", ["Bob"], "user-disabled");
  await operate("users enable", ["Bob"], "user-enabled");
  await operate("users rename", ["Bob", "Bobby"], "user-renamed");
  await operate("users set-quota", ["Bobby", "--size", "none"], "quota-set");
  const [key] = await operate("users keys", ["Alice"], "key key");
  await operate("users keys", ["Alice", "--remove", `${key?.["fingerprint"]}`], "key-removed");
  await operate("users set", ["Bobby", "--read-only"], "access-set");
  await operate("users link", ["Bobby"], "token");
  await operate("users remove", ["Bobby"], "error", 2);
  await operate("users remove", ["Bobby", "--yes"], "user-removed");
  await operate("invite", ["--uses", "3"], "token");
  await operate("invite list", [], "invitation");
  await operate("invite revoke", ["--all"], "withdrawn");
  await operate("verify", [], "verified");
  await operate("backup", [folder.join("backup")], "copied");
  await operate("backup", [folder.join("backup"), "--keep", "1"], "copied state-removed");
  await operate("backup", [folder.join("backup"), "--list"], "state");
  await operate(
    "list",
    ["Alice", "--backup", folder.join("backup")],
    "client client-file client-file client-file client-file",
  );
  await operate("verify", ["--backup", folder.join("backup")], "verified");
  await say(alice, "server restore", [folder.join("backup")], "error", 3);
  await say(alice, "server migrate", ["--to", folder.join("moved")], "error", 2);
  const listed = await operate(
    "list",
    [],
    "client client-file client-file client-file client-file",
  );
  const damaged = listed.find(({ name }) => name === "photos/a");
  await Deno.writeTextFile(`${data}/${damaged?.["path"]}`, "b");
  await operate("verify", [], "finding verified", 6);

  const configuration = folder.join("server.toml");
  await Deno.writeTextFile(configuration, `admin-listen = ${JSON.stringify(admin)}\n`);
  const checks = "health-check health-check health-check health-check health-check";
  await operate("health", ["--config", configuration], checks);
  await operate("admin-link", [], "admin-link");
  await operate("status", [], "server-status");
  await operate("check", [], "check-status", 6);
  await operate("check", ["--start"], "check-started");
  await operate("hooks list", [], "hook hook");
  await operate("hooks retry", ["--all"], "hooks-retried");
  await operate("hooks drop", ["--dead"], "hooks-dropped");
  {
    using _open = await Deno.connect({ hostname: "127.0.0.1", port: Number(server.port) });
    const [session] = await operate("sessions", [], "session");
    await operate("sessions", ["--end", `${session?.["id"]}`], "session-ended");
  }

  // The operator's settings.
  await operate("init", [folder.join("new.toml")], "settings-written");
  await operate("init", [folder.join("new.toml")], "error", 2);
  const settings = await operate("config", [], KEYS.map(() => "setting").join(" "));
  assert.deepEqual(settings.map(({ key }) => key), KEYS);
  assert.deepEqual(settings.filter(({ key }) => key === "data" || key === "edition"), [
    {
      ...{ event: "setting", key: "data", value: data, source: "option", where: "--data" },
      line: `data = ${JSON.stringify(data)}`,
    },
    {
      ...{ event: "setting", key: "edition", value: "2023c,2023a,2022,2024", source: "default" },
      line: 'edition = ["2023c", "2023a", "2022", "2024"]',
    },
  ]);
  const [exampleFile] = await operate("config", ["--example"], "example-file");
  assert.match(`${exampleFile?.["text"]}`, /\n#quota = "none"\n/);

  // Commands of neither.
  run.add("help").add("completions");
  const [script] = eventsIn((await xfer(["completions", "fish", "--json"])).stdout);
  assert.match(`${script?.["script"]}`, /^# /);
  const [help] = eventsIn((await xfer(["help", "client", "put", "--json"])).stdout);
  assert.match(`${help?.["text"]}`, /^Usage: xfer client put /m);

  const tree = await makeProgram(new Run());
  const all = [...commandsOf(tree)].map((command) => pathOf(command).replace(/^xfer ?/, ""));
  const left = all.filter((name) => !run.has(name) && !GROUPS.includes(name) && name !== SERVES);
  assert.deepEqual(left, [], "every command was run");
});

Deno.test("--json can stand before or after the names of commands; mistakes are events, too", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const run = (...args: string[]) => xfer(args, folder.path);
  for (
    const args of [
      ["--json", "client", "list"],
      ["client", "--json", "list"],
      ["client", "list", "--json"],
    ]
  ) {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 3);
    assert.deepEqual(eventsIn(stdout).map(({ code }) => code), ["no-transfer-info"]);
    assert.match(stderr, /\[no-transfer-info\]/);
  }
  for (
    const args of [
      ["client", "put", "--parallel", "many", "--json"],
      ["clint", "--json"],
      ["server", "list", "--json", "--bogus"],
    ]
  ) {
    const { code, stdout } = await run(...args);
    assert.equal(code, 2);
    assert.deepEqual(eventsIn(stdout).map(({ class: kind }) => kind), ["usage"], args.join(" "));
  }
  const after = await run("client", "put", "--", "--json");
  assert.equal(after.stdout, "", "the name of a file");
});

Deno.test("--quiet, --color and NO_COLOR with real processes", async () => {
  const run = (...args: string[]) => xfer(["server", "verify", "--data", "none", ...args]);
  assert.match((await run("--quiet")).stderr, /^xfer: .*\[no-data-folder\]\n/);
  assert.deepEqual((await run("-q", "--json")).stderr, "");
  // deno-lint-ignore no-control-regex
  assert.match((await run("--color", "always")).stderr, /^\x1b\[31mxfer:\x1b\[39m /);
  assert.match(
    (await run("--color", "sometimes")).stderr,
    /invalid value "sometimes" for --color: expected one of auto, always/,
  );
});

Deno.test({
  name: "colors: on a terminal, unless it has none",
  ignore: !HAS_TERMINAL,
  async fn() {
    const args = ["server", "verify", "--data", "/none"];
    const shownAs = async (env: Record<string, string>, ...more: string[]) =>
      (await showXfer([...args, ...more], { env })).written.includes("\x1b[31m");
    assert.equal(await shownAs({}), true);
    assert.equal(await shownAs({ NO_COLOR: "1" }), false);
    assert.equal(await shownAs({ TERM: "dumb" }), false);
    assert.equal(await shownAs({ TERM: "dumb" }, "--color", "always"), true);
  },
});
