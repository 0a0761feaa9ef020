/** Plays recorded messages of published clients to our server, and compares its answers with the recorded ones. */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import type { Address } from "../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { cksum } from "../../protocol/crc/cksum.ts";
import { decodeResponse } from "../../protocol/v3/messages.ts";
import { decodeResponseHeader, RESPONSE_HEADER_SIZE } from "../../protocol/header.ts";
import { DEFAULT_SERVED, findEdition } from "../../protocol/v3/editions/mod.ts";
import type { Edition, ResponseKind } from "../../protocol/v3/editions/edition.ts";
import { edition2024early } from "../../protocol/v3/editions/edition_2024early.ts";
import { framePadding } from "../../protocol/v3/editions/quirks.ts";
import type { StoredFile } from "../../server/catalog/files.ts";
import type { Random } from "../../server/random.ts";
import { unwrapKey, wrapKey } from "../../protocol/cipher/rsa.ts";
import { restoreChecksums } from "../support/store/corrupt_catalog.ts";
import { kindOfCode, readMessages } from "../support/v3/recorded_messages.ts";
import type { Entry, Recording } from "../support/v3/recordings.ts";
import { DIFFERENCES, SURPLUS } from "./server_differences.ts";

/** The last field of a "file received". */
const CRC_SIZE = 4;

/** Clients that pad every message to 1024 bytes and expect answers padded alike. */
const FRAMED = ["2023a-c", "2023a-c_to_2023a-a", "2024-d"];

/** Servers that a recording is played to. */
export interface Replayed {
  /** Starts servers, on what earlier ones have left, and stops them after `use`. */
  serve(
    options: { readonly editions: readonly Edition[]; readonly random: Random },
    use: (address: Address) => Promise<void>,
  ): Promise<void>;
  /** All stored files. */
  stored(): Promise<readonly StoredFile[]>;
  /** The content of a file. */
  read(file: StoredFile): Promise<Bytes>;
  /**
   * Whether servers handle connections in no particular order, so that each answer must be awaited, and the end of each
   * connection.
   */
  readonly isUnordered?: boolean;
}

/** Plays a recording. Fails if an answer is worse than the recorded one. */
export async function replayRecording(
  peer: string,
  recording: Recording,
  replayed: Replayed,
): Promise<void> {
  const edition = findEdition(recording.edition) ?? assert.fail();
  const editions = edition === edition2024early ? [edition] : DEFAULT_SERVED;
  const options = { editions, random: await recordedRandom(edition, recording) };
  // Earlier sessions run on a server of their own. Another server must find their accounts and files.
  const player = new Player(peer, edition, recording, replayed.isUnordered === true);
  await replayed.serve(options, (address) => player.play(address, recording.earlier, "lenient"));
  const restored = restoreChecksums(edition, recording.entries, recording.falsified);
  const entries = replayed.isUnordered ? answersFirst(restored) : restored;
  await replayed.serve(options, (address) => player.play(address, entries, "strict"));
  await checkStored(replayed, edition, recording);
}

/** The entries of a client that awaits the answer on one connection before it sends on another. */
function answersFirst(entries: readonly Entry[]): Entry[] {
  const ordered: Entry[] = [];
  for (const entry of entries) {
    const question = entry.dir === "c2s"
      ? -1
      : ordered.findLastIndex(({ conn }) => conn === entry.conn);
    ordered.splice(question < 0 ? ordered.length : question + 1, 0, entry);
  }
  return ordered;
}

/** Sends the recorded client's messages, entry by entry, and compares the answers. */
class Player {
  readonly #peer: string;
  readonly #edition: Edition;
  readonly #recording: Recording;
  readonly #isUnordered: boolean;
  #refused = false;
  /** The number of times that the client has rejected the checksum. */
  #invalid = 0;

  constructor(peer: string, edition: Edition, recording: Recording, isUnordered: boolean) {
    this.#peer = peer;
    this.#edition = edition;
    this.#recording = recording;
    this.#isUnordered = isUnordered;
  }

  async play(address: Address, entries: readonly Entry[], mode: "strict" | "lenient") {
    const connections = new Map<number, Deno.TcpConn>();
    const more: Bytes[] = [];
    try {
      for (const [index, { conn, dir, bytes }] of entries.entries()) {
        if (this.#refused) return;
        const socket = connections.get(conn) ?? await Deno.connect({ ...address });
        connections.set(conn, socket);
        if (dir === "c2s") {
          if (codeOf(bytes) === this.#edition.requests.crcInvalid.code) this.#invalid++;
          await write(socket, bytes);
        } else await this.#compare(socket, bytes, mode, `entry ${index}`);
        const isLast = !entries.slice(index + 1).some((later) => later.conn === conn);
        if (isLast && this.#isUnordered) more.push(await readRest(socket));
      }
      for (const socket of connections.values()) more.push(await readRest(socket));
      if (mode === "strict") this.#expectNoMore(more);
    } finally {
      for (const socket of connections.values()) socket.close();
    }
  }

  async #compare(socket: Deno.TcpConn, recorded: Bytes, mode: string, where: string) {
    for (const message of readMessages(this.#edition, recorded)) {
      const difference = DIFFERENCES.find((other) =>
        other.peer === this.#peer && other.recorded === message.kind &&
        (other.scenario?.test(this.#recording.label) ?? true)
      );
      if (difference?.ours === "nothing") continue;
      if (mode === "lenient") {
        // The keys of an earlier client may be unknown: its file is then not approved, and 2022 closes.
        await this.#read(socket).catch(() => undefined);
        continue;
      }
      const ours = await this.#read(socket);
      const oursKind = kindOfCode(this.#edition, decodeResponseHeader(ours).code);
      if (oursKind === "fileReceived") this.#checkCrc(ours);
      if (difference !== undefined) {
        assert.equal(oursKind, difference.ours, `${where}: ${difference.because}`);
      } else if (oursKind === "fileReceived") {
        assert.deepEqual(withoutChecksum(ours), withoutChecksum(message.bytes), where);
      } else {
        assert.deepEqual(ours, message.bytes, where);
      }
      // The client's reaction to a refusal was not recorded.
      this.#refused = oursKind === "refused";
    }
  }

  /** Asserts that our server sends no other answers than the recorded ones and those of the table. */
  #expectNoMore(rest: readonly Bytes[]): void {
    const more: (ResponseKind | undefined)[] = rest.flatMap((bytes) =>
      readMessages(this.#edition, bytes).map(({ kind }) => kind)
    );
    assert.deepEqual(more, SURPLUS[this.#recording.label]?.kinds ?? []);
  }

  /** The recorded server sends cksum each time. Ours tries zlib's CRC-32 once, after cksum was rejected twice. */
  #checkCrc(bytes: Bytes): void {
    const payload = bytes.subarray(RESPONSE_HEADER_SIZE);
    const response = decodeResponse(this.#edition, decodeResponseHeader(bytes), payload);
    const checksum = this.#invalid === 2 ? crc32 : cksum;
    assert.equal("crc" in response && response.crc, checksum(this.#recording.plaintext));
  }

  /** One response, without the padding of its frame. */
  async #read(socket: Deno.TcpConn): Promise<Bytes> {
    const head = await readExactly(socket, RESPONSE_HEADER_SIZE);
    const { payloadSize } = decodeResponseHeader(head);
    const bytes = concatBytes(head, await readExactly(socket, payloadSize));
    if (FRAMED.includes(this.#peer)) {
      const filling = await readExactly(socket, framePadding(bytes.length));
      assert.ok(filling.every((byte) => byte === 0), "a frame is padded with zeros");
    }
    return bytes;
  }
}

/** The size of a request's payload. */
function codeOf(request: Bytes): number {
  return new DataView(request.buffer, request.byteOffset).getUint16(17, true);
}

/** A "file received" up to its last field. */
function withoutChecksum(response: Bytes): Bytes {
  return response.subarray(0, -CRC_SIZE);
}

/** Asserts that the files approved in the recording are stored, and nothing else. */
async function checkStored(replayed: Replayed, edition: Edition, recording: Recording) {
  const { crcValid } = edition.requests;
  const { entries, label, plaintext, fileName } = recording;
  const approved = entries.some(({ dir, bytes }) =>
    dir === "c2s" && codeOf(bytes) === crcValid.code
  );
  const files = await replayed.stored();
  // If the name was taken, ours has refused the rest of the recording.
  if (!approved || label.endsWith("taken_name")) {
    if (recording.earlier.length === 0) assert.deepEqual(files, []);
    return;
  }
  const found = files.find((file) => file.name === fileName);
  assert.equal(found?.size, plaintext.length);
  assert.equal(found?.crc, cksum(plaintext));
  assert.ok(found);
  assert.deepEqual(await replayed.read(found), plaintext);
}

/** Returns the ids and keys of the recorded server, in the recorded order. */
async function recordedRandom(edition: Edition, recording: Recording): Promise<Random> {
  const { earlier, entries, identity, aesKey } = recording;
  const ids: Bytes[] = [];
  const keys: Bytes[] = [];
  const wraps: Bytes[] = [];
  const messages = [...earlier, ...entries].filter(({ dir }) => dir === "s2c")
    .flatMap(({ bytes }) => readMessages(edition, bytes));
  for (const { kind, clientId, wrappedKey } of messages) {
    // A denied client gets an id, even if none was recorded.
    if (kind === "registered" || kind === "denied") {
      ids.push(clientId ?? new Uint8Array(16).fill(0xee));
    }
    if (wrappedKey !== undefined) {
      wraps.push(wrappedKey);
      keys.push(await recordedKey(wrappedKey, identity?.privateKey));
    }
  }
  if (aesKey !== undefined && identity !== undefined) assert.deepEqual(keys.at(-1), aesKey);
  const draw = (queue: Bytes[]) => queue.shift() ?? new Uint8Array(16).fill(0xdd);
  return {
    clientId: () => draw(ids),
    aesKey: () => draw(keys),
    // The recorded server may have sent no key where ours sends one.
    wrap: async (publicKey, key) => wraps.shift() ?? await wrapKey(publicKey, key),
  };
}

/** The private key of an earlier client may be missing in the recording. Its file is then not checked. */
async function recordedKey(wrapped: Bytes, privateKey: Bytes | undefined): Promise<Bytes> {
  const unknown = new Uint8Array(16);
  if (privateKey === undefined) return unknown;
  return await unwrapKey(privateKey, wrapped).catch(() => unknown);
}

async function write(socket: Deno.TcpConn, bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await socket.write(bytes.subarray(done));
}

/** All that a server sends after the client's last message. */
async function readRest(socket: Deno.TcpConn): Promise<Bytes> {
  await socket.closeWrite().catch(() => undefined);
  const parts: Bytes[] = [];
  for (;;) {
    const buffer = new Uint8Array(4096);
    const size = await socket.read(buffer).catch(() => null);
    if (size === null) return concatBytes(...parts);
    parts.push(buffer.subarray(0, size));
  }
}

async function readExactly(socket: Deno.TcpConn, size: number): Promise<Bytes> {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size;) {
    const read = await socket.read(bytes.subarray(done));
    if (read === null) {
      assert.fail(`the server closed ${size - done} bytes before the end of an answer`);
    }
    done += read;
  }
  return bytes;
}
