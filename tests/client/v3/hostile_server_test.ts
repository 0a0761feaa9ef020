/**
 * Attacks of a server on its client: hanging it, filling its memory or folder, taking its key, writing to its terminal.
 */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { encodeResponse, type Request } from "../../../protocol/v3/messages.ts";
import { encodeTextField } from "../../../protocol/v3/text_field.ts";
import type { Failure, Outcome } from "../../../client/events.ts";
import { generatePrivateKey, wrapKey } from "../../../protocol/cipher/rsa.ts";
import { printable } from "../../../protocol/printable.ts";
import { RefusedError } from "../../../protocol/errors.ts";
import { sendFiles } from "../../../client/v3/send_files.ts";
import { formatIdentity, parseIdentity } from "../../../client/identity/v3_identity.ts";
import { pseudoRandomBytes, utf8 } from "../../support/bytes.ts";
import {
  correctAnswers,
  type Reply,
  ScriptedV3Server,
  SERVER_CHOSEN_ID as clientId,
  silence,
} from "../../support/v3/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const EMPTY_CRC = 4294967295;
/** Short, since some of these servers are silent. Normal answers arrive within a few milliseconds. */
const RESPONSE_MS = 250;
const ESCAPE = "\x1b]0;owned\x07\x1b[2J\r\n\u202e";

const header = (code: number, size: number): Bytes =>
  new Uint8Array([3, code & 0xff, code >> 8, ...new Uint8Array(new Uint32Array([size]).buffer)]);
const field = (value: string): Bytes => encodeTextField(value, 255) ?? assert.fail();
const registered = encodeResponse(edition2023c, { kind: "registered", clientId });
const approved = encodeResponse(edition2023c, { kind: "messageReceived", clientId });

/** Announces a refusal of 4096 bytes and sends one every few milliseconds: it would take 20 seconds. */
async function drip(socket: Deno.TcpConn): Promise<void> {
  await socket.write(header(2101, 4096));
  for (let sent = 0; sent < 4096; sent++) {
    await socket.write(new Uint8Array(1));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Sends while the client reads. */
async function flood(socket: Deno.TcpConn): Promise<void> {
  const bytes = concatBytes(...Array<Bytes>(1000).fill(approved));
  for (;;) await socket.write(bytes);
}

interface Hostile {
  readonly does: string;
  /** The kind of request that gets an unusual answer. Other requests get normal answers. */
  readonly to: Request["kind"];
  readonly with: (request: Request) => Reply | Promise<Reply>;
  readonly code: string;
  /** `not-stored` if not given. */
  readonly state?: Failure["state"];
}

const OTHER_ID = pseudoRandomBytes(16, 77);

const HOSTILE: readonly Hostile[] = [
  ...([
    ["promises 4 GiB", header(2100, 0xffffffff), "bad-payload-size"],
    ["answers with an unknown code", header(0xffff, 0), "unknown-code"],
    ["sends a short id", concatBytes(header(2100, 3), utf8("abc")), "truncated"],
    ["sends half a response", registered.subarray(0, 12), "connection-closed"],
    ["closes", "close", "connection-closed"],
    ["confirms without a request", { kind: "messageReceived", clientId }, "unexpected-response"],
    ["refuses in general", { kind: "generalError" }, "general-error"],
    [
      "refuses with words",
      concatBytes(header(2101, utf8(ESCAPE).length), utf8(ESCAPE)),
      "name-taken",
    ],
    ["says nothing", silence, "response-timeout"],
    ["drips", drip, "response-timeout"],
    ["floods", flood, "unexpected-response"],
  ] as const).map(([does, reply, code]) =>
    ({ does, to: "register", with: () => reply, code }) as const
  ),
  {
    does: "wraps an AES key of another size",
    to: "publicKey",
    with: async (request) => ({
      kind: "keyReceived",
      clientId,
      wrappedKey: request.kind === "publicKey"
        ? await wrapKey(request.publicKey, new Uint8Array(24))
        : assert.fail(),
    }),
    code: "bad-key-size",
  },
  {
    does: "sends an invalid wrapped key",
    to: "publicKey",
    with: () => ({ kind: "keyReceived", clientId, wrappedKey: pseudoRandomBytes(128) }),
    code: "bad-wrapped-key",
  },
  {
    does: "sends a wrapped key that is longer",
    to: "publicKey",
    with: () => concatBytes(header(2102, 16 + 256), clientId, pseudoRandomBytes(256)),
    code: "surplus",
  },
  {
    does: "sends a key for another client",
    to: "publicKey",
    with: () => ({ kind: "keyReceived", clientId: OTHER_ID, wrappedKey: pseudoRandomBytes(128) }),
    code: "wrong-client-id",
  },
  {
    does: "confirms a file with control characters in its name",
    to: "sendFile",
    with: () => ({
      kind: "fileReceived",
      ...{ clientId, contentSize: 16, fileName: field(ESCAPE), crc: EMPTY_CRC },
    }),
    code: "wrong-file-name",
  },
  {
    does: "never has the right checksum",
    to: "sendFile",
    with: () => ({
      kind: "fileReceived",
      ...{ clientId, contentSize: 16, fileName: field("a"), crc: 1 },
    }),
    code: "crc-mismatch",
  },
  {
    does: "confirms repeatedly before the checksum",
    to: "sendFile",
    with: () => flood,
    code: "unexpected-response",
  },
  {
    does: "says nothing to the approval",
    to: "crcValid",
    with: () => silence,
    code: "not-confirmed",
    state: "unknown",
  },
  {
    does: "answers the approval with something else",
    to: "crcValid",
    with: () => registered,
    code: "not-confirmed",
    state: "unknown",
  },
  {
    does: "refuses the approval",
    to: "crcValid",
    with: () => ({ kind: "generalError" }),
    code: "general-error",
  },
];

/** Sends empty files, `a` by default. */
async function send(
  folder: TemporaryFolder,
  server: ScriptedV3Server,
  names: readonly string[] = ["a"],
): Promise<Outcome[]> {
  for (const name of names) await folder.write(name, "");
  return await sendFiles({
    connect: {
      server: server.address,
      userName: "Alice",
      identityFolder: folder.path,
      timeouts: { responseMs: RESPONSE_MS },
    },
    retry: { retries: 0 },
    files: names.map((name) => folder.join(name)),
  });
}

const left = (folder: TemporaryFolder, sent: readonly string[] = ["a"]) =>
  [...Deno.readDirSync(folder.path)].map(({ name }) => name)
    .filter((name) => !sent.includes(name)).sort();

function assertHarmless({ error }: Failure): void {
  for (const words of [error.message, error.hint ?? "", error.code]) {
    assert.equal(words, printable(words));
  }
}

for (const { does, to, with: reply, code, state = "not-stored" } of HOSTILE) {
  Deno.test(`hostile server: one that ${does} (to ${to}): ${code}, ${state}`, async () => {
    await using folder = await TemporaryFolder.create();
    const correct = correctAnswers(EMPTY_CRC);
    await using server = new ScriptedV3Server(async (request) =>
      request.kind === to ? await reply(request) : await correct(request)
    );
    const [outcome] = await send(folder, server);
    assert.ok(outcome !== undefined && outcome.state !== "stored");
    assert.deepEqual([outcome.state, outcome.error.code], [state, code], outcome.error.message);
    assertHarmless(outcome);
    const identity = { register: [], publicKey: ["me.info"] }[to as string] ??
      ["me.edition", "me.info"];
    const isRefused = to === "register" && outcome.error instanceof RefusedError;
    assert.deepEqual(left(folder), isRefused ? [] : [...identity, "priv.key"]);
  });
}

Deno.test("hostile server: if it reads nothing, the client gives up in time", async () => {
  await using folder = await TemporaryFolder.create();
  const correct = correctAnswers(EMPTY_CRC);
  await using server = new ScriptedV3Server(async (request) => {
    const answer = await correct(request);
    // The server sends the key, and no longer reads.
    return request.kind !== "publicKey" ? answer : async (socket) => {
      await socket.write(encodeResponse(edition2023c, answer));
      await server.ended;
    };
  });
  await folder.write("large", new Uint8Array(50_000_000));
  const [outcome] = await sendFiles({
    connect: {
      server: server.address,
      userName: "Alice",
      identityFolder: folder.path,
      timeouts: { responseMs: RESPONSE_MS },
    },
    retry: { retries: 0 },
    files: [folder.join("large")],
  });
  assert.ok(outcome?.state === "not-stored" && outcome.error.code === "send-timeout");
});

Deno.test("hostile server: one that always denies gets new ids, a bounded number of copies, and never another key", async () => {
  await using folder = await TemporaryFolder.create();
  const correct = correctAnswers(EMPTY_CRC);
  let ids = 0;
  await using server = new ScriptedV3Server((request) => {
    if (request.kind === "reconnect") return Promise.resolve({ kind: "denied", clientId });
    if (request.kind !== "register") return correct(request);
    return Promise.resolve({ kind: "registered", clientId: pseudoRandomBytes(16, 2 * ids++ + 1) });
  });
  const names = Array.from({ length: 30 }, (_, index) => `file${index}`);
  const outcomes = await send(folder, server, names);
  const failure = outcomes.find((outcome) => outcome.state !== "stored");
  assert.ok(failure !== undefined);
  assert.equal(failure.error.code, "too-many-copies");
  assert.deepEqual(await send(folder, server, ["a"]).then(([first]) => first?.state), "not-stored");
  const files = left(folder, [...names, "a"]);
  assert.equal(files.filter((name) => name.startsWith("me.info.old")).length, 20);
  assert.equal(files.length, 23, "and me.edition, me.info, priv.key");
  const key = parseIdentity(await Deno.readTextFile(folder.join("me.info")), "").privateKey;
  for (const name of files.filter((file) => file.startsWith("me.info"))) {
    const text = await Deno.readTextFile(folder.join(name));
    assert.deepEqual(parseIdentity(text, name).privateKey, key, name);
  }
});

Deno.test("hostile server: if it denies and then refuses the name, the identity is unchanged", async () => {
  await using folder = await TemporaryFolder.create();
  const before = formatIdentity({
    name: "Alice",
    clientId,
    privateKey: await generatePrivateKey(),
  });
  await folder.write("me.info", before);
  await using server = new ScriptedV3Server((request) =>
    Promise.resolve(
      request.kind === "reconnect" ? { kind: "denied", clientId } : { kind: "refused" },
    )
  );
  const [outcome] = await send(folder, server);
  assert.ok(outcome?.state === "not-stored" && outcome.error.code === "name-taken");
  assert.equal(await Deno.readTextFile(folder.join("me.info")), before);
  assert.deepEqual(left(folder), ["me.info", "me.info.old"]);
});
