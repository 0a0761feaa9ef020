/** The server's settings from options, environment and file, and changes by SIGHUP: real processes. */
import assert from "node:assert/strict";
import { readEntries } from "../../cli/configuration/toml.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { CommandHost } from "../support/command_host.ts";
import { xfer } from "../support/hosted_xfer.ts";
import {
  type LogLine,
  ServerProcess,
  startXfer,
  writeTransferInfo,
  xfer as runAlone,
} from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const SIZE = 10_000;

/** The settings and their sources, as `xfer server config` prints them. */
async function settled(
  folder: TemporaryFolder,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<{ values: ReadonlyMap<string, unknown>; sources: ReadonlyMap<string, string> }> {
  const run = env === undefined ? xfer : runAlone;
  const { code, stdout, stderr } = await run(["server", "config", ...args], folder.path, env);
  assert.deepEqual([code, stderr], [0, ""]);
  const entries = readEntries(stdout);
  const lines = stdout.split("\n");
  return {
    values: new Map(entries.map(({ key, value }) => [key, value])),
    sources: new Map(
      entries.map(({ key, line }) => [key, lines[line - 1]?.split(/ # /).at(-1) ?? ""]),
    ),
  };
}

Deno.test("server config: prints the effective settings and their sources, as a file with the same settings", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await folder.write("port.info", "4000\n");
  const file = await folder.write(
    "a file.toml",
    '# mine\nquota = 1\nmax-parked = 2\n\ngrace = "5s"\nedition = [\n  "2024",\n  "2022",\n]\n',
  );
  const env = { XFER_CONFIG: file, XFER_MAX_PARKED: "3", XFER_GRACE: "6s", XFER_DATA: "" };
  const { values, sources } = await settled(folder, ["--grace", "7s"], env);
  const shown = (key: string) => [values.get(key), sources.get(key)];
  assert.deepEqual(shown("grace"), ["7s", "--grace"]);
  assert.deepEqual(shown("max-parked"), [3, "XFER_MAX_PARKED"]);
  assert.deepEqual(shown("quota"), [1, `${file} line 2`]);
  assert.deepEqual(shown("edition"), [["2024", "2022"], `${file} line 6`]);
  assert.deepEqual(shown("listen"), [["0.0.0.0:4000"], "port.info"]);
  assert.deepEqual(shown("data"), ["./xfer-data", "default"]);

  const printed = await runAlone(["server", "--grace", "7s", "config"], folder.path, env);
  await folder.write("printed.toml", printed.stdout);
  const again = await settled(folder, ["--config", "printed.toml"]);
  assert.deepEqual(again.values, values);
  assert.match(again.sources.get("listen") ?? "", /^printed\.toml line 2$/);
});

Deno.test("server config --example: prints the file in packaging/, whatever the settings are", async () => {
  const shipped = await Deno.readTextFile(
    new URL("../../packaging/server.toml", import.meta.url),
  );
  const args = ["server", "config", "--example"];
  const { code, stdout } = await runAlone(args, undefined, { XFER_CONFIG: "/nowhere" });
  assert.deepEqual([code, stdout], [0, shipped]);
});

Deno.test("configuration: an invalid file or variable ends every command that reads it with code 3", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await folder.write("bad.toml", "\nquotta = 1\n");
  await using odd = new CommandHost({ ...Deno.env.toObject(), XFER_REGISTRATION: "invit" });
  for (const below of [[], ["config"], ["list"], ["users", "list"], ["invite"]]) {
    const bad = await xfer(["server", ...below, "--config", "bad.toml"], folder.path);
    assert.equal(bad.code, 3);
    assert.equal(
      bad.stderr,
      'xfer: bad.toml line 2: unknown setting "quotta" [unknown-setting]\n' +
        "      Did you mean 'quota'?\n",
    );
    const { code, stderr, stdout } = await odd.run(["server", ...below], folder.path);
    assert.deepEqual([code, stdout], [3, ""]);
    assert.match(
      stderr,
      /^xfer: XFER_REGISTRATION: invalid value "invit": expected one of open, invite, closed \[bad-setting\]\n/,
    );
  }
  const usage = await xfer(["server", "--quota", "much"], folder.path);
  assert.equal(usage.code, 2, usage.stderr);
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["bad.toml"]);
});

Deno.test("configuration: the server and the commands for its data use environment and file", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const data = folder.join("data");
  await folder.write("server.toml", `data = ${JSON.stringify(data)}\nregistration = "closed"\n`);
  await using server = await ServerProcess.start(data, {
    args: ["--config", folder.join("server.toml")],
    env: { XFER_LISTEN: "127.0.0.1:0 127.0.0.1:0=2024early", XFER_REGISTRATION: "open" },
    listeners: 2,
  });
  const listening = server.log.filter(({ event }) => event === "server.listening");
  assert.equal(listening[1]?.["editions"], "2024early");
  const alice = await client(folder, "Alice", server.port);
  assert.equal(
    (await xfer(["client", "--accept-new"], alice)).code,
    0,
    "the variable takes precedence over the file",
  );
  for (
    const [args, env] of [
      [["--config", "server.toml"], {}],
      [[], { XFER_CONFIG: "server.toml" }],
      [[], { XFER_DATA: data }],
    ] as const
  ) {
    const list = ["server", "users", "list", ...args];
    const { code, stdout } = await runAlone(list, folder.path, env);
    assert.equal(code, 0);
    assert.match(stdout, /^Alice\b/);
  }
});

Deno.test({
  name: "SIGHUP: a new limit and registration are effective; an invalid file changes nothing",
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const write = (text: string) => folder.write("server.toml", text);
  const file = await write(`max-file-size = "1KiB"\n`);
  await using server = await ServerProcess.start(folder.join("data"), {
    args: ["--listen", "127.0.0.1:0", "--config", file],
  });
  const hangUp = async (event: string): Promise<LogLine> => {
    const before = server.log.length;
    Deno.kill(server.pid, "SIGHUP");
    return await server.logged(event, before);
  };
  const alice = await client(folder, "Alice", server.port);
  const put = async (name: string) => {
    await Deno.writeFile(`${alice}/${name}`, pseudoRandomBytes(SIZE));
    return await xfer(["client", "--accept-new", "put", name], alice);
  };
  const refused = await put("a");
  assert.equal(refused.code, 5);
  assert.match(refused.stderr, /\[over-limit\]/);

  await write(
    `max-file-size = "1MiB"\nregistration = "closed"\nlog-format = "human"\ndata = "/x"\n`,
  );
  const { changes, settings } = await hangUp("server.reloaded");
  assert.equal(changes, "registration closed (was open), max-file-size 1MiB (was 1KiB)");
  assert.deepEqual(settings, ["registration", "max-file-size"]);
  assert.equal((await put("a")).code, 0);
  const bob = await client(folder, "Bob", server.port);
  const closed = await xfer(["client", "--accept-new"], bob);
  assert.equal(closed.code, 5);
  assert.match(closed.stderr, /\[registration-closed\]/);

  await write("max-file-size = 5\nquotta = 1\n");
  const { reason } = await hangUp("server.not-reloaded");
  assert.match(
    `${reason}`,
    /server\.toml line 2: .*"quotta" \[unknown-setting\] Did you mean 'quota'\?/,
  );
  assert.equal((await put("b")).code, 0);

  await Deno.remove(file);
  assert.match(
    `${(await hangUp("server.not-reloaded"))["reason"]}`,
    /no such file \[bad-config\]/,
  );
  assert.equal((await put("c")).code, 0);

  await write(`listen = "127.0.0.1:1"\nedition = "2024"\n`);
  const later = await hangUp("server.restart-needed");
  assert.deepEqual(
    later["settings"],
    ["edition"],
    "an option still takes precedence over the file",
  );
  assert.equal(
    (await xfer(["client", "--accept-new"], bob)).code,
    0,
    "a setting missing in the file has its default",
  );
  assert.equal((await server.stop()).code, 0);
});

/** The folder of a client, with a small file to send. */
async function client(folder: TemporaryFolder, userName: string, port: number): Promise<string> {
  const path = folder.join(userName);
  await Deno.mkdir(path, { mode: 0o700 });
  await folder.write(`${userName}/hello.txt`, `I am ${userName}`);
  await writeTransferInfo(path, { port, userName, file: "hello.txt" });
  return path;
}

Deno.test({
  name: "SIGHUP while the server starts does not end it: it reloads after the start",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TemporaryFolder.createOnDisk();
    using watcher = Deno.watchFs(folder.path);
    await using server = startXfer(
      ["server", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--data", "data"],
      folder.path,
    );
    // The server creates its folder first.
    for await (const { kind } of watcher) if (kind === "create") break;
    server.kill("SIGHUP");
    await server.printed(/Certificate and key are unchanged/);
  },
});
