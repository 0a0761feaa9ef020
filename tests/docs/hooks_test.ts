/** docs/hooks.md: its receiver accepts what the server sends, and nothing else. */
import assert from "node:assert/strict";
import { HOOK_KINDS } from "../../server/catalog/hook_queue.ts";
import { HookReceiver } from "../../server/hooks/hook_receiver.ts";
import { HookSigner } from "../../server/hooks/hook_signature.ts";
import { HOOK_SECRET } from "../support/event_receiver.ts";
import { lines } from "../support/lines.ts";
import { fencesIn } from "../support/markdown.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";

const page = await Deno.readTextFile(new URL("../../docs/hooks.md", import.meta.url));

Deno.test("hooks page: every kind of events has a row", () => {
  for (const kind of HOOK_KINDS) assert.match(page, new RegExp(`^\\| \`${kind}\` `, "m"));
});

Deno.test("hooks page: the receiver prints an event once, and refuses wrong secrets and old times", async () => {
  await using folder = await TemporaryFolder.create();
  const source = fencesIn(page).find(({ info }) => info === "ts")?.text ?? "";
  const anyPort = "port: 0, onListen: ({ port }) => console.log(port)";
  const path = await folder.write("receiver.ts", source.replace("port: 8000", anyPort));
  await using receiver = tiedCommand(Deno.execPath(), {
    args: ["run", "--no-config", "--allow-net", "--allow-env=XFER_HOOK_SECRET", path],
    env: { XFER_HOOK_SECRET: HOOK_SECRET },
    ...{ stdout: "piped", stderr: "null" },
  }).spawn();
  const printed = lines(receiver.stdout);
  const { value: port } = await printed.next();
  const url = new URL(`http://127.0.0.1:${port}/`);
  const body = JSON.parse(fencesIn(page).find(({ info }) => info === "json")?.text ?? "");
  const hook = { delivery: "msg_1", body: JSON.stringify(body) };
  const stopped = new AbortController().signal;
  const send = (secret: string, clock = Date.now) =>
    new HookReceiver({ url, signer: new HookSigner(secret), clock }).send(hook, stopped);
  const other = `whsec_${btoa("x".repeat(32))}`;
  assert.equal((await send(other))?.reason, "HTTP 401");
  const old = () => Date.now() - 600_000;
  assert.equal((await send(HOOK_SECRET, old))?.reason, "HTTP 401");
  assert.equal(await send(`${other}\n${HOOK_SECRET}`), undefined);
  assert.equal(await send(HOOK_SECRET), undefined);
  receiver.kill();
  const rest: string[] = [];
  for await (const line of printed) rest.push(line);
  assert.deepEqual(rest, ["file.stored Alice photos/sea.jpg"]);
});
