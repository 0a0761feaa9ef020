/** The server's identity and the protocol with real processes: actions and output for operators and users. */
import assert from "node:assert/strict";
import { serveHere } from "../support/e2e/served_here.ts";
import { Authority } from "../support/tls/certificate_authority.ts";
import { xfer } from "../support/hosted_xfer.ts";
import {
  CLIENT_3,
  ServerProcess,
  writeTransferInfo,
  xfer as runAlone,
} from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

async function prepare(folder: TemporaryFolder, name: string, line1: string): Promise<string> {
  const path = folder.join(name);
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(`${path}/transfer.info`, `${line1}\n${name}\nhello.txt\n`);
  await Deno.writeTextFile(`${path}/hello.txt`, "hello\n");
  return path;
}

Deno.test("protocol: one address is enough: protocol 4 if the server has it, otherwise protocol 3 with a warning", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using both = await serveHere(folder.join("both"));
  await using published = await ServerProcess.start(folder.join("published"), {
    args: ["--listen", "127.0.0.1:0", "--tls-listen", "none"],
  });
  const alice = await prepare(folder, "Alice", `127.0.0.1:${both.port}`);
  const unasked = await xfer(["client"], alice);
  assert.equal(unasked.code, 3);
  assert.match(unasked.stderr, /\[server-not-trusted\][^]*--accept-new/);
  assert.doesNotMatch(unasked.stderr, /--protocol 3/, "no hint weakens security");
  const stored = await xfer(["client", "--accept-new"], alice);
  assert.equal(stored.code, 0, stored.stderr);
  assert.match(stored.stderr, /^Added \S+ to known_servers \(server key SHA256:/m);
  assert.equal((await xfer(["client"], alice)).code, 0);

  const bob = await prepare(folder, "Bob", `127.0.0.1:${published.port}`);
  const sent = await xfer(["client"], bob);
  assert.equal(sent.code, 0, sent.stderr);
  assert.match(
    sent.stderr,
    /^Warning: .*did not offer protocol 4; using protocol 3\. Anyone on the network path/,
  );
  assert.ok((await Deno.stat(`${bob}/me.info`)).isFile);
  const listed = await xfer(["client", "--retries", "0", "list", "--accept-new"], bob);
  assert.equal(listed.code, 4);
  assert.match(listed.stderr, /protocol 4, which this command requires: .* \[no-hello\]$/m);
  // The advice works there.
  const named = await xfer(["client", "put", "hello.txt", "--as", "x"], bob);
  assert.equal(named.code, 2);
  assert.match(
    named.stderr,
    /\[protocol-4-only\]\n.*did not offer protocol 4\./,
  );
  for (const asked of [["--protocol", "3"], ["--edition", "2023c"]]) {
    const other = await xfer(["client", ...asked, "put", "hello.txt", "--as", "x"], bob);
    assert.match(other.stderr, new RegExp(`\\[protocol-4-only\\]\n.*Omit ${asked[0]}`));
  }
  const edition = await xfer(["client", "--edition", "2023c", "list"], bob);
  assert.match(edition.stderr, /\[protocol-3-only\]\n.*Omit them\.$/m);
});

Deno.test("protocol: the fallback to protocol 3 is never silent: --quiet and --json keep its warning on standard error", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using published = await ServerProcess.start(folder.join("published"), {
    args: ["--listen", "127.0.0.1:0", "--tls-listen", "none"],
  });
  const alice = await prepare(folder, "Alice", `127.0.0.1:${published.port}`);
  const warning = /^Warning: [^\n]*using protocol 3\. Anyone on the network path[^\n]*\n$/;
  for (const quiet of [["-q"], ["--json", "--quiet"]]) {
    const { code, stderr } = await xfer(["client", ...quiet], alice);
    assert.equal(code, 0, stderr);
    assert.match(stderr, warning, quiet.join(" "));
  }
});

Deno.test("protocol: after --protocol 3, plain runs use it again, with a warning; --protocol 4 ends that for good", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using server = await serveHere(folder.join("data"));
  const alice = await prepare(folder, "Alice", `127.0.0.1:${server.port}`);
  const asked = await xfer(CLIENT_3, alice);
  assert.equal(asked.code, 0, asked.stderr);
  const again = await xfer(["client", "-q"], alice);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /^Uploaded hello\.txt /);
  assert.match(
    again.stderr,
    /^Warning: using protocol 3 with \S+, as before\. [^\n]*--protocol 4\.\n/,
  );
  const status = await xfer(["client", "status"], alice);
  assert.match(status.stdout, /known server +127\.0\.0\.1:\d+, protocol 3/);
  const over = await xfer(["client", "--protocol", "4", "--accept-new"], alice);
  assert.equal(over.code, 0, over.stderr);
  const since = await xfer(["client"], alice);
  assert.equal(since.code, 0, since.stderr);
  assert.doesNotMatch(since.stderr, /rotocol 3/);
});

Deno.test("known server: protocol 3 is warned of; another server in its place is refused until 'forget'", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using first = await ServerProcess.start(folder.join("first"));
  const { location } = await first.logged("server.listening-securely");
  const fingerprint = `${location}`.split("#")[1] ?? "";
  const alice = await prepare(folder, "Alice", `127.0.0.1:${first.port}`);
  assert.equal((await xfer(["client", "--accept-new"], alice)).code, 0);
  await writeTransferInfo(alice, { port: first.port, userName: "Alice3", file: "hello.txt" });
  const down = await xfer(CLIENT_3, alice);
  assert.equal(down.code, 0, down.stderr);
  assert.ok(
    down.stderr.includes(`Protocol 3 does not check the server key ${fingerprint}`),
    down.stderr,
  );
  assert.equal((await xfer(["client", "--protocol", "3", "list"], alice)).code, 2);

  const { port } = first;
  await first.stop();
  const args = ["--listen", `127.0.0.1:${port}`];
  await using _other = await ServerProcess.start(folder.join("other"), { args, first: true });
  const known = await Deno.readTextFile(`${alice}/known_servers`);
  await prepare(folder, "Alice", `127.0.0.1:${port}`);
  const refused = await xfer(["client", "--accept-new"], alice);
  assert.equal(refused.code, 3);
  const way = /\[other-server\][^]*run 'xfer client (forget \S+)'/.exec(refused.stderr);
  assert.ok(way !== null, refused.stderr);
  assert.equal(await Deno.readTextFile(`${alice}/known_servers`), known);
  const forgotten = await xfer(["client", ...(way[1] ?? "").split(" ")], alice);
  assert.equal(forgotten.stdout, `Removed 127.0.0.1:${port} from known_servers\n`);
  assert.equal((await xfer(["client", ...(way[1] ?? "").split(" ")], alice)).code, 3);
  // The account belongs to the other server. A new client is accepted.
  for (const file of ["me.account", "me.key"]) await Deno.remove(`${alice}/${file}`);
  const again = await xfer(["client", "--accept-new"], alice);
  assert.equal(again.code, 0, again.stderr);
});

Deno.test("certificate: clients verify its name; SIGHUP loads a new one, and keeps the old if it is invalid", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const authority = await Authority.create();
  const ca = await folder.write("ca.pem", authority.certificate);
  const show = async () => {
    const { certificate, key } = await authority.issue({ names: ["localhost"] });
    await folder.write("cert.pem", certificate);
    await folder.write("key.pem", key);
  };
  await show();
  await Deno.chmod(folder.join("key.pem"), 0o644);
  const files = ["--tls-cert", folder.join("cert.pem"), "--tls-key", folder.join("key.pem")];
  const args = ["--listen", "127.0.0.1:0", ...files];
  await using server = await ServerProcess.start(folder.join("data"), { args });
  const { location } = await server.logged("server.listening-securely");
  assert.equal(location, `xfer://localhost:${server.port}`);
  assert.match(`${(await server.logged("server.certificate"))["warning"]}`, /key\.pem/);

  const alice = await prepare(folder, "Alice", `${location}`);
  const unknown = await xfer(["client"], alice);
  assert.equal(unknown.code, 3);
  assert.match(unknown.stderr, /\[server-not-verified\][^]*--ca-cert/);
  const stored = await xfer(["client", "--ca-cert", ca], alice);
  assert.equal(stored.code, 0, stored.stderr);
  assert.match(stored.stderr, /to known_servers \(CA certificate\)/);
  assert.match(
    await Deno.readTextFile(`${alice}/known_servers`),
    new RegExp(`^localhost:${server.port} pki SHA256:\\S+\n$`),
  );
  // The CA is remembered, even if the file is removed.
  await folder.write("ca.pem", "none");
  assert.equal((await xfer(["client", "list"], alice)).code, 0);
  const [copy] = [...Deno.readDirSync(alice)].filter(({ name }) => /^authorities-/.test(name));
  const stranger = await Authority.create();
  await Deno.writeTextFile(`${alice}/${copy?.name}`, stranger.certificate);
  const changed = await xfer(["client", "list"], alice);
  assert.equal(changed.code, 3);
  assert.match(changed.stderr, /\[bad-ca-cert\]\n +Name [^\n]* with --ca-cert FILE\.$/m);
  await Deno.remove(`${alice}/${copy?.name}`);
  const missing = await xfer(["client", "list"], alice);
  assert.match(missing.stderr, /\[bad-ca-cert\]\n +Name [^\n]* with --ca-cert FILE\.$/m);
  await folder.write("ca.pem", authority.certificate);
  assert.equal((await xfer(["client", "--ca-cert", ca, "list"], alice)).code, 0);
  const downgraded = await xfer(CLIENT_3, alice);
  assert.match(downgraded.stderr, /\[downgrade\]/);
  const noAuthority = await xfer(["client", "--ca-cert", `${alice}/hello.txt`], alice);
  assert.equal(noAuthority.code, 3);
  assert.match(noAuthority.stderr, /\[bad-ca-cert\]/);

  if (Deno.build.os === "windows") return;
  await folder.write("cert.pem", "none");
  Deno.kill(server.pid, "SIGHUP");
  const { reason } = await server.logged("server.not-reloaded");
  assert.match(`${reason}`, /cert\.pem.*no certificate in PEM/);
  assert.equal((await xfer(["client"], alice)).code, 0, "the old one is effective");
  await show();
  Deno.kill(server.pid, "SIGHUP");
  await server.logged("server.reloaded");
  assert.equal((await xfer(["client"], alice)).code, 0);
  assert.equal((await server.stop()).code, 0);
});

Deno.test("certificate: it needs its key, and an invalid one ends the start", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const certificate = await folder.write("cert.pem", "none");
  const start = ["server", "--listen", "127.0.0.1:0", "--data", folder.join("data")];
  const cases: readonly [args: string[], code: number, words: RegExp][] = [
    [["--tls-cert", certificate], 2, /--tls-cert requires --tls-key \[tls-cert-and-key\]/],
    [["--tls-key", certificate], 2, /--tls-key requires --tls-cert \[tls-cert-and-key\]/],
    [
      ["--tls-cert", certificate, "--tls-key", certificate, "--tls-listen", "none"],
      ...[2, /\[tls-cert-unused\]/] as const,
    ],
    [
      ["--tls-cert", certificate, "--tls-key", certificate],
      ...[3, /cert\.pem.*\[bad-tls-certificate\]/] as const,
    ],
    [
      ["--tls-cert", certificate, "--tls-key", folder.join("absent")],
      ...[3, /absent.*no such file \[bad-tls-key\]/] as const,
    ],
  ];
  for (const [args, code, words] of cases) {
    // A server that begins to log needs a process of its own.
    const ended = await (code === 2 ? xfer : runAlone)([...start, ...args]);
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, words);
  }
});
