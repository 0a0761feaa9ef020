/** Invitations with real processes: the command that is printed for the user works as printed. */
import assert from "node:assert/strict";
import { xfer } from "../support/hosted_xfer.ts";
import { ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { HAS_TERMINAL, Terminal } from "../support/terminal.ts";

interface Fixture {
  readonly folder: TemporaryFolder;
  /** An empty folder for a client. */
  readonly home: string;
  readonly location: string;
  client(...args: readonly string[]): ReturnType<typeof xfer>;
  operate(...args: readonly string[]): ReturnType<typeof xfer>;
}

function test(what: string, body: (fixture: Fixture) => Promise<void>, ignore = false): void {
  Deno.test({
    name: `invitations: ${what}`,
    ignore,
    async fn() {
      await using folder = await TemporaryFolder.createOnDisk();
      const data = folder.join("data");
      const args = ["--listen", "127.0.0.1:0", "--registration", "invite"];
      await using server = await ServerProcess.start(data, { args });
      const { location } = await server.logged("server.listening-securely");
      const home = folder.join("home");
      await Deno.mkdir(home, { mode: 0o700 });
      await body({
        ...{ folder, home, location: `${location}` },
        client: (...args) => xfer(["client", ...args], home),
        operate: (...args) => xfer(["server", ...args, "--data", data]),
      });
    },
  });
}

/** The words after `xfer` in the command printed for the user. */
function printedCommand(printed: string): string[] {
  const [, words] = /'xfer (client [^']*)'\.$/m.exec(printed) ?? [];
  return words?.split(" ") ?? assert.fail(printed);
}

const namesIn = (home: string) => [...Deno.readDirSync(home)].map(({ name }) => name).sort();
const who = (location: string) => ["--server", location, "--name", "Alice"];

test("the printed command registers, as it stands", async ({ home, location, operate }) => {
  const { stderr } = await operate("invite");
  await using terminal = await Terminal.xfer(printedCommand(stderr), { cwd: home, columns: 200 });
  await terminal.shows(/^Server address .*: $/m);
  await terminal.type(`${location}\n`);
  await terminal.shows(/^Your user name on the server: $/m);
  await terminal.type("Alice\n");
  await terminal.shows(/\[none\]: $/m);
  await terminal.type("\n");
  const { code, lines } = await terminal.end();
  assert.equal(code, 0, lines.join("\n"));
  assert.match(lines.join("\n"), /^Registered Alice with id [0-9a-f]{32}$/m);
  const listed = await xfer(["client", "list"], home);
  assert.equal(listed.code, 0, listed.stderr);
}, !HAS_TERMINAL);

test("init with an invitation and options registers and writes transfer.info; the command that it prints works", async ({ home, location, client, operate }) => {
  await Deno.writeTextFile(`${home}/a.txt`, "content");
  const command = printedCommand((await operate("invite")).stderr);
  const init = await xfer([...command, ...who(location)], home);
  assert.equal(init.code, 0, init.stderr);
  assert.match(init.stderr, /^Registered Alice /m);
  assert.equal(await Deno.readTextFile(`${home}/transfer.info`), `${location}\nAlice\n`);
  const next = printedCommand(init.stderr).map((word) => word.replace("FILE", "a.txt"));
  const stored = await xfer(next, home);
  assert.equal(stored.code, 0, stored.stderr);
  assert.match(stored.stdout, /^Uploaded a\.txt /m);
  const { stdout } = await operate("invite", "list");
  assert.equal(stdout, "", "the invitation is used up");
  assert.equal((await client("list")).code, 0);
});

test("a transfer.info without line 3 is enough to register", async ({ home, location, client, operate }) => {
  await Deno.writeTextFile(`${home}/transfer.info`, `${location}\nAlice\n`);
  const refused = await client("list");
  assert.match(refused.stderr, /\[registration-closed\]/);
  const token = (await operate("invite")).stdout.trim();
  const advised = /'(xfer client --invitation) TOKEN'/.exec(refused.stderr)?.[1] ?? assert.fail();
  const taken = await client(...advised.split(" ").slice(2), token);
  assert.equal(taken.code, 0, taken.stderr);
  assert.match(taken.stderr + taken.stdout, /^Registered Alice /m);
  assert.equal((await client("list")).code, 0);
  const again = await client("--invitation", token);
  assert.deepEqual([again.code, /\[account-exists\]/.test(again.stderr)], [2, true]);
});

test("init leaves nothing behind if the server refuses the token, and can be run again", async ({ home, location, client, operate }) => {
  const wrong = await client("init", "--invitation", "a".repeat(26), ...who(location));
  assert.equal(wrong.code, 5, wrong.stderr);
  assert.match(wrong.stderr, /\[bad-token\]/);
  assert.deepEqual(namesIn(home).filter((name) => /key|account|transfer/.test(name)), []);
  const token = (await operate("invite")).stdout.trim();
  const init = await client("init", "--invitation", token, ...who(location));
  assert.equal(init.code, 0, init.stderr);
});

test("init reports options that exclude each other, and what to do with an existing transfer.info", async ({ home, location, client, operate }) => {
  const token = (await operate("invite")).stdout.trim();
  const invited = ["--invitation", token];
  const offline = await client("init", ...invited, ...who(location), "--offline");
  assert.match(offline.stderr, /\[conflicting-option\]/);
  const plain = await client("--protocol", "3", ...invited, "init", ...who(location));
  assert.match(plain.stderr, /--invitation requires protocol 4 \[protocol-4-only\]/);
  assert.deepEqual(namesIn(home), []);
  await Deno.writeTextFile(`${home}/transfer.info`, `${location}\nAlice\n`);
  const there = await client("init", ...invited, ...who(location));
  assert.match(there.stderr, new RegExp(`xfer client --invitation ${token}`));
  assert.equal((await client(...invited)).code, 0);
});

test("an invitation has an id and a label, for listing and revoking it", async ({ folder, operate }) => {
  const made = await operate("invite", "--label", "Bob, lab 3", "--uses", "2", "--json");
  const { token, id, label } = JSON.parse(made.stdout.trim().split("\n")[0] ?? "");
  assert.deepEqual([/^[a-z2-7]{26}$/.test(token), label], [true, "Bob, lab 3"]);
  const other = await operate("invite");
  const [, otherId = ""] = /^Invitation ([0-9a-f]{12}): /m.exec(other.stderr) ?? [];
  for (const list of [["list"], ["--list"]]) {
    const { stdout } = await operate("invite", ...list);
    const lines = stdout.trim().split("\n");
    assert.match(lines[0] ?? "", /^[0-9a-f]{12} {2}used 0 of 2 {2}.* {2}Bob, lab 3$/);
    assert.ok(lines[0]?.startsWith(`${id} `) && lines[1]?.startsWith(`${otherId} `), stdout);
    assert.ok(!stdout.includes(token) && !stdout.includes(other.stdout.trim()), stdout);
  }
  for (const { name } of Deno.readDirSync(folder.join("data"))) {
    const path = folder.join("data", name);
    if (!Deno.statSync(path).isFile) continue;
    const bytes = new TextDecoder("latin1").decode(await Deno.readFile(path));
    assert.ok(!bytes.includes(token), `${name} has the token`);
  }
  const revoked = await operate("invite", "--revoke", id);
  assert.equal(revoked.stdout, "Revoked 1 invitation\n");
  assert.equal((await operate("invite", "revoke", otherId)).stdout, "Revoked 1 invitation\n");
  assert.equal((await operate("invite", "--list")).stdout, "");
  const none = await operate("invite", "--revoke", id);
  assert.match(none.stderr, /\[no-such-invitation\]/);
});

test("a label is one line without control characters", async ({ operate }) => {
  for (const label of ["", " ", "a\nb", "\x1b[2J", "a".repeat(101)]) {
    const { code, stderr } = await operate("invite", "--label", label);
    assert.equal(code, 2, label);
    assert.match(stderr, /expected one line of 1 to 100 characters/);
  }
});
