/**
 * Clients of all editions and several quirks at once, with one server. All are real processes, except those with
 * quirks.
 */
import assert from "node:assert/strict";
import { cksum } from "../../protocol/crc/cksum.ts";
import { edition2024early } from "../../protocol/v3/editions/edition_2024early.ts";
import { EDITIONS } from "../../protocol/v3/editions/mod.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { OBSERVED_PROFILES } from "../support/v3/observed_profiles.ts";
import { Emulator } from "../support/v3/emulated_client.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { CLIENT_3, ServerProcess, startXfer, writeTransferInfo } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const LISTEN = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0=2024early"];

Deno.test("editions: all editions and quirks at once, in one catalog", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const data = folder.join("data");
  await using server = await ServerProcess.start(data, { args: LISTEN, listeners: 2 });
  const [port = 0, earlyPort = 0] = server.ports;
  const content = (name: string) => pseudoRandomBytes(120_000 + name.length, name.length + 1);
  const names: string[] = [];

  const processes = EDITIONS.map(async (edition) => {
    const userName = `Client${edition.name}`;
    names.push(userName);
    const cwd = folder.join(userName);
    await Deno.mkdir(cwd);
    await folder.write(`${userName}/file.bin`, content(userName));
    const isEarly = edition === edition2024early;
    await writeTransferInfo(cwd, { port: isEarly ? earlyPort : port, userName, file: "file.bin" });
    await using running = startXfer([...CLIENT_3, "--edition", edition.name], cwd);
    const first = await running.end();
    assert.equal(first.code, 0, first.stderr);
    const second = await xfer(CLIENT_3, cwd);
    assert.equal(second.code, 0, second.stderr);
    assert.doesNotMatch(second.stderr, /Registering/, "the edition is remembered");
  });
  const emulators = Object.entries(OBSERVED_PROFILES).map(async ([name, profile]) => {
    const userName = `Peer${name.replace("-", "")}`;
    names.push(userName);
    const isEarly = profile.edition === edition2024early;
    const address = { hostname: "127.0.0.1", port: isEarly ? earlyPort : port };
    using client = new Emulator(address, profile);
    await client.register(userName);
    await client.store("file.bin", content(userName));
  });
  await Promise.all([...processes, ...emulators]);

  const { stdout, code } = await xfer(["server", "list", "--data", data]);
  assert.equal(code, 0);
  for (const name of names) {
    const target = folder.join(`out-${name}`);
    const { code, stderr } = await xfer([
      "server",
      "export",
      name,
      "file.bin",
      target,
      "--data",
      data,
    ]);
    assert.equal(code, 0, stderr);
    assert.equal(cksum(await Deno.readFile(target)), cksum(content(name)), name);
    assert.match(stdout, new RegExp(`^${name}: .* \\(edition 20`, "m"));
  }
});

Deno.test("editions: --edition auto reports what it detected; a server serves only its configured editions", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using server = await ServerProcess.start(folder.join("data"), {
    args: ["--listen", "127.0.0.1:0", "--edition", "2024"],
  });
  await folder.write("a", "content");
  await writeTransferInfo(folder.path, { port: server.port, file: "a" });
  const wrong = await xfer([...CLIENT_3, "--edition", "2023c"], folder.path);
  assert.equal(wrong.code, 8, wrong.stderr);
  assert.match(wrong.stderr, /unknown-code|2023c/);
  const { code, stderr } = await xfer([...CLIENT_3, "--edition", "auto"], folder.path);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^The server uses edition 2024 of protocol 3$/m);
  const bad = await xfer(["server", "--edition", "2024,2031"], folder.path);
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /expected one or more of 2023c, 2023a, 2022, 2024, 2024early/);
});

Deno.test("editions: a peer's name of a file is escaped in log and list", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using server = await ServerProcess.start(folder.join("data"));
  const profile = OBSERVED_PROFILES["2023c"] ?? assert.fail();
  using client = new Emulator({ hostname: "127.0.0.1", port: server.port }, profile);
  await client.register("Alice");
  await assert.rejects(client.store("\x1b[2Jevil\u202Etxt", pseudoRandomBytes(10)));
  const refused = await server.logged("file.refused");
  assert.equal(refused["file"], "\\u{1b}[2Jevil\\u{202e}txt");
  using other = new Emulator({ hostname: "127.0.0.1", port: server.port }, profile);
  await other.register("Bob");
  await other.store("zero\u200Bwidth", pseudoRandomBytes(10));
  const { stdout } = await xfer(["server", "list", "--data", folder.join("data")]);
  assert.match(stdout, /zero\\u\{200b\}width/);
});
