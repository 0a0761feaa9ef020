/** An operator asks and steers a running server: real processes, with the permissions of the executable. */
import assert from "node:assert/strict";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { ServerProcess, xfer as runAlone } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { connectRaw, loginRaw } from "../support/v4/fixture.ts";

Deno.test({
  name: "server control: who is connected, end it, and what operators have done",
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const data = folder.join("data");
  const access = folder.join("access.log");
  const args = ["--listen", "127.0.0.1:0", "--access-log", access];
  await using server = await ServerProcess.start(data, { args });
  const operate = (...args: string[]) => xfer(["server", ...args, "--data", data, "--json"]);
  const client = folder.join("client");
  await Deno.mkdir(client, { mode: 0o700 });
  const { location } = await server.logged("server.listening-securely");
  await Deno.writeTextFile(`${client}/transfer.info`, `${location}\nAlice\nhello.txt\n`);
  await Deno.writeTextFile(`${client}/hello.txt`, "hello\n");
  assert.equal((await xfer(["client"], client)).code, 0);

  using raw = await connectRaw({ hostname: "127.0.0.1", port: server.port });
  await loginRaw(raw, client);
  // With the permissions of the executable.
  const status = await runAlone(["server", "status", "--data", data, "--json"]);
  const [found] = eventsIn(status.stdout);
  assert.equal(status.code, 0, status.stderr);
  assert.deepEqual([found?.["connections"], found?.["users"]], [1, 1]);
  assert.equal((found?.["uploads"] as { files: number }).files, 1);
  const [session] = eventsIn((await operate("sessions")).stdout);
  assert.deepEqual([session?.["user"], session?.["protocol"]], ["Alice", 4]);
  const id = String(session?.["id"]);
  assert.equal((await operate("sessions", "--end", id)).code, 0);
  await assert.rejects(raw.mux.askFor({ kind: "usage", tag: raw.mux.nextTag() }, "totals"));
  const gone = await operate("sessions", "--end", id);
  assert.deepEqual([gone.code, eventsIn(gone.stdout)[0]?.["code"]], [2, "no-such-session"]);

  const imported = await folder.write("imported.txt", "imported\n");
  assert.equal((await operate("import", "Alice", imported)).code, 0);
  const exported = folder.join("exported.txt");
  assert.equal((await operate("export", "Alice", "hello.txt", exported)).code, 0);
  assert.equal((await operate("users", "disable", "Alice")).code, 0);
  assert.equal((await operate("invite", "--label", "Bob")).code, 0);
  assert.equal((await operate("users", "set-quota", "Alice", "--size", "10GB")).code, 0);
  const acted = () => server.log.filter(({ event }) => event === "operator.acted");
  // The log is read in the background.
  while (acted().length < 6) await server.logged("operator.acted", server.log.length);
  const actions = acted();
  assert.deepEqual(actions.map(({ action, user = "" }) => `${action} ${user}`), [
    "connection-ended Alice",
    "files-imported Alice",
    "file-exported Alice",
    "user-disabled Alice",
    "invitation-created ",
    "quota-set Alice",
  ]);
  assert.deepEqual([1, 2, 5].map((i) => actions[i]?.["subject"]), [
    ...["1 entry", "hello.txt", "size 10GB, files default"],
  ]);
  assert.match(String(actions[0]?.["operator"]), /^uid \d+$/);
  assert.equal((await xfer(["client"], client)).code, 5, "it takes effect at once");

  await server.stop();
  assert.equal(eventsIn((await operate("status")).stdout)[0]?.["code"], "no-running-server");
  const log = folder.join("server.log");
  const logged = ["--log-file", log, "--log-format", "json"];
  assert.equal((await operate("users", "enable", "Alice", ...logged)).code, 0);
  await assert.rejects(Deno.lstat(log), Deno.errors.NotFound, "only a server creates its log");
  await folder.write("server.log", "first\n");
  assert.equal((await operate("users", "disable", "Alice", ...logged)).code, 0);
  assert.equal((await operate("invite", "--label", "{event}", "--log-file", log)).code, 0);
  const [first, acted1 = "", acted2 = ""] = (await Deno.readTextFile(log)).split("\n");
  const { operator, ...action } = JSON.parse(acted1);
  assert.match(operator, /^uid \d+$/);
  assert.deepEqual([first, action.event, action.action, action.user, action.message], [
    ...["first", "operator.acted", "user-disabled", "Alice"],
    `Operator ("${operator}"): "user-disabled" for "Alice"`,
  ]);
  assert.match(acted2, /^\S+Z INF Operator \(uid \d+\): invitation-created: \w+$/);

  const line = /^127\.0\.0\.1 - Alice \[[^\]]+\] "PUT \/hello\.txt XFER\/4" 201 6\n$/;
  assert.match(await Deno.readTextFile(access), line);
});

Deno.test("server log: if the server does not start, its log file has the reason, too", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const [log, token] = [folder.join("server.log"), folder.join("token")];
  const listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  const { code, stderr } = await runAlone([
    ...["server", "--data", folder.join("data"), ...listen, "--admin-token-file", token],
    ...["--log-file", log],
  ]);
  assert.deepEqual([code, /bad-admin-token/.test(stderr)], [3, true], stderr);
  assert.match(await Deno.readTextFile(log), / ERR Could not start: cannot read the token .*token/);
});
