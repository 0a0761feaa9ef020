/** The server's session recognizes every edition and quirk, however its bytes are split. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { DEFAULT_SERVED } from "../../../protocol/v3/editions/mod.ts";
import { edition2024early } from "../../../protocol/v3/editions/edition_2024early.ts";
import { FIELDS } from "../../../protocol/v3/editions/edition.ts";
import { importAesKey } from "../../../protocol/cipher/aes_cbc.ts";
import { PacketSequence } from "../../../protocol/v3/packet_sequence.ts";
import { type Profile, ServerSession } from "../../../protocol/v3/server_session.ts";
import type { SendFile } from "../../../protocol/v3/messages.ts";
import { pseudoRandomBytes, splitAt } from "../../support/bytes.ts";
import { isSeparate, OBSERVED_PROFILES } from "../../support/v3/observed_profiles.ts";
import { encodeFile, encodeMessage } from "../../support/v3/emulated_client.ts";
import { field } from "../../support/v3/raw_client.ts";

const clientId = pseudoRandomBytes(16, 21);
const name = field("Alice");
const fileName = field("a.bin");
const key = await importAesKey(new Uint8Array(16).fill(1));

/** A whole conversation as the client's bytes, by connection. */
async function conversation(profile: Profile): Promise<Bytes[]> {
  const message = (kind: "crcInvalid" | "crcValid") =>
    encodeMessage(profile, { kind, clientId, fileName });
  const file = (size: number) =>
    encodeFile(profile, { clientId, fileName: "a.bin", plaintext: pseudoRandomBytes(size), key });
  const publicKey = pseudoRandomBytes(FIELDS.publicKey.size);
  const messages = [
    encodeMessage(profile, { kind: "register", clientId, name }),
    encodeMessage(profile, { kind: "publicKey", clientId, name, publicKey }),
    ...await file(12),
    message("crcInvalid"),
    ...await file(2500),
    message("crcValid"),
  ];
  return isSeparate(profile) ? messages : [concatBytes(...messages)];
}

interface SessionEvents {
  /** Requests in order, a file as its size and ciphertext. */
  readonly requests: unknown[];
  readonly profile: Profile | undefined;
}

/** `connections`: the pieces in which the bytes of each arrive. */
function replay(
  connections: readonly (readonly Bytes[])[],
  served: readonly Profile["edition"][],
): SessionEvents {
  const requests: unknown[] = [];
  let profile: Profile | undefined;
  let packets: PacketSequence | undefined;
  let content: Bytes[] = [];
  const begin = (request: SendFile) => {
    if ((request.packetNumber ?? 1) > 1) return packets?.continue(request);
    packets = new PacketSequence(request);
    content = [];
  };
  const replayOne = (pieces: readonly Bytes[]) => {
    const session = new ServerSession(served);
    const queue = pieces.values();
    for (;;) {
      const event = session.next();
      switch (event.type) {
        case "wait": {
          const { value: piece } = queue.next();
          if (piece === undefined) return;
          session.push(piece);
          break;
        }
        case "identify":
          session.identify(profile);
          break;
        case "send":
          break;
        case "part":
          begin(event.request);
          break;
        case "content":
          content.push((packets?.take(event.bytes) ?? event.bytes).slice());
          break;
        case "partEnd":
          if (packets?.endPacket(event.request)) {
            requests.push(event.request.contentSize, concatBytes(...content));
            session.reply({ kind: "messageReceived", clientId });
          } else session.proceed();
          break;
        case "request":
          requests.push(event.request.kind);
          session.reply({ kind: "messageReceived", clientId });
      }
      profile = session.profile ?? profile;
    }
  };
  connections.forEach(replayOne);
  return { requests, profile };
}

for (const [name, profile] of Object.entries(OBSERVED_PROFILES)) {
  const served = profile.edition === edition2024early ? [edition2024early] : DEFAULT_SERVED;

  Deno.test(`profile ${name}: edition and quirks are recognized, with the same events for every split`, async () => {
    const connections = await conversation(profile);
    const whole = replay(connections.map((bytes) => [bytes]), served);
    const kinds = whole.requests.filter((one) => typeof one === "string");
    assert.deepEqual(kinds, ["register", "publicKey", "crcInvalid", "crcValid"]);
    assert.equal(whole.requests.length, kinds.length + 4, "two files");
    assert.equal(whole.profile?.edition.name, profile.edition.name);
    assert.deepEqual([...whole.profile?.quirks ?? []].sort(), [...profile.quirks].sort());
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 30 }), (cuts) => {
        const pieces = connections.map((bytes) => splitAt(bytes, cuts));
        assert.deepEqual(replay(pieces, served), whole);
      }),
      { numRuns: 60 },
    );
    const bytewise = connections.map((bytes) =>
      Array.from(bytes, (byte) => new Uint8Array([byte]))
    );
    assert.deepEqual(replay(bytewise, served).requests, whole.requests);
  });
}

Deno.test("profiles: a strict client never seems to have quirks", async () => {
  for (const name of ["2022", "2023a", "2023c", "2024"]) {
    const profile = OBSERVED_PROFILES[name] ?? assert.fail();
    const { profile: heard } = replay([await conversation(profile)], DEFAULT_SERVED);
    assert.deepEqual([...heard?.quirks ?? []], [], name);
  }
});

Deno.test("profiles: a frame whose zeros are late gets the rest of its answer late", () => {
  const profile = OBSERVED_PROFILES["2024-d"] ?? assert.fail();
  const message = encodeMessage(profile, { kind: "register", clientId, name });
  const session = new ServerSession(DEFAULT_SERVED);
  session.push(message.subarray(0, 278));
  assert.equal(session.next().type, "request");
  const { bytes } = session.reply({ kind: "registered", clientId });
  assert.equal(bytes.length, 23);
  assert.equal(session.next().type, "wait");
  session.push(message.subarray(278));
  const event = session.next();
  assert.deepEqual(event, { type: "send", bytes: new Uint8Array(1024 - 23) });
  assert.equal(session.next().type, "wait");
});
