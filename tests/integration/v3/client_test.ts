/** The client with real and with scripted servers, in one process. */
import assert from "node:assert/strict";
import type { Address } from "../../../protocol/address.ts";
import type { Outcome, V3Event } from "../../../client/events.ts";
import { sendFiles } from "../../../client/v3/send_files.ts";
import type { V3ConnectOptions } from "../../../client/v3/connect_options.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { correctAnswers, ScriptedV3Server } from "../../support/v3/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

async function send(
  folder: TemporaryFolder,
  server: Address,
  files: readonly string[],
  options: Partial<V3ConnectOptions> = {},
): Promise<{ outcomes: Outcome[]; events: V3Event["type"][] }> {
  const events: V3Event["type"][] = [];
  const outcomes = await sendFiles({
    connect: {
      server,
      userName: "Alice",
      identityFolder: folder.path,
      ...options,
      onEvent: (event) => {
        if (event.type !== "request" && event.type !== "progress") events.push(event.type);
        options.onEvent?.(event);
      },
    },
    files: files.map((name) => name.startsWith("/") ? name : folder.join(name)),
  });
  return { outcomes, events };
}

const start = (folder: TemporaryFolder) =>
  startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    dataFolder: folder.join("data"),
  });

Deno.test("client: a file that grows while it waits is reported with the size that was stored", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  await folder.write("a", "first");
  await folder.write("b", "short");
  const sizes: unknown[] = [];
  const { outcomes } = await send(folder, server.address, ["a", "b"], {
    onEvent: (event) => {
      if (event.type !== "stored") return;
      sizes.push(event.file.size);
      if (event.file.name === "a") Deno.writeTextFileSync(folder.join("b"), "longer by now");
    },
  });
  assert.deepEqual(sizes, [5, 13]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.state === "stored" && outcome.file.size),
    [5, 13],
  );
});

Deno.test({
  name: "client: of x\\y and y, which servers both keep as y, only the first is sent",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder);
    await folder.write("x\\y", "1");
    await folder.write("y", "2");
    const { outcomes } = await send(folder, server.address, ["x\\y", "y"]);
    const codes = outcomes.map((outcome) => "error" in outcome ? outcome.error.code : "stored");
    assert.deepEqual(codes, ["stored", "same-name"]);
  },
});

Deno.test("client: events report the total, and the sent bytes of each file", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  await folder.write("a", pseudoRandomBytes(3_000_000));
  await folder.write("b", "");
  const events: unknown[] = [];
  await send(folder, server.address, ["a", "b"], {
    onEvent: (event) => {
      if (event.type === "planned") events.push([event.type, event.files, event.bytes]);
      if (event.type === "sending") events.push([event.type, event.file.name, event.attempt]);
      if (event.type === "progress") events.push([event.file.name, event.sent, event.attempt]);
      if (event.type === "stored") events.push([event.type, event.file.name]);
    },
  });
  assert.deepEqual(events, [
    ["planned", 2, 3_000_000],
    ["sending", "a", 1],
    ...[["a", 1_048_576, 1], ["a", 2_097_152, 1], ["a", 3_000_000, 1]],
    ["stored", "a"],
    ["sending", "b", 1],
    ["stored", "b"],
  ]);
});

Deno.test("client: the private key is written before the registration, the id before the key is sent", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  await folder.write("a", "content");
  const seen: Record<string, string[]> = {};
  const names = ["me.info", "priv.key"];
  await send(folder, server.address, ["a"], {
    onEvent: (event) => {
      if (event.type !== "request") return;
      const there = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
      seen[event.kind] = names.filter((name) => there.includes(name));
    },
  });
  assert.deepEqual(seen["register"], ["priv.key"]);
  assert.deepEqual(seen["publicKey"], ["me.info", "priv.key"]);
});

Deno.test("client: a file that grows while it is sent is reported and not stored; the next one is", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const path = await folder.write("a", pseudoRandomBytes(3_000_000));
  await folder.write("b", "content");
  let appended = false;
  const { outcomes, events } = await send(folder, server.address, ["a", "b"], {
    onEvent: (event) => {
      if (event.type !== "progress" || appended) return;
      Deno.writeFileSync(path, new Uint8Array(10), { append: true });
      appended = true;
    },
  });
  const [first, second] = outcomes;
  assert.ok(first !== undefined && "error" in first);
  assert.equal(first.error.code, "file-changed");
  assert.ok(second !== undefined && "crc" in second);
  assert.deepEqual(events.filter((type) => type === "stored" || type === "failed"), [
    "failed",
    "stored",
  ]);
  assert.deepEqual([...Deno.readDirSync(folder.join("data", "staging"))], []);
});

Deno.test("client: a file that shrinks while it is sent fails, and the server keeps nothing of it", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const path = await folder.write("a", pseudoRandomBytes(3_000_000));
  await folder.write("b", "content");
  const { outcomes, events } = await send(folder, server.address, ["a", "b"], {
    onEvent: (event) => {
      if (event.type === "progress" && event.file.name === "a") Deno.truncateSync(path, 2_000_000);
    },
  });
  const [first, second] = outcomes;
  assert.ok(first !== undefined && "error" in first);
  assert.equal(first.error.code, "file-changed");
  assert.ok(second !== undefined && "crc" in second, "the next file gets its own connection");
  assert.equal(events.filter((type) => type === "connected").length, 2);
  assert.deepEqual([...Deno.readDirSync(folder.join("data", "staging"))], []);
});

Deno.test({
  name:
    "client: nothing of a file with more bytes than its reported size is stored; the next one is",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder);
    await folder.write("b", "content");
    const { outcomes } = await send(folder, server.address, ["/proc/cpuinfo", "b"]);
    const [first, second] = outcomes;
    assert.ok(first !== undefined && "error" in first);
    assert.equal(first.error.code, "file-changed");
    assert.ok(second !== undefined && "crc" in second);
    assert.deepEqual([...Deno.readDirSync(folder.join("data", "staging"))], []);
  },
});

Deno.test("client: an identity of another name is neither used nor overwritten", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  await folder.write("a", "content");
  await send(folder, server.address, ["a"]);
  const before = await Deno.readTextFile(folder.join("me.info"));
  await assert.rejects(send(folder, server.address, ["a"], { userName: "Bob" }), {
    name: "ConfigurationError",
    code: "other-identity",
  });
  assert.equal(await Deno.readTextFile(folder.join("me.info")), before);
});

const EMPTY_CRC = 4294967295;

Deno.test("client: a server that closes after each approval gets each file on its own connection", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = new ScriptedV3Server(correctAnswers(EMPTY_CRC), "crcValid");
  for (const name of ["a", "b", "c"]) await folder.write(name, "");
  const { outcomes, events } = await send(folder, server.address, ["a", "b", "c"]);
  assert.ok(outcomes.every((outcome) => "crc" in outcome));
  assert.equal(events.filter((type) => type === "connected").length, 3);
});
