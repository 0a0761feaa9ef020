/** Our client, fed with what a published server said, sends what that server's own client sent. */
import assert from "node:assert/strict";
import {
  type Answer,
  type Bytes,
  CbcEncryptor,
  cksum,
  concatBytes,
  type Conversation,
  edition2023c,
  encodeTextField,
  generatePrivateKey,
  importAesKey,
  publicKeyOf,
  reconnect,
  RefusedError,
  register,
  ResponseReader,
  type Step,
  unwrapKey,
  upload,
  XferError,
} from "../../mod.ts";
import { loadRecordings, type Recording } from "../helpers/recordings.ts";

const edition = edition2023c;

/** Recordings in which the client is at fault, with what ours does instead. */
const DIFFERENCES: Readonly<Record<string, { goesOn: string; because: string }>> = {
  "2023c-a/crc_fail_all": {
    goesOn: "connection-closed",
    because:
      "the recorded client counts a file answered with a general error as an attempt, and leaves " +
      "without giving up; ours sends it once more, uncounted",
  },
};

for (const recording of loadRecordings("2023c-a")) {
  Deno.test(`${recording.label}: our client sends what the recorded one sent`, async () => {
    const player = await Player.create(recording);
    const error = await player.play();
    const recorded = concatBytes(
      ...recording.entries.filter(({ dir }) => dir === "c2s").map(({ bytes }) => bytes),
    );
    const difference = DIFFERENCES[recording.label];
    const sent = concatBytes(...player.sent);
    assert.deepEqual(sent.subarray(0, recorded.length), recorded);
    if (difference !== undefined) {
      assert.ok(sent.length > recorded.length);
      assert.equal(error?.code, difference.goesOn);
    } else {
      assert.equal(sent.length, recorded.length);
      if (recording.label.endsWith("taken_name")) assert.ok(error instanceof RefusedError);
      else assert.equal(error, undefined);
    }
  });
}

class Player {
  readonly sent: Bytes[] = [];
  readonly #recording: Recording;
  readonly #privateKey: Bytes;
  readonly #responses = new ResponseReader(edition);
  #next = 0;
  #sentSize = 0;
  #aesKey: CryptoKey | undefined;

  private constructor(recording: Recording, privateKey: Bytes) {
    this.#recording = recording;
    this.#privateKey = privateKey;
  }

  static async create(recording: Recording): Promise<Player> {
    const privateKey = recording.identity?.privateKey ?? await generatePrivateKey();
    return new Player(recording, privateKey);
  }

  /** Plays to the end of the conversation and returns what it failed with, if it did. */
  async play(): Promise<XferError | undefined> {
    const { entries, user, fileName, plaintext } = this.#recording;
    const first = entries[0]?.bytes ?? assert.fail("the recording is empty");
    const clientId = first.slice(0, 16);
    const registration = { name: field(user), publicKey: publicKeyOf(this.#privateKey) };
    const registers = first[17] === (edition.requests.register.code & 0xff);
    try {
      const id = await this.#drive(
        registers
          ? register(edition, { ...registration, placeholderId: clientId })
          : reconnect(edition, clientId, registration),
      );
      const file = { clientId: id, fileName: field(fileName), size: plaintext.length };
      assert.equal(await this.#drive(upload(edition, file)), cksum(plaintext));
      return undefined;
    } catch (error) {
      if (error instanceof XferError) return error;
      throw error;
    }
  }

  async #drive<T>(conversation: Conversation<T>): Promise<T> {
    let turn = conversation.next();
    while (!turn.done) turn = conversation.next(await this.#perform(turn.value));
    return turn.value;
  }

  async #perform(step: Step): Promise<Answer> {
    switch (step.do) {
      case "send":
        this.#send(step.bytes);
        return { type: "sent" };
      case "sendFile": {
        const encryptor = new CbcEncryptor(this.#aesKey ?? assert.fail("there is no key"));
        const { plaintext } = this.#recording;
        this.#send(step.head, await encryptor.update(plaintext), await encryptor.final());
        return { type: "fileSent", crc: cksum(plaintext), changed: false };
      }
      case "receive":
        return this.#receive(step.withinMs !== undefined);
      case "useKey":
        this.#aesKey = await importAesKey(await unwrapKey(this.#privateKey, step.wrappedKey));
        return { type: "kept" };
      default:
        return { type: "kept" };
    }
  }

  #send(...parts: readonly Bytes[]): void {
    this.sent.push(...parts);
    for (const part of parts) this.#sentSize += part.length;
  }

  /** The next recorded response, if the recorded client had sent by then what ours has. */
  #receive(mayBeSilent: boolean): Answer {
    const { entries } = this.#recording;
    let due = 0;
    for (const [index, { dir, bytes }] of entries.entries()) {
      if (dir === "c2s") due += bytes.length;
      else if (index >= this.#next) {
        if (due > this.#sentSize) break;
        this.#next = index + 1;
        this.#responses.push(bytes);
        return {
          type: "response",
          response: this.#responses.next() ?? assert.fail("half a response"),
        };
      }
    }
    return { type: mayBeSilent ? "silence" : "closed" };
  }
}

function field(text: string): Bytes {
  return encodeTextField(text, 255) ?? assert.fail("too long for a field");
}
