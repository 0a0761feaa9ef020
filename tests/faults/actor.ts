/** A client of protocol 3 that tracks what the server may have stored of it. */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { cksum } from "../../protocol/crc/cksum.ts";
import { importAesKey } from "../../protocol/cipher/aes_cbc.ts";
import type { Dice } from "../support/v3/fuzz.ts";
import { areEqual, pseudoRandomBytes } from "../support/bytes.ts";
import { field, kindOf, RawClient } from "../support/v3/raw_client.ts";

/** The server refused, or answered with a general error. */
export class Refused extends Error {}
/** The connection is gone. */
export class Lost extends Error {}

/** The state of an account. `asked` and `keyAsked`: the answer never arrived. */
type Account = "none" | "asked" | "registered" | "keyAsked" | "keyed";

const NAMES = ["a", "b", "c"] as const;
/** Sizes around the cipher's block and the pieces in which content is read and decrypted. */
const SIZES = [0, 1, 15, 16, 1000, 70_000, 262_143, 262_144, 600_000] as const;

export class Actor {
  readonly name: string;
  /** Whether a refused request counts as not done. */
  readonly #trusting: boolean;
  #account: Account = "none";
  #clientId: Bytes = new Uint8Array(16);
  /** The content that was approved last, by file name. */
  readonly #approved = new Map<string, Bytes>();
  /** Contents sent since then whose approval got no answer. */
  readonly #asked = new Map<string, Bytes[]>();

  constructor(name: string, { trusting = true } = {}) {
    this.name = name;
    this.#trusting = trusting;
  }

  /** Whether it is known what the server has stored. */
  get isCertain(): boolean {
    return this.#asked.size === 0;
  }

  /** Connects and gets a key, and registers if necessary. */
  async enter(address: Address): Promise<RawClient> {
    const peer = await connected(() => RawClient.connect(address));
    try {
      await connected(() => this.#introduce(peer));
      return peer;
    } catch (error) {
      peer[Symbol.dispose]();
      throw error;
    }
  }

  /** Stores a file. Its expected state depends on how far that got. */
  async store(peer: RawClient, name: string, content: Bytes): Promise<void> {
    await connected(async () => {
      await this.#send(peer, name, content);
      this.#asked.set(name, [...this.#asked.get(name) ?? [], content]);
      const answer = kindOf(await peer.judge("crcValid", name));
      if (answer === "generalError" && this.#trusting) this.#forget(name, content);
      expectKind(answer, "messageReceived");
      this.#approved.set(name, content);
      this.#asked.delete(name);
    });
  }

  /** Does something that a client may do, chosen by the dice. */
  async actAtRandom(peer: RawClient, dice: Dice): Promise<string> {
    const name = dice.pick(NAMES);
    const content = pseudoRandomBytes(dice.pick(SIZES), dice.roll(2 ** 31));
    switch (dice.roll(6)) {
      case 0:
        await connected(async () => {
          await this.#send(peer, name, content);
          expectKind(kindOf(await peer.judge("crcGivenUp", name)), "messageReceived");
        });
        return "given up";
      case 1:
        await connected(async () => {
          await this.#sendDamaged(peer, name, content);
          await peer.send({ kind: "crcInvalid", clientId: peer.clientId, fileName: field(name) });
        });
        await this.store(peer, name, content);
        return "stored at the second attempt";
      case 2:
        await connected(() => this.#send(peer, name, content));
        return "left without a verdict";
      case 3:
        await connected(() => peer.write(peer.fileHead(name, content.length + 16)));
        await connected(() => peer.write(content));
        await connected(() => peer.reconnectSocket());
        await connected(() => this.#introduce(peer));
        return "interrupted";
      default:
        await this.store(peer, name, content);
        return "stored";
    }
  }

  /** The server refused a file, so it must not be found. */
  #forget(name: string, content: Bytes): void {
    this.#asked.set(name, (this.#asked.get(name) ?? []).filter((other) => other !== content));
  }

  /** Compares with the found files, which are the expected state from now on. */
  settle(found: ReadonlyMap<string, Bytes> = new Map()): void {
    for (const name of new Set([...found.keys(), ...this.#approved.keys()])) {
      const content = found.get(name);
      const allowed = [this.#approved.get(name), ...this.#asked.get(name) ?? []];
      const holds = allowed.some((one) =>
        one === undefined || content === undefined ? one === content : areEqual(one, content)
      );
      if (!holds) {
        assert.fail(
          `${this.name}/${name}: found ${shown(content)}, allowed ${allowed.map(shown)}`,
        );
      }
      if (content !== undefined) this.#approved.set(name, content);
    }
    this.#asked.clear();
  }

  async #introduce(peer: RawClient): Promise<void> {
    if (this.#account !== "none" && this.#account !== "asked") {
      peer.clientId = this.#clientId;
      const answer = kindOf(await peer.reconnect(this.name));
      expectKind(answer, ...(this.#account === "registered" ? [] : ["reconnected"]), "denied");
      if (answer === "reconnected") {
        this.#account = "keyed";
        return;
      }
      assert.notEqual(this.#account, "keyed", `the server forgot ${this.name}`);
    }
    this.#account = "asked";
    expectKind(kindOf(await peer.register(this.name)), "registered");
    this.#clientId = peer.clientId;
    this.#account = "keyAsked";
    const answer = kindOf(await peer.sendKey(this.name));
    if (answer === "generalError" && this.#trusting) this.#account = "registered";
    expectKind(answer, "keyReceived");
    this.#account = "keyed";
  }

  async #send(peer: RawClient, name: string, content: Bytes): Promise<void> {
    let answer = await peer.sendFile(name, content);
    // The answer to "CRC invalid", if the file was not there in time.
    if (kindOf(answer) === "messageReceived") answer = await peer.receive();
    expectKind(kindOf(answer), "fileReceived");
    assert.ok(isRight(answer, content));
  }

  /** Sends with a key that is not the session's. */
  async #sendDamaged(peer: RawClient, name: string, content: Bytes): Promise<void> {
    const answer = await peer.sendFile(name, content, await importAesKey(new Uint8Array(16)));
    expectKind(kindOf(answer), "fileReceived");
    assert.ok(!isRight(answer, content), "a damaged file does not get the right checksum");
  }
}

/**
 * Whether the answer has the checksum of a content: cksum, or zlib's CRC-32. A client that has given up the same
 * content before, as here with an empty file, may expect the latter.
 */
function isRight(answer: Awaited<ReturnType<RawClient["sendFile"]>>, content: Bytes): boolean {
  if (answer === "closed" || answer.kind !== "fileReceived") return false;
  return [cksum(content), crc32(content)].includes(answer.crc);
}

function expectKind(answer: string, ...expected: readonly string[]): void {
  if (answer === "closed") throw new Lost("the server closed the connection");
  if (expected.includes(answer)) return;
  throw new Refused(`${answer} instead of ${expected.join(" or ")}`);
}

/** The system's errors for a lost connection. */
async function connected<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    throw new Lost(String(error), { cause: error });
  }
}

function isConnectionError(error: unknown): boolean {
  const { ConnectionRefused, ConnectionReset, ConnectionAborted, BrokenPipe, NotConnected } =
    Deno.errors;
  return [ConnectionRefused, ConnectionReset, ConnectionAborted, BrokenPipe, NotConnected].some(
    (type) => error instanceof type,
  );
}

function shown(content: Bytes | undefined): string {
  return content === undefined ? "nothing" : `${content.length} bytes (${cksum(content)})`;
}
