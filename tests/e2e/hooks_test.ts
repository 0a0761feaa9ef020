/** Events of a server process, with the executable's permissions and its SQLite, for a receiver. */
import assert from "node:assert/strict";
import { EventReceiver, HOOK_SECRET } from "../support/event_receiver.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

Deno.test("hooks: a server process delivers the events of an upload", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using receiver = new EventReceiver();
  await using server = await ServerProcess.start(folder.join("data"), {
    args: ["--listen", "127.0.0.1:0", "--hook-url", receiver.url],
    env: { XFER_HOOK_SECRET: HOOK_SECRET },
  });
  const { location } = await server.logged("server.listening-securely");
  const here = folder.join("Alice");
  await Deno.mkdir(here, { mode: 0o700 });
  await Deno.writeTextFile(`${here}/transfer.info`, `${location}\nAlice\n`);
  await Deno.writeTextFile(`${here}/hello.txt`, "hello\n");
  const put = await xfer(["client", "put", "hello.txt"], here);
  assert.equal(put.code, 0, put.stderr);
  await receiver.awaits(2);
  assert.deepEqual(receiver.lines.toSorted(), [
    "client.registered Alice",
    "file.stored hello.txt",
  ]);
});
