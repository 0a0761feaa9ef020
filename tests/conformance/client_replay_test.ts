/** Our client, given the recorded messages of a published server, sends the same as that server's own client. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { CbcEncryptor, importAesKey } from "../../protocol/cipher/aes_cbc.ts";
import { cksum } from "../../protocol/crc/cksum.ts";
import { encodeTextField } from "../../protocol/v3/text_field.ts";
import { findEdition } from "../../protocol/v3/editions/mod.ts";
import { generatePrivateKey, publicKeyOf, unwrapKey } from "../../protocol/cipher/rsa.ts";
import { inPieces, PiecesEncryptor } from "../../protocol/v3/pieces_cipher.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import type { Quirk } from "../../protocol/v3/editions/quirks.ts";
import { reconnect, register } from "../../protocol/v3/registration.ts";
import type { RequestKind } from "../../protocol/v3/editions/edition.ts";
import { ResponseReader } from "../../protocol/v3/response_reader.ts";
import type { SessionSteps, Step, StepResult } from "../../protocol/v3/session_steps.ts";
import { upload } from "../../protocol/v3/client_session.ts";
import { XferError } from "../../protocol/errors.ts";
import { loadRecordings, type Recording } from "../support/v3/recordings.ts";

/** The recorded servers, and the quirks with which our client works with them. */
const PEERS: Readonly<Record<string, readonly Quirk[]>> = {
  "2022-b": ["empty-crc-payload"],
  "2023a-a": [],
  "2023a-c": ["frames", "pieces", "uncounted-id", "reserved-id"],
  "2023c-a": [],
  "2024-a": [],
  "2024-d": ["frames", "acknowledged-parts", "short-key"],
  "2024early-a": ["uncounted-id", "reserved-id", "packets-65536"],
};

/**
 * Steps at which the recorded client is at fault or differs: the messages of ours after the same start, and the reason.
 */
interface Difference {
  /** The number of messages that equal the recorded ones, byte for byte. */
  readonly same: number;
  readonly then: readonly string[];
  readonly because: string;
}

const DIFFERENCES: Readonly<Record<string, Difference>> = {
  "2023c-a/crc_fail_all": {
    same: 8,
    then: ["sendFile"],
    because:
      "the recorded client counts a file answered with a general error as an attempt and leaves " +
      "without giving up; ours sends it once more, uncounted",
  },
  "2023a-a/crc_fail_once": {
    same: 5,
    then: ["crcValid"],
    because:
      "the recorded client takes the late answer to CRC invalid for the answer to the file, and never " +
      "sees that the file was right; ours ignores it",
  },
  "2023a-a/crc_fail_all": {
    same: 9,
    then: ["crcGivenUp"],
    because: "the recorded client sends the header of its last message without the payload",
  },
  "2023a-c/crc_fail_all": {
    same: 7,
    then: ["crcInvalid", "sendFile"],
    because: "the recorded client gives up after three attempts, the specification after four",
  },
  "2023a-c/reconnect_unknown": {
    same: 1,
    then: ["publicKey"],
    because:
      "the recorded client sends another public key than that of its files, three times, and is " +
      "refused with the id that it got",
  },
  "2024-d/reconnect_unknown": {
    same: 3,
    then: ["reconnect"],
    because:
      "the recorded client asks three times and fails; ours asks as often as 2024-a's, then registers",
  },
  "2024-d/taken_name": {
    same: 1,
    then: [],
    because: "the recorded client asks three times; a name that is taken stays taken",
  },
  "2024-d/crc_fail_all": {
    same: 11,
    then: [],
    because: "the recorded client reports twice that it gives up",
  },
  "2022-b/reconnect_unknown": {
    same: 1,
    then: ["register"],
    because:
      "the server has closed at an unknown id; the recorded client fails, ours registers again",
  },
};

for (const [peer, names] of Object.entries(PEERS)) {
  for (const recording of loadRecordings(peer)) {
    const edition = findEdition(recording.edition) ?? assert.fail();
    Deno.test(`${recording.label}: our client sends the recorded messages`, async () => {
      const player = await ReplayServer.create(recording, { edition, quirks: new Set(names) });
      const error = await player.play();
      const difference = DIFFERENCES[recording.label];
      const fails = /taken_name|crc_fail_all/.test(recording.label) || difference !== undefined;
      if (!fails) assert.equal(error, undefined);
      const recorded = concatBytes(
        ...recording.entries.filter(({ dir }) => dir === "c2s").map(({ bytes }) => bytes),
      );
      const { same, then } = difference ?? { same: Infinity, then: [] };
      const begin = concatBytes(...player.sent.slice(0, same).map(({ bytes }) => bytes));
      assert.deepEqual(begin, recorded.subarray(0, begin.length));
      assert.deepEqual(player.sent.slice(same).map(({ kind }) => kind), then);
      if (same === Infinity) assert.equal(begin.length, recorded.length);
    });
  }
}

interface Sent {
  readonly kind: RequestKind;
  readonly bytes: Bytes;
}

class ReplayServer {
  readonly sent: Sent[] = [];
  readonly #recording: Recording;
  readonly #profile: Profile;
  readonly #privateKey: Bytes;
  readonly #responses: ResponseReader;
  #next = 0;
  #sentSize = 0;
  #aesKey: CryptoKey | undefined;

  private constructor(recording: Recording, profile: Profile, privateKey: Bytes) {
    this.#recording = recording;
    this.#profile = profile;
    this.#privateKey = privateKey;
    this.#responses = new ResponseReader(profile.edition, profile.quirks);
  }

  static async create(recording: Recording, profile: Profile): Promise<ReplayServer> {
    const privateKey = recording.identity?.privateKey ?? await generatePrivateKey();
    return new ReplayServer(recording, profile, privateKey);
  }

  /** Plays to the end of the conversation. Returns the error, if it failed. */
  async play(): Promise<XferError | undefined> {
    const { entries, user, fileName, plaintext } = this.#recording;
    const first = entries[0]?.bytes ?? assert.fail("the recording is empty");
    const clientId = first.slice(0, 16);
    const registration = { name: field(user), publicKey: publicKeyOf(this.#privateKey) };
    const profile = this.#profile;
    const registers = first[17] === (profile.edition.requests.register.code & 0xff);
    try {
      const id = await this.#drive(
        registers
          ? register(profile, { ...registration, placeholderId: clientId })
          : reconnect(profile, clientId, registration),
      );
      const file = { clientId: id, fileName: field(fileName), size: plaintext.length };
      assert.equal(await this.#drive(upload(profile, file)), cksum(plaintext));
      return undefined;
    } catch (error) {
      if (error instanceof XferError) return error;
      throw error;
    }
  }

  async #drive<T>(conversation: SessionSteps<T>): Promise<T> {
    let turn = conversation.next();
    while (!turn.done) turn = conversation.next(await this.#perform(turn.value));
    return turn.value;
  }

  async #perform(step: Step): Promise<StepResult> {
    switch (step.do) {
      case "send":
        this.#send(step.kind, step.bytes);
        return { type: "sent" };
      case "sendFile": {
        const { plaintext } = this.#recording;
        const { quirks } = this.#profile;
        const Encryptor = inPieces(quirks, plaintext.length) ? PiecesEncryptor : CbcEncryptor;
        const encryptor = new Encryptor(this.#aesKey ?? assert.fail("there is no key"));
        const content = concatBytes(await encryptor.update(plaintext), await encryptor.final());
        let sent = 0;
        for (const { head, content: size, padding } of step.parts) {
          if (sent > 0 && quirks.has("acknowledged-parts")) {
            const answer = this.#receive(false);
            assert.equal(answer.type === "response" && answer.response.kind, "messageReceived");
          }
          const body = content.subarray(sent, sent + size);
          this.#send("sendFile", concatBytes(head, body, new Uint8Array(padding)));
          sent += size;
        }
        assert.equal(sent, content.length);
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

  #send(kind: RequestKind, bytes: Bytes): void {
    this.sent.push({ kind, bytes });
    this.#sentSize += bytes.length;
  }

  /** The next recorded response, if the recorded client had sent the same messages by then. */
  #receive(mayBeSilent: boolean): StepResult {
    const { entries } = this.#recording;
    for (let due = 0, index = 0; index < entries.length; index++) {
      const response = this.#responses.next();
      if (response !== undefined) return { type: "response", response };
      const { dir, bytes } = entries[index] ?? assert.fail();
      if (dir === "c2s") due += bytes.length;
      else if (index >= this.#next) {
        if (due > this.#sentSize) break;
        this.#next = index + 1;
        this.#responses.push(bytes);
      }
    }
    const response = this.#responses.next();
    if (response !== undefined) return { type: "response", response };
    return { type: mayBeSilent ? "silence" : "closed" };
  }
}

function field(text: string): Bytes {
  return encodeTextField(text, 255) ?? assert.fail("too long for a field");
}
