/** The client's reaction to network failures, at every point of a conversation. */
import assert from "node:assert/strict";
import type { Address } from "../../../protocol/address.ts";
import type { Outcome, V3Event } from "../../../client/events.ts";
import { EDITIONS } from "../../../protocol/v3/editions/mod.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { sendFiles } from "../../../client/v3/send_files.ts";
import type { V3ConnectOptions } from "../../../client/v3/connect_options.ts";
import type { RetryOptions } from "../../../client/net/retry.ts";
import type { Server } from "../../../server/server.ts";
import type { ServerOptions } from "../../../server/lifecycle/server_options.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { FaultyProxy } from "../../support/net/faulty_proxy.ts";
import { type Cut, Cuts } from "../../support/net/tamper.ts";
import { correctAnswers, ScriptedV3Server, silence } from "../../support/v3/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

const TIMEOUTS = { connectMs: 5000, responseMs: 5000 };
const CONTENT = { a: pseudoRandomBytes(3_000_000), b: pseudoRandomBytes(100, 2) };

const start = (folder: TemporaryFolder, options: Partial<ServerOptions> = {}) =>
  startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    dataFolder: folder.join("data"),
    ...options,
  });

interface Run {
  readonly outcomes: readonly Outcome[];
  readonly events: readonly V3Event[];
  /** The requested waits, in milliseconds. None is actually waited for. */
  readonly pauses: readonly number[];
}

interface Changes extends Partial<V3ConnectOptions>, RetryOptions {
  readonly files?: readonly string[];
}

/** Sends files `a` and `b`, without waiting between retries. */
async function send(
  folder: TemporaryFolder,
  server: Address,
  { retries, pause, random = () => 0.5, files, ...options }: Changes = {},
): Promise<Run> {
  const events: V3Event[] = [];
  const pauses: number[] = [];
  for (const [name, content] of Object.entries(CONTENT)) await folder.write(name, content);
  const outcomes = await sendFiles({
    connect: {
      server,
      userName: "Alice",
      identityFolder: folder.path,
      timeouts: TIMEOUTS,
      ...options,
      onEvent: (event) => events.push(event),
    },
    retry: {
      ...retries === undefined ? {} : { retries },
      random,
      pause: async (ms) => {
        pauses.push(ms);
        await pause?.(ms);
      },
    },
    files: files ?? Object.keys(CONTENT).map((name) => folder.join(name)),
  });
  return { outcomes, events, pauses };
}

const states = ({ outcomes }: Run) => outcomes.map(({ state }) => state);

const codes = ({ outcomes }: Run) =>
  outcomes.map((outcome) => outcome.state === "stored" ? "" : outcome.error.code);

const retried = ({ events }: Run) =>
  events.flatMap((event) => event.type === "retrying" ? [event.error.code] : []);

async function assertStored(folder: TemporaryFolder): Promise<void> {
  const dataFolder = folder.join("data");
  const [client, ...others] = await listStored(dataFolder);
  assert.deepEqual(others, []);
  assert.deepEqual(client?.files.map(({ name }) => name), Object.keys(CONTENT));
  for (const [fileName, content] of Object.entries(CONTENT)) {
    const target = folder.join(`export-${fileName}`);
    await exportFile({ dataFolder, userName: "Alice", fileName, target });
    assert.deepEqual(await Deno.readFile(target), new Uint8Array(content), fileName);
  }
}

const names = (folder: TemporaryFolder) =>
  [...Deno.readDirSync(folder.path)].map(({ name }) => name).filter((name) =>
    /^(me|priv)\./.test(name)
  ).sort();

const IDENTITY = ["me.edition", "me.info", "priv.key"];

/** Each point at which a run of two files can be cut, except for the one before the answer to a registration. */
const POINTS: readonly (readonly [string, Cut])[] = [
  ["before the registration is sent", { afterBytes: 1 }],
  ["after the id, before the key", { after: "registered" }],
  ["after the key was received, before the answer", { before: "keyReceived" }],
  ["after the answer to the key", { after: "keyReceived" }],
  ["at the beginning of the content", { afterBytes: 1300 }],
  ["in the middle of the content", { afterBytes: 1_500_000 }],
  ["at the last byte of the content", { afterBytes: 3_000_000 }],
  ["after the content, before the checksum", { before: "fileReceived" }],
  ["after the checksum, before the approval", { after: "fileReceived" }],
  ["after the approval, before the answer", { before: "messageReceived" }],
  ["after the file", { after: "messageReceived" }],
  ["before the second file's key", { before: "reconnected" }],
  ["after the second file's key", { after: "reconnected" }],
];

for (const [where, cut] of POINTS) {
  Deno.test(`retry: the connection is lost ${where}: both files are stored, once`, async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder);
    const network = new Cuts([cut]);
    await using proxy = await FaultyProxy.start(server.address, network);
    const run = await send(folder, proxy.address);
    assert.equal(network.left, 0, "it was not cut");
    assert.deepEqual(states(run), ["stored", "stored"]);
    // On a connection that has sent a file before, one more connection is not a retry: some servers close after each
    // file.
    const atOnce = ["after the file", "before the second file's key"].includes(where);
    assert.equal(retried(run).length, atOnce ? 0 : 1);
    assert.deepEqual(names(folder), IDENTITY, "an identity that was never used is not kept aside");
    await assertStored(folder);
  });
}

Deno.test("retry: the connection is lost at every point in turn: one run survives all", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const cuts: Cut[] = [
    { afterBytes: 1 },
    { after: "registered" },
    { before: "keyReceived" },
    { before: "reconnected" },
    { after: "reconnected" },
    { afterBytes: 1_500_000 },
    { before: "fileReceived" },
    { after: "fileReceived" },
    { before: "messageReceived" },
  ];
  const network = new Cuts(cuts);
  await using proxy = await FaultyProxy.start(server.address, network);
  const run = await send(folder, proxy.address, { retries: cuts.length });
  assert.equal(network.left, 0);
  assert.deepEqual(states(run), ["stored", "stored"]);
  await assertStored(folder);
});

for (const edition of EDITIONS) {
  Deno.test(`retry: a lost connection is recovered in ${edition.name}, too`, async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder, {
      listen: [{ hostname: "127.0.0.1", port: 0, editions: [edition] }],
    });
    const cuts = [{ after: "registered" }, { before: "fileReceived" }] as const;
    const network = new Cuts(cuts, edition);
    await using proxy = await FaultyProxy.start(server.address, network);
    const run = await send(folder, proxy.address, { edition });
    assert.equal(network.left, 0);
    assert.deepEqual(states(run), ["stored", "stored"]);
    await assertStored(folder);
  });
}

Deno.test("retry: lost before the answer to the registration: the name may be the client's, and is free after 10 minutes", async () => {
  await using folder = await TemporaryFolder.create();
  let now = Date.now();
  await using server = await start(folder, { clock: () => now });
  const cut = { before: "registered" } as const;
  const network = new Cuts([cut]);
  await using proxy = await FaultyProxy.start(server.address, network);
  const run = await send(folder, proxy.address);
  assert.deepEqual(states(run), ["not-stored", "not-tried"]);
  assert.deepEqual(retried(run), ["connection-closed"]);
  const assertOwn = ({ outcomes: [first] }: Run) => {
    assert.ok(first?.state === "not-stored" && first.error.code === "name-taken");
    assert.match(first.error.message, /perhaps by an earlier registration of this client/);
    assert.match(first.error.hint ?? "", /10 minutes/);
  };
  assertOwn(run);
  assert.deepEqual(names(folder), ["priv.key"]);
  const key = await Deno.readTextFile(folder.join("priv.key"));
  assertOwn(await send(folder, proxy.address));
  now += 10 * 60_000 + 1;
  assert.deepEqual(states(await send(folder, proxy.address)), ["stored", "stored"]);
  assert.equal(await Deno.readTextFile(folder.join("priv.key")), key);
  await assertStored(folder);
});

Deno.test("retry: a denied identity stays until a new one exists, whatever is lost in between", async () => {
  await using folder = await TemporaryFolder.create();
  await using elsewhere = await TemporaryFolder.create();
  await using first = await start(folder);
  await using server = await start(elsewhere);
  await send(folder, first.address);
  const before = await Deno.readTextFile(folder.join("me.info"));
  const cuts = [{ after: "denied" }, { after: "registered" }] as const;
  const network = new Cuts(cuts);
  await using proxy = await FaultyProxy.start(server.address, network);
  const run = await send(folder, proxy.address);
  assert.equal(network.left, 0);
  assert.deepEqual(states(run), ["stored", "stored"]);
  assert.deepEqual(names(folder), ["me.edition", "me.info", "me.info.old", "priv.key"]);
  assert.equal(await Deno.readTextFile(folder.join("me.info.old")), before);
});

Deno.test("retry: used up after the approval: the file's state is unknown, and the next file is not tried", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const cut = { before: "messageReceived" } as const;
  const network = new Cuts([cut, cut, cut]);
  await using proxy = await FaultyProxy.start(server.address, network);
  const run = await send(folder, proxy.address, { retries: 2 });
  assert.deepEqual(states(run), ["unknown", "not-tried"]);
  assert.deepEqual(codes(run), ["not-confirmed", "not-confirmed"]);
  assert.deepEqual(retried(run), ["not-confirmed", "not-confirmed"]);
  const last = run.events.slice(-2).map((event) => event.type === "failed" && event.state);
  assert.deepEqual(last, ["unknown", "not-tried"]);
});

Deno.test("retry: an unknown state stays unknown, whatever ends the retries", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const network = new Cuts([{ before: "messageReceived" }]);
  await using proxy = await FaultyProxy.start(server.address, network);
  const gone = await send(folder, proxy.address, {
    retries: 1,
    pause: () => server[Symbol.asyncDispose](),
  });
  assert.deepEqual(states(gone), ["unknown", "not-tried"]);
  assert.notEqual(codes(gone)[0], "not-confirmed");
});

Deno.test("retry: lost while giving up: the checksums decide, and nothing is sent again", async () => {
  await using folder = await TemporaryFolder.create();
  const sound = correctAnswers(1);
  await using server = new ScriptedV3Server((request) =>
    request.kind === "crcGivenUp" ? Promise.resolve("close") : sound(request)
  );
  const run = await send(folder, server.address, { files: [folder.join("b")] });
  assert.deepEqual(codes(run), ["crc-mismatch"]);
  assert.deepEqual(run.pauses, []);
});

Deno.test("retry: a silent server is disconnected, and tried again on a new connection", async () => {
  await using folder = await TemporaryFolder.create();
  const sound = correctAnswers(4294967295);
  let silent = true;
  await using server = new ScriptedV3Server(async (request) => {
    const answer = await sound(request);
    if (request.kind !== "publicKey" || !silent) return answer;
    silent = false;
    return silence;
  });
  await folder.write("empty", "");
  const run = await send(folder, server.address, {
    files: [folder.join("empty")],
    timeouts: { responseMs: 200 },
  });
  assert.deepEqual(states(run), ["stored"]);
  assert.deepEqual(retried(run), ["response-timeout"]);
});

Deno.test("retry: waits grow from up to 1 s to up to a minute, are half random, and start over with each file", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const cut = { before: "fileReceived" } as const;
  const cuts = [...Array(9).fill(cut), { after: "messageReceived" }, cut, cut];
  const network = new Cuts(cuts);
  await using proxy = await FaultyProxy.start(server.address, network);
  let draws = 0;
  const run = await send(folder, proxy.address, {
    retries: 9,
    random: () => {
      draws++;
      return 0.998;
    },
  });
  assert.deepEqual(states(run), ["stored", "stored"]);
  const longest = [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 999);
  assert.deepEqual(run.pauses, [...longest, 999, 1998]);
  assert.equal(draws, run.pauses.length);
});

Deno.test("retry: 0 means never, and only network errors are retried", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const network = new Cuts([{ before: "fileReceived" }]);
  await using proxy = await FaultyProxy.start(server.address, network);
  const never = await send(folder, proxy.address, { retries: 0 });
  assert.deepEqual(states(never), ["not-stored", "not-tried"]);
  assert.deepEqual(never.pauses, []);
  await using stranger = await TemporaryFolder.create();
  const refused = await send(stranger, server.address);
  assert.deepEqual(codes(refused), ["name-taken", "name-taken"]);
  assert.deepEqual(refused.pauses, []);
});

Deno.test("retry: a server that returns during the wait is found, also while its edition is being detected", async () => {
  await using folder = await TemporaryFolder.create();
  await using first = await start(folder);
  const { address } = first;
  await first[Symbol.asyncDispose]();
  let server: Server | undefined;
  const run = await send(folder, address, {
    edition: "auto",
    pause: async () => void (server ??= await start(folder, { listen: [address] })),
  });
  await using _ = server;
  assert.deepEqual(retried(run), ["cannot-connect"]);
  assert.deepEqual(states(run), ["stored", "stored"]);
});
