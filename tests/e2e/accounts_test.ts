/** Accounts with real processes: commands of an operator and a user, with their exit codes. */
import assert from "node:assert/strict";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

interface Fixture {
  readonly folder: TemporaryFolder;
  /** Runs `xfer client` in a folder of its own, whose transfer.info names a user. */
  client(folder: string, userName: string, ...args: readonly string[]): ReturnType<typeof xfer>;
  operate(...args: readonly string[]): ReturnType<typeof xfer>;
}

function test(what: string, args: readonly string[], body: (fixture: Fixture) => Promise<void>) {
  Deno.test(`accounts: ${what}`, async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    const data = folder.join("data");
    const listen = ["--listen", "127.0.0.1:0"];
    await using server = await ServerProcess.start(data, { args: [...listen, ...args] });
    const { location } = await server.logged("server.listening-securely");
    await body({
      folder,
      async client(name, userName, ...args) {
        const path = folder.join(name);
        await Deno.mkdir(path, { recursive: true, mode: 0o700 });
        const line1 = args.includes("3") ? `127.0.0.1:${server.port}` : location;
        await Deno.writeTextFile(`${path}/transfer.info`, `${line1}\n${userName}\nhello.txt\n`);
        await Deno.writeTextFile(`${path}/hello.txt`, "hello\n");
        return await xfer(["client", ...args], path);
      },
      operate: (...args) => xfer(["server", ...args, "--data", data]),
    });
  });
}

const TOKEN = /^[a-z2-7]{26}\n$/;

test(
  "an invited user registers, and links a second machine",
  ["--registration", "invite"],
  async ({ client, operate }) => {
    const uninvited = await client("alice", "Alice");
    assert.equal(uninvited.code, 5);
    assert.match(uninvited.stderr, /\[registration-closed\]\n {6}.*--invitation TOKEN/);

    const invited = await operate("invite", "--expires", "2d");
    assert.equal(invited.code, 0, invited.stderr);
    assert.match(invited.stdout, TOKEN, "only the token");
    assert.match(
      invited.stderr,
      /^Invitation [0-9a-f]{12}: valid for 1 user, until .*, run 'xfer client init --invitation [a-z2-7]{26}'\.$/m,
    );
    const invitation = invited.stdout.trim();
    assert.match(
      (await operate("invite", "list")).stdout,
      /^[0-9a-f]{12} {2}used 0 of 1 {2}created /,
    );
    const stored = await client("alice", "Alice", "--invitation", invitation);
    assert.equal(stored.code, 0, stored.stderr);
    assert.equal((await operate("invite", "list")).stdout, "");
    const late = await client("bob", "Bob", "--invitation", invitation);
    assert.deepEqual(
      [late.code, /used up \[bad-token\]/.test(late.stderr)],
      [5, true],
      late.stderr,
    );

    const link = await client("alice", "Alice", "link");
    assert.match(link.stdout, TOKEN);
    const linked = await client("laptop", "Alice", "link", link.stdout.trim());
    assert.equal(linked.code, 0, linked.stderr);
    assert.match(linked.stdout, /^Linked this folder to the account Alice with id [0-9a-f]{32}\n$/);
    assert.match(
      (await client("laptop", "Alice", "list")).stdout,
      /^ {5}6 B {2}\S+ {2}hello\.txt$/m,
    );
    const again = await client("laptop", "Alice", "link", link.stdout.trim());
    assert.deepEqual([again.code, /\[account-exists\]/.test(again.stderr)], [2, true]);

    const keys = (await operate("users", "keys", "Alice")).stdout.trim().split("\n");
    assert.equal(keys.length, 2);
    const [fingerprint = ""] = keys[0]?.split("  ") ?? [];
    assert.equal((await operate("users", "keys", "Alice", "--remove", fingerprint)).code, 0);
    const [other = ""] = keys[1]?.split("  ") ?? [];
    const last = await operate("users", "keys", "Alice", "--remove", other);
    assert.deepEqual([last.code, /\[last-key\]/.test(last.stderr)], [2, true]);
  },
);

test(
  "an account of protocol 3 moves to protocol 4, and the operator manages it",
  [],
  async ({ client, operate }) => {
    assert.equal((await client("alice", "Alice", "--protocol", "3")).code, 0);
    const claimed = await client("alice", "Alice");
    assert.equal(claimed.code, 0, claimed.stderr);
    assert.match(
      claimed.stderr,
      /^Moved the account Alice from protocol 3 to protocol 4/m,
    );
    const back = await client("alice", "Alice", "--protocol", "3");
    assert.deepEqual([back.code, /\[name-taken\]/.test(back.stderr)], [5, true], back.stderr);

    assert.equal((await operate("users", "set-quota", "Alice", "--files", "1")).code, 0);
    const [row] = eventsIn((await operate("users", "list", "--json")).stdout);
    const { event: _, id, firstSeen, lastSeen, ...account } = row ?? assert.fail();
    assert.deepEqual(account, {
      ...{ name: "Alice", protocol: 4, keys: 1, files: 1, oldVersions: 0, bytes: 6 },
      ...{ quota: { bytes: null, files: 1 }, disabled: false, access: "full" },
    });
    assert.ok(/^[0-9a-f]{32}$/.test(`${id}`) && `${firstSeen}` <= `${lastSeen}`);
    const full = await client("alice", "Alice", "put", "hello.txt", "--as", "second");
    assert.deepEqual([full.code, /\[over-limit\]/.test(full.stderr)], [5, true], full.stderr);

    assert.equal((await operate("users", "disable", "Alice")).stdout, "Disabled Alice\n");
    const disabled = await client("alice", "Alice");
    assert.deepEqual([disabled.code, /\[account-disabled\]/.test(disabled.stderr)], [5, true]);
    assert.match(
      (await operate("users", "list")).stdout,
      /^Alice: .*, disabled\n {2}id .*\n {2}quota 1 file, /,
    );
    assert.equal((await operate("users", "enable", "Alice")).code, 0);

    const renamed = await operate("users", "rename", "Alice", "Alicia");
    assert.deepEqual([renamed.code, renamed.stdout], [0, "Renamed Alice to Alicia\n"]);
    const finished = await client("alice", "Alice");
    assert.equal(finished.code, 3);
    assert.match(
      finished.stderr,
      /renamed your account from Alice to Alicia\n.*\[other-identity\]\n {6}Write Alicia into line 2/,
    );
    assert.equal((await client("alice", "Alicia")).code, 0);

    const nobody = await operate("users", "disable", "Nobody");
    assert.deepEqual([nobody.code, /\[no-such-user\]/.test(nobody.stderr)], [2, true]);
    for (
      const wrong of [["users", "set-quota", "Alicia"], ["invite", "--uses", "0"], [
        "invite",
        "--expires",
        "9999d",
      ], ["invite", "revoke"]]
    ) {
      assert.equal((await operate(...wrong)).code, 2, wrong.join(" "));
    }
  },
);
