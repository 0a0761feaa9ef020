/** `--verbose`: protocol messages and stack traces, and never secrets. */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { eventsIn } from "../support/events.ts";
import { correctAnswers, ScriptedV3Server } from "../support/v3/scripted_server.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

interface Fixture {
  readonly folder: TemporaryFolder;
  readonly server: ServerProcess;
  readonly data: string;
}

async function withServer(
  args: readonly string[],
  body: (fixture: Fixture) => Promise<void>,
): Promise<void> {
  await using folder = await TemporaryFolder.createOnDisk();
  const data = folder.join("data");
  await using server = await ServerProcess.start(data, {
    args: ["--listen", "127.0.0.1:0", ...args],
  });
  await body({ folder, server, data });
}

async function prepare({ folder }: Fixture, name: string, line1: string): Promise<string> {
  const path = folder.join(name);
  await Deno.mkdir(path, { mode: 0o700 });
  await Deno.writeTextFile(`${path}/transfer.info`, `${line1}\nAlice\nhello.txt\n`);
  await Deno.writeTextFile(`${path}/hello.txt`, "the content\n");
  await Deno.writeFile(`${path}/large`, new Uint8Array(2_500_000));
  return path;
}

const traced = (stdout: string) =>
  eventsIn(stdout, "message").map(({ from, message, count }) =>
    `${from === "client" ? ">" : "<"} ${message}${count === 1 ? "" : ` ${count}`}`
  );

/** The secrets in files with keys, and in the arguments. */
async function secretsIn(folder: string): Promise<string[]> {
  const secrets = ["the content"];
  for (const name of ["me.key", "priv.key", "me.info"]) {
    const text = await Deno.readTextFile(`${folder}/${name}`).catch(() => "");
    secrets.push(...text.split(/\s+/).filter((word) => word.length > 40));
  }
  return secrets;
}

Deno.test("--verbose prints the messages of protocol 4 without their contents", () =>
  withServer(["--registration", "invite"], async (fixture) => {
    const { location } = await fixture.server.logged("server.listening-securely");
    const cwd = await prepare(fixture, "alice", `${location}`);
    const invited = await xfer(["server", "invite", "--data", fixture.data]);
    const token = invited.stdout.trim();
    const args = ["client", "put", "--invitation", token, "large", "hello.txt", "--json", "-v"];
    const { code, stdout, stderr } = await xfer(args, cwd);
    assert.equal(code, 0, stderr);
    assert.deepEqual(traced(stdout).filter((line) => line !== "< stored"), [
      "> hello",
      "< helloAnswer",
      "< challenge",
      "> register",
      "< welcome",
      ...["> stat", "> stat", "< error", "< error"],
      ...["> pack", "< packed"],
      "> put",
      "> chunk 3",
      "> end",
    ]);
    const chunk = eventsIn(stdout, "message").find(({ message }) => message === "chunk");
    assert.deepEqual([chunk?.["connection"], chunk?.["tag"], chunk?.["code"]], [2, 4, 40]);
    assert.equal(chunk?.["size"], 2_500_000 + 3 * 53, "with three headers");
    const secrets = [token, ...await secretsIn(cwd)];
    assert.ok(secrets.length >= 3, "the token, the content, a key");
    const again = await xfer(["client", "list", "-v"], cwd);
    assert.match(
      again.stderr,
      /^\d+\.\d{3} s {2}connection 1 {2}< challenge \(1\), tag 0, 43 bytes$/m,
    );
    for (const secret of secrets) {
      assert.ok(!(stdout + again.stdout + again.stderr).includes(secret), secret);
    }
  }));

Deno.test("--verbose: an unknown server gets one hello", () =>
  withServer([], async (fixture) => {
    await fixture.server.logged("server.listening-securely");
    const cwd = await prepare(fixture, "alice", `127.0.0.1:${fixture.server.port}`);
    const { code, stdout, stderr } = await xfer(["client", "--accept-new", "--json", "-v"], cwd);
    assert.equal(code, 0, stderr);
    assert.deepEqual(traced(stdout).slice(0, 4), [
      "> hello",
      "< helloAnswer",
      "< challenge",
      "> register",
    ]);
  }));

Deno.test("--verbose prints the messages of protocol 3 without their contents", () =>
  withServer([], async (fixture) => {
    const cwd = await prepare(fixture, "alice", `127.0.0.1:${fixture.server.port}`);
    const args = ["client", "--protocol", "3", "--edition", "auto", "-v", "--json"];
    const { code, stdout, stderr } = await xfer(args, cwd);
    assert.equal(code, 0, stderr);
    assert.deepEqual(traced(stdout), [
      "> reconnect",
      "< answer",
      "> register",
      "< registered",
      "> publicKey",
      "< keyReceived",
      "> sendFile",
      "< fileReceived",
      "> crcValid",
      "< messageReceived",
    ]);
    const codes = eventsIn(stdout, "message").map(({ code }) => code);
    assert.deepEqual(codes.slice(2), [1025, 2100, 1026, 2102, 1028, 2103, 1029, 2104]);
    const content = eventsIn(stdout, "message").find(({ message }) => message === "sendFile");
    assert.equal(content?.["size"], 282 + 16, "header, fields, and a block of ciphertext");
    const again = await xfer(["client", "--protocol", "3", "-v"], cwd);
    assert.match(
      again.stderr,
      /^\d+\.\d{3} s {2}connection 1 {2}> reconnect \(1027\), 278 bytes$/m,
    );
    const secrets = await secretsIn(cwd);
    assert.ok(secrets.length >= 3, "the content, and a key in two files");
    for (const secret of secrets) {
      assert.ok(!(stdout + again.stdout + again.stderr).includes(secret), secret);
    }
    const quiet = await xfer(["client", "--protocol", "3", "--json"], cwd);
    assert.deepEqual(traced(quiet.stdout), [], "without --verbose nothing is printed");
  }));

Deno.test("--verbose: messages before a lost connection are printed before the error", () =>
  withServer([], async (fixture) => {
    const cwd = await prepare(fixture, "alice", `127.0.0.1:${fixture.server.port}`);
    const args = ["client", "--protocol", "4", "list", "-v", "--json"];
    const { code, stdout } = await xfer(args, cwd);
    assert.equal(code, 3);
    assert.deepEqual(eventsIn(stdout).map(({ event }) => event), ["message", "message", "error"]);
  }));

Deno.test("--verbose prints the stack of an error", async () => {
  const args = ["server", "list", "--data", "none"];
  const short = await xfer(args);
  assert.doesNotMatch(short.stderr, /^ +at /m);
  const long = await xfer([...args, "--verbose"]);
  assert.equal(long.code, 3);
  assert.ok(long.stderr.startsWith(short.stderr));
  assert.match(long.stderr, /\nConfigurationError: .*\n +at /);
  const [error] = eventsIn((await xfer([...args, "--verbose", "--json"])).stdout);
  assert.match(`${error?.["stack"]}`, /^ConfigurationError: .*\n +at /);
});

Deno.test("--verbose, protocol 3: a server's zlib CRC-32 is reported as a matching checksum", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const content = "the content\n";
  await using server = new ScriptedV3Server(correctAnswers(crc32(content)));
  const { hostname, port } = server.address;
  await folder.write("transfer.info", `${hostname}:${port}\nAlice\nhello.txt\n`);
  await folder.write("hello.txt", content);
  const args = ["client", "--protocol", "3", "--verbose"];
  const { code, stderr } = await xfer(args, folder.path);
  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp(`agree: the server's is zlib's CRC-32, ${crc32(content)}`));
});
