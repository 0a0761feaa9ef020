/** Lists and details of stored files if the server sends an incomplete list, or refuses a name. */
import assert from "node:assert/strict";
import type { Message } from "../../protocol/v4/messages.ts";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { acceptingEveryone, ScriptedV4Server } from "../support/v4/scripted_server.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { Alice } from "../support/e2e/alice.ts";
import { FILE } from "../support/v4/message_fields.ts";
import { entriesOf } from "../support/v4/records.ts";

for (const [command, ...args] of [["list"], ["versions", "a"]] as const) {
  Deno.test(`${command}: if the server ends it with an error, the client reports that it is incomplete`, async () => {
    await using server = await ScriptedV4Server.start();
    await using folder = await TemporaryFolder.createOnDisk();
    const { hostname, port } = server.address;
    await folder.write("transfer.info", `${hostname}:${port}\nAlice\n`);
    const answers = (listed: number) =>
      acceptingEveryone(({ kind, tag }): Message[] | undefined => {
        if (kind !== "list" && kind !== "versions") return undefined;
        const file = (index: number) => ({
          ...{ ...FILE, size: 1, version: 9 - index },
          ...{ name: kind === "list" ? `a${index}` : "a", cksum: 1, digest: new Uint8Array(32) },
        });
        const error = { kind: "error", tag, code: "damaged", message: "it is" } as const;
        const files = Array.from({ length: listed }, (_, index) => file(index));
        return listed === 0 ? [error] : [entriesOf(tag, files), error];
      });
    const run = async (listed: number, ...more: string[]) => {
      server.answers = answers(listed);
      const options = ["--accept-new", "--protocol", "4", "--retries", "0", ...more];
      return await xfer(["client", command, ...args, ...options], folder.path);
    };
    const broken = await run(2);
    assert.equal(broken.code, 5, broken.stderr);
    assert.equal(broken.stdout.trim().split("\n").length, 2);
    assert.match(
      broken.stderr,
      /The list is incomplete: it ended after line 2\n[^]*\[damaged\]\n/,
    );
    const [event] = eventsIn((await run(2, "--json")).stdout, "list-incomplete");
    assert.equal(event?.["listed"], 2);
    assert.doesNotMatch((await run(0)).stderr, /incomplete/, "nothing was listed");
  });
}

Deno.test("names: if the server refuses one, the hint says what to do", async () => {
  await using alice = await Alice.create("a");
  const { run } = alice;
  assert.match((await run("put", "a")).stdout, /^Uploaded a \(1 B, cksum/);
  for (const args of [["put", "a", "--as", "a/b"], ["rename", "a", ".."]]) {
    const { code, stderr } = await run(...args);
    assert.equal(code, 5, stderr);
    assert.match(
      stderr,
      /\[bad-file-name\]\n *Choose another name, for an upload with --as NAME/,
    );
  }
});

Deno.test("damage: list, stat, versions, get and the operator's list report a damaged file until put repairs it", async () => {
  await using alice = await Alice.create("a", "b");
  const { run, data, here } = alice;
  for (const name of ["a", "b"]) await Deno.writeFile(`${here}/${name}`, new Uint8Array(70_000));
  assert.equal((await run("put", "a", "b")).code, 0);
  const stored = await xfer(["server", "list", "--data", data, "--json"]);
  const [file] = eventsIn(stored.stdout, "client-file");
  assert.equal(file?.["name"], "a");
  await Deno.truncate(`${data}/${file?.["path"]}`, 100);

  const listed = await run("list");
  assert.equal(listed.code, 5);
  assert.match(listed.stdout, /^ damaged {2}a, version 1\n.* b\n$/);
  assert.match(
    listed.stderr,
    /^2 files \(68\.3 KiB\)\nxfer: a is damaged on the server \[damaged\]\n +Upload the file again/,
  );
  assert.deepEqual(eventsIn((await run("list", "--json")).stdout).map(({ event }) => event), [
    ...["connected", "file-damaged", "file", "error"],
  ]);
  for (const command of ["stat", "versions", "get"]) {
    const refused = await run(command, "a");
    assert.equal(refused.code, 5, command);
    assert.match(refused.stderr, /a is damaged on the server \[damaged\]/, command);
  }
  const operators = await xfer(["server", "list", "--data", data]);
  assert.match(operators.stdout, / a {2}\(damaged\)\n/);

  const mended = await run("put", "a", "b");
  assert.equal(mended.code, 0, mended.stderr);
  assert.match(mended.stdout, /^Uploaded a \(68\.3 KiB/);
  assert.equal((await run("list")).code, 0);
  assert.match((await run("put", "a", "b")).stderr, /^Nothing to do: /m);
});
