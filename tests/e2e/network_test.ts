/** Network failures with real processes: files are stored in the end, or reported as not stored. */
import assert from "node:assert/strict";
import { areEqual, pseudoRandomBytes } from "../support/bytes.ts";
import { FaultyProxy } from "../support/net/faulty_proxy.ts";
import { Cuts } from "../support/net/tamper.ts";
import { correctAnswers, ScriptedV3Server } from "../support/v3/scripted_server.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { CLIENT_3, ServerProcess, startXfer, writeTransferInfo } from "../support/processes.ts";
import { ProcessFixture } from "../support/process_fixture.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const NETWORK = 4;

const FILES = { small: "first", large: pseudoRandomBytes(80_000_000), last: "third" };

Deno.test("network: the server is killed during a file and restarted: the client ends with 0, all is stored", async () => {
  await using fixture = await ProcessFixture.create();
  const { port } = fixture.server;
  const cwd = await fixture.prepare("client", FILES);
  await using running = startXfer([...CLIENT_3, "put", ...Object.keys(FILES)], cwd);
  await running.printed(/^Uploading large/m);
  await fixture.server.stop("SIGKILL");
  await running.printed(/Retrying in/);
  fixture.server = await ServerProcess.start(fixture.data, {
    args: ["--listen", `127.0.0.1:${port}`],
  });
  const { code, stdout, stderr } = await running.end();
  assert.equal(code, 0, stderr);
  const stored = [...stdout.matchAll(/^Uploaded (\w+) \(/gm)].map(([, name]) => name);
  assert.deepEqual(stored, Object.keys(FILES));
  assert.match(
    stderr,
    /^Retrying in \d+\.\d s \(retry 1 of 6\): .* \[[a-z-]+\]$/m,
  );
  assert.equal(stderr.match(/^Registered /gm)?.length, 1);
  const exported = await fixture.exported("Alice", "large");
  assert.ok(areEqual(exported, FILES.large));
  assert.deepEqual([...Deno.readDirSync(`${fixture.data}/staging`)], []);
});

Deno.test("network: the server stays away: exit code 4 after the retries, with the state of each file", async () => {
  await using fixture = await ProcessFixture.create();
  const cwd = await fixture.prepare("client", FILES);
  const args = [...CLIENT_3, "put", "--retries", "1", ...Object.keys(FILES)];
  await using running = startXfer(args, cwd);
  await running.printed(/^Uploading large/m);
  await fixture.server.stop("SIGKILL");
  const { code, stdout, stderr } = await running.end();
  assert.equal(code, NETWORK, stderr);
  assert.match(stdout, /^Uploaded small .*\nUploaded 1 file .*, 2 failed\n$/);
  assert.equal(stderr.match(/Retrying in/g)?.length, 1);
  assert.match(stderr, /^xfer: .*cannot connect .*\[cannot-connect\]$/m);
  assert.match(stderr, /^xfer: failed to upload large: /m);
  assert.match(stderr, /^Not started: last$/m);
});

Deno.test("network: without an answer to the approval, the file is reported as unknown, not as missing", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const address = { hostname: "127.0.0.1", port: fixture.server.port };
  const network = new Cuts([{ before: "messageReceived" }]);
  await using proxy = await FaultyProxy.start(address, network);
  const cwd = await fixture.prepare("client", { a: "content" }, { port: proxy.address.port });
  const { code, stdout, stderr } = await xfer([...CLIENT_3, "--retries", "0"], cwd);
  assert.equal(code, NETWORK, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, /^xfer: a was sent, but the server closed .* \[not-confirmed\]$/m);
  assert.match(stderr, /^Unconfirmed: a may be on the server\. Upload it again to be sure$/m);
  assert.doesNotMatch(stderr, /failed to upload/i);
  assert.equal(new TextDecoder().decode(await fixture.exported("Alice", "a")), "content");
});

Deno.test("network: no server: with --retries 0 the error comes at once; --retries and --timeout have bounds", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await folder.write("a", "content");
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await writeTransferInfo(folder.path, { port, file: "a" });
  const silent = await xfer([...CLIENT_3, "--retries", "0", "--timeout", "0.2"], folder.path);
  assert.equal(silent.code, NETWORK);
  assert.match(silent.stderr, /did not answer in time \[response-timeout\]/);
  listener.close();
  const absent = await xfer([...CLIENT_3, "--retries", "0"], folder.path);
  assert.equal(absent.code, NETWORK);
  assert.doesNotMatch(absent.stderr, /Retrying/);
  for (
    const wrong of [
      ["--retries", "-1"],
      ["--retries", "101"],
      ["--retries", "1.5"],
      [
        "--timeout",
        "0",
      ],
      ["--timeout", "3601"],
      ["--timeout", "1e3"],
      ["--timeout", "soon"],
    ]
  ) {
    const { code, stderr } = await xfer([...CLIENT_3, ...wrong], folder.path);
    assert.equal(code, 2, wrong.join(" "));
    assert.match(stderr, /expected .* from .* to /);
  }
});

Deno.test("network: a server cannot write control characters to the terminal", async () => {
  const sound = correctAnswers(1);
  const fileName = new Uint8Array(255);
  fileName.set(new TextEncoder().encode("\x1b]0;owned\x07\x1b[2J\u202e\r"));
  await using server = new ScriptedV3Server(async (request) => {
    const answer = await sound(request);
    return answer.kind === "fileReceived" ? { ...answer, fileName } : answer;
  });
  await using folder = await TemporaryFolder.createOnDisk();
  await folder.write("a", "content");
  await writeTransferInfo(folder.path, { port: server.address.port, file: "a" });
  const { code, stdout, stderr } = await xfer(CLIENT_3, folder.path);
  assert.equal(code, 8, stderr);
  assert.match(stderr, /confirmed the file \\u\{1b\}\]0;owned\\u\{7\}/);
  // deno-lint-ignore no-control-regex -- control characters are what must not be there
  assert.doesNotMatch(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
});

Deno.test(
  "identity files: permissions are tightened with a warning, or the command ends with exit code 3",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await using fixture = await ProcessFixture.servedHere();
    const cwd = await fixture.prepare("client", { a: "content" });
    assert.equal((await xfer(CLIENT_3, cwd)).code, 0);
    await Deno.chmod(`${cwd}/me.info`, 0o644);
    const tightened = await xfer(CLIENT_3, cwd);
    assert.equal(tightened.code, 0);
    assert.match(
      tightened.stderr,
      /^Warning: other users could read me\.info; changed its mode to 0600$/m,
    );
    await Deno.chmod(`${cwd}/me.info`, 0o666);
    const refused = await xfer(CLIENT_3, cwd);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /\[identity-not-private\]\n +If .*: chmod 600 'me\.info'$/m);
  },
);
