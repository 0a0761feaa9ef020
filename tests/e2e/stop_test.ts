/** The end of a server process, and the limits on its command line. */
import assert from "node:assert/strict";
import { cksum } from "../../protocol/crc/cksum.ts";
import { formatQuantity, parseQuantity } from "../../cli/arguments/quantities.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { encrypt, kindOf, RawClient } from "../support/v3/raw_client.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { CLIENT_3, command, ServerProcess, writeTransferInfo } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const content = pseudoRandomBytes(100_000);
const address = ({ port }: ServerProcess) => ({ hostname: "127.0.0.1", port });

/**
 * Sends half of a file, and waits until the server has started it. Returns a function that sends the rest and has it
 * stored.
 */
async function halfSent(peer: RawClient, folder: TemporaryFolder): Promise<() => Promise<void>> {
  await peer.enrol("Alice");
  const ciphertext = await encrypt(content, peer.aesKey ?? assert.fail());
  await peer.write(peer.fileHead("a", ciphertext.length));
  await peer.write(ciphertext.subarray(0, 50_000));
  while ([...Deno.readDirSync(folder.join("data", "staging"))].length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return async () => {
    await peer.write(ciphertext.subarray(50_000));
    const received = await peer.receive();
    assert.ok(received !== "closed" && received.kind === "fileReceived");
    assert.equal(received.crc, cksum(content));
    assert.equal(kindOf(await peer.judge("crcValid", "a")), "messageReceived");
    assert.equal(await peer.receive(), "closed");
  };
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test({
    name:
      `stop: on ${signal} no client is accepted, idle peers are disconnected, a file in progress is stored, exit code 0`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using folder = await TemporaryFolder.createOnDisk();
      await using server = await ServerProcess.start(folder.join("data"));
      using idle = await RawClient.connect(address(server));
      assert.equal(kindOf(await idle.register("Idle")), "registered");
      using peer = await RawClient.connect(address(server));
      const finish = await halfSent(peer, folder);
      const stopped = server.stop(signal);
      assert.equal(await idle.receive(), "closed");
      await assert.rejects(RawClient.connect(address(server)));
      await finish();
      assert.equal((await stopped).code, 0);
      const { stdout } = await xfer(["server", "list", "--data", folder.join("data")]);
      assert.match(stdout, /^97\.6 KiB {2}\S+ {2}a$/m);
    },
  });
}

Deno.test({
  name: "stop: a file that takes longer than --grace is dropped",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TemporaryFolder.createOnDisk();
    await using server = await ServerProcess.start(folder.join("data"), {
      args: ["--listen", "127.0.0.1:0", "--grace", "100ms"],
    });
    using peer = await RawClient.connect(address(server));
    await halfSent(peer, folder);
    assert.equal((await server.stop("SIGTERM")).code, 0);
    assert.equal(await peer.receive(), "closed");
    assert.deepEqual([...Deno.readDirSync(folder.join("data", "staging"))], []);
  },
});

Deno.test({
  name: "stop: a second signal ends the server at once, with the signal's exit code",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TemporaryFolder.createOnDisk();
    await using server = await ServerProcess.start(folder.join("data"));
    using idle = await RawClient.connect(address(server));
    await idle.register("Idle");
    using peer = await RawClient.connect(address(server));
    await halfSent(peer, folder);
    const first = server.stop("SIGTERM");
    assert.equal(await idle.receive(), "closed", "the first signal has arrived");
    assert.equal((await server.stop("SIGTERM")).code, 143);
    await first;
    const said = server.log.filter(({ event }) => /^server\.(s|e)/.test(`${event}`));
    assert.deepEqual(said.map(({ event }) => event), [
      ...["server.signal", "server.stopping", "server.ended"],
    ]);
    assert.equal(said[1]?.["connections"], 2);
    assert.ok(Date.parse(`${said[1]?.["until"]}`) > 0);
    assert.match(`${said[0]?.["message"]}`, /a second signal stops the server at once/);
  },
});

Deno.test("limits: they are options; beyond one the client gets an error, and the log names it", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using server = await ServerProcess.start(folder.join("data"), {
    args: ["--listen", "127.0.0.1:0", "--max-file-size", "64KiB"],
  });
  await folder.write("a", content);
  await folder.write("transfer.info", `127.0.0.1:${server.port}\nAlice\na\n`);
  const { code, stderr } = await xfer(CLIENT_3, folder.path);
  assert.equal(code, 5, stderr);
  assert.match(stderr, /general-error/);
  await server.stop();
  assert.ok(
    server.log.some(({ event, name }) => event === "limit.reached" && name === "maxFileSize"),
  );
});

Deno.test("limits: invalid values are refused with the expected form", async () => {
  for (
    const [option, value, expected] of [
      ["--idle-timeout", "5", "a time such as"],
      ["--idle-timeout", "999999h", "a time such as"],
      ["--quota", "-1", "a size such as"],
      ["--quota", "10XB", "a size such as"],
      ["--max-connections", "many", "a number such as"],
      ["--min-rate", "none", "bytes per second"],
    ] as const
  ) {
    const { code, stderr } = await xfer(["server", `${option}=${value}`]);
    assert.equal(code, 2, stderr);
    assert.ok(stderr.includes(expected), stderr);
  }
});

Deno.test("limits: quantities can be written with units", () => {
  for (
    const [text, unit, value] of [
      ["500ms", "time", 500],
      ["90s", "time", 90_000],
      ["2h", "time", 7_200_000],
      ["64KiB", "size", 65_536],
      ["1GiB", "size", 2 ** 30],
      ["4096", "count", 4096],
      ["none", "count", Infinity],
    ] as const
  ) {
    assert.equal(parseQuantity(text, unit), value);
    assert.equal(formatQuantity(value, unit), text);
  }
  assert.equal(parseQuantity("10MB", "size"), 10_000_000);
});

Deno.test("stop: a waiting command is ended by a signal, with the signal's exit code", async () => {
  if (Deno.build.os === "windows") return;
  await using folder = await TemporaryFolder.createOnDisk();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await writeTransferInfo(folder.path, { port: silent.addr.port });
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const client = command(["client", "list", "--json"], {
      ...{ cwd: folder.path, stdin: "null", stdout: "null", stderr: "null" },
    }).spawn();
    using _connection = await silent.accept();
    client.kill(signal);
    assert.equal((await client.status).code, code);
  }
});
