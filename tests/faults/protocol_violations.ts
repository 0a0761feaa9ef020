/**
 * Peers that violate protocol 4: fuzzed clients with a real server, fuzzed servers with the real client, fuzzed bytes
 * for all parsers.
 */
import assert from "node:assert/strict";
import { reset } from "@logtape/logtape";
import type { Address } from "../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { cksum } from "../../protocol/crc/cksum.ts";
import { DEFAULT_TIMEOUTS } from "../../client/net/dial.ts";
import { getFile } from "../../client/v4/get_files.ts";
import { getOutcomes } from "../support/v4/get_outcomes.ts";
import { ProtocolError, XferError } from "../../protocol/errors.ts";
import { putAll } from "../support/v4/put_all.ts";
import { type DiscoveredServer, findV4Server } from "../../client/v4/discover.ts";
import { openPinned } from "../../client/v4/open_tls.ts";
import { AccountFolder } from "../../client/identity/v4_account.ts";
import { KnownServers } from "../../client/identity/known_servers.ts";
import { sign } from "../../protocol/v4/authentication.ts";
import { fingerprintOf, formatLocation, parseLocation } from "../../protocol/v4/fingerprint.ts";
import { FrameReader } from "../../protocol/v4/frame_reader.ts";
import { decodeHelloAnswer, encodeHelloAnswer } from "../../protocol/hello.ts";
import { encodeMessage, type Message } from "../../protocol/v4/messages.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes, utf8 } from "../support/bytes.ts";
import type { Dice } from "../support/v3/fuzz.ts";
import { ScriptedV4Server } from "../support/v4/scripted_server.ts";
import { damaged, fuzzFrames, mutated, requests } from "../support/v4/fuzz.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { takeLogs } from "../support/server_log.ts";
import { Fixture, got, put } from "../support/v4/fixture.ts";
import { readWholeFolder } from "./data_folder.ts";
import type { Loop } from "./loop.ts";
import { oddAnswers } from "./odd_answers.ts";

/** The number of fuzzed peers at once. Each waits now and then. */
const SIDE_BY_SIDE = 6;
/** The wait of either end for data that never arrives. */
const PATIENCE_MS = 1000;
/** The time after which an end counts as hanging. */
const HANGS_MS = 60_000;

/** Sends mutated conversations through the reader of frames. */
export async function fuzzReader(loop: Loop, { batch = 100 } = {}): Promise<void> {
  while (loop.next()) {
    for (let run = 0; run < batch; run++) loop.count(fuzzFrames(loop.dice) ? "refused" : "read");
    // Signals are handled only between two rounds.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Clients that sign in and then send anything. The server serves on, logs no internal error, and its data is whole. */
export async function fuzzServer(loop: Loop): Promise<void> {
  const failures: unknown[] = [];
  await takeLogs("error", (record) => void failures.push(record.properties));
  try {
    const limits = {
      ...{ idleTimeoutMs: PATIENCE_MS, requestTimeoutMs: PATIENCE_MS, stallTimeoutMs: PATIENCE_MS },
      maxRegistrationsPerHour: Infinity,
    };
    await using fixture = await Fixture.create(limits);
    const dataFolder = fixture.folder.join("data");
    const names = Array.from({ length: SIDE_BY_SIDE }, (_, i) => `Odd${i}`);
    for (const name of ["Sound", ...names]) (await fixture.client(name))[Symbol.dispose]();
    await Promise.all(names.map(async (name) => {
      while (loop.next()) {
        const ended = await beOdd(fixture, name, loop.dice);
        loop.count(`odd clients: ${ended}`);
        assert.deepEqual(failures, [], "failures that the server logs");
      }
    }));
    const content = pseudoRandomBytes(3000);
    using sound = await fixture.client("Sound");
    assert.equal(
      typeof (await put(sound, [{ file: await fixture.source("a", content) }]))[0],
      "number",
    );
    assert.deepEqual(await got(sound, "a"), content);
    await fixture.server.close();
    assert.deepEqual(failures, [], "failures that the server logs");
    assert.deepEqual(readWholeFolder(dataFolder).get("Sound"), new Map([["a", content]]));
  } finally {
    await reset();
  }
}

/** A busy machine may be silent for so long that the server seems to have another protocol. */
async function soonSecure(address: Address): Promise<DiscoveredServer> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const answer = await findV4Server(address, DEFAULT_TIMEOUTS).catch((error) => {
      // The server gave up waiting for the hello, or the client for the answer.
      assert.ok(["protocol-4-not-spoken", "no-hello"].includes(error.code), error.code);
    });
    if (answer !== undefined) return answer;
  }
  return assert.fail("the server does not answer the hello");
}

/** Signs in and sends messages chosen by the dice. Returns how the server ended the connection. */
async function beOdd(fixture: Fixture, name: string, dice: Dice): Promise<string> {
  const folder = new AccountFolder(fixture.folder.join(name));
  const [{ privateKey, publicKey: key }, account] = [
    await folder.loadKey(),
    await folder.loadAccount(),
  ];
  const clientId = account?.clientId ?? assert.fail();
  const messages = mutated(dice, [...requests(), ...requests().map(later)]);
  const said = concatBytes(...messages.map(encodeMessage));
  const bytes = dice.roll(3) === 0 ? damaged(dice, said) : said;
  const answer = await soonSecure(fixture.server.address);
  const fingerprint = await fingerprintOf(answer.certificate);
  const begun = performance.now();
  const tls = await openPinned(fixture.server.address, answer, fingerprint, DEFAULT_TIMEOUTS);
  const frames = new FrameReader("server");
  const received: Message[] = [];
  const buffer = new Uint8Array(64 * 1024);
  const hear = async (): Promise<boolean> => {
    const size = await tls.read(buffer).catch(() => null);
    if (size === null) return false;
    frames.push(buffer.subarray(0, size));
    // The server's messages are well-formed, whatever it received.
    for (let next = frames.next(); next !== undefined; next = frames.next()) received.push(next);
    return true;
  };
  return await inTime("the server", async () => {
    try {
      while (received.length === 0) assert.ok(await hear(), "a challenge");
      const nonce = received[0]?.kind === "challenge" ? received[0].nonce : assert.fail();
      const signature = await sign(privateKey, { fingerprint, nonce, key, clientId });
      await write(tls, encodeMessage({ kind: "login", tag: 0, clientId, key, signature }));
      while (received.length === 1) {
        if (await hear()) continue;
        // A busy machine may exceed the server's timeout.
        assert.ok(performance.now() - begun > PATIENCE_MS / 2, "a welcome");
        return "before the welcome";
      }
      // Sends and reads at the same time, so that neither end waits for the other.
      const saying = (async () => {
        await write(tls, bytes);
        await tls.closeWrite();
      })().catch(() => undefined);
      while (await hear());
      await saying;
    } finally {
      tls.close();
    }
    const last = received.at(-1);
    return last?.kind === "error" && last.tag === 0 ? last.code : "to the end";
  });
}

/** The same messages with other tags, so that they can be sent again. */
function later(message: Message): Message {
  return { ...message, tag: message.tag + 100 };
}

/** Servers that prove their key and then send anything. The client ends, and writes nothing elsewhere. */
export async function fuzzClient(loop: Loop): Promise<void> {
  const lanes = Array.from({ length: SIDE_BY_SIDE }, async () => {
    await using server = await ScriptedV4Server.start();
    while (loop.next()) await meetOddServer(server, loop);
  });
  await Promise.all(lanes);
}

/** A client does something chosen by the dice, with a server whose answers they choose, too. */
async function meetOddServer(server: ScriptedV4Server, loop: Loop): Promise<void> {
  const content = pseudoRandomBytes(1000);
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("identity"), { mode: 0o700 });
  const paths = [await folder.write("a", content)];
  await Deno.mkdir(folder.join("b"));
  for (let i = 0; i < 5; i++) await folder.write(`b/${i}`, pseudoRandomBytes(100 * i, i));
  const large = pseudoRandomBytes(CHUNK_SIZE + 5);
  await folder.write("c", large);
  const seed = loop.dice.roll(2 ** 32);
  server.answers = oddAnswers(loop.dice, content);
  const connect = {
    ...{ server: server.address, userName: "Alice", identityFolder: folder.join("identity") },
    timeouts: { responseMs: PATIENCE_MS, connectMs: 5000 },
    onNewServer: () => true,
  };
  const transfer = { retries: 0 };
  const target = folder.join("target");
  const acts: readonly (() => Promise<unknown>)[] = [
    async () => {
      const [outcome] = await putAll({ connect, transfer, paths });
      assert.ok(outcome !== undefined);
      if ("error" in outcome) throw outcome.error;
      if (outcome.state !== "stored") return;
      assert.equal(outcome.crc, cksum(content), "both ends agree on the stored files");
    },
    () => getFile({ connect, transfer, name: "a", target }),
    // The index, the list, packs and updates: the second time, only times have changed.
    async () => {
      for (const time of [1, 2]) {
        for (const name of ["0", "1", "2"]) await Deno.utime(folder.join("b", name), time, time);
        await putAll({ connect, transfer, paths: [folder.join("b")], mirror: {} });
      }
    },
    async () => {
      const [outcome] = await putAll({ connect, transfer, paths: [folder.join("c")] });
      assert.ok(outcome !== undefined);
      if ("error" in outcome) throw outcome.error;
      if (outcome.state === "stored") assert.equal(outcome.crc, cksum(large), "both ends agree");
    },
    () => getOutcomes({ connect, transfer, names: ["folder"], recursive: true, target }),
  ];
  const act = loop.dice.pick(acts);
  const outcome = await inTime("the client", async () => {
    try {
      await act();
      return "succeeded";
    } catch (error) {
      if (error instanceof XferError) return error.code;
      throw new Error(`seed ${seed}: ${error}`, { cause: error });
    }
  });
  loop.count(`odd servers: ${outcome}`);
  const there = [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
  const own = ["a", "b", "c", "identity"];
  const expected = there.includes("target") ? [...own, "target"] : own;
  assert.deepEqual(there, expected, "only the target is written");
  assert.deepEqual(new Uint8Array(await Deno.readFile(folder.join("a"))), content);
  if (act === acts[1] && there.includes("target")) {
    assert.deepEqual(new Uint8Array(await Deno.readFile(target)), content);
  }
}

/** Fuzzed texts and bytes for the parsers of input from people and networks. */
export async function fuzzTexts(loop: Loop): Promise<void> {
  await using folder = await TemporaryFolder.create();
  const known = new KnownServers(folder.path);
  const fingerprint = pseudoRandomBytes(32);
  const address = { hostname: "::1", port: 7 };
  const location = formatLocation({ address, secure: true, fingerprint });
  const hello = encodeHelloAnswer({ port: 7, certificate: pseudoRandomBytes(300) });
  while (loop.next()) {
    const text = new TextDecoder().decode(damaged(loop.dice, utf8(location)));
    const read = parseLocation(text);
    // An accepted text equals its canonical form, except for digits of the port.
    if (read !== undefined) assert.deepEqual(parseLocation(formatLocation(read)), read, text);
    loop.count(read === undefined ? "locations refused" : "locations read");
    const lines = damaged(loop.dice, utf8(location.replace(/^xfer:\/\/(.*)#/, "$1 ")));
    await Deno.writeFile(known.path, lines);
    try {
      await known.find(address);
      loop.count("known_servers read");
    } catch (error) {
      assert.equal((error as XferError).code, "bad-known-servers", `${error}`);
      loop.count("known_servers refused");
    }
    try {
      const answer = decodeHelloAnswer(damaged(loop.dice, hello.slice()));
      loop.count(answer === undefined ? "hellos incomplete" : "hellos read");
    } catch (error) {
      assert.ok(error instanceof ProtocolError, `${error}`);
      assert.equal(error.code, "protocol-4-not-spoken");
      loop.count("hellos refused");
    }
  }
}

async function write(socket: Deno.TlsConn, bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await socket.write(bytes.subarray(done));
}

/** Throws if an operation does not end: its longest wait takes seconds. */
async function inTime<T>(who: string, work: () => Promise<T>): Promise<T> {
  const hangs = Promise.withResolvers<never>();
  const timer = setTimeout(() => hangs.reject(new Error(`${who} hangs`)), HANGS_MS);
  try {
    return await Promise.race([work(), hangs.promise]);
  } finally {
    clearTimeout(timer);
  }
}
