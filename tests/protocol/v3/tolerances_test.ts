/**
 * Unambiguous deviations of published clients: they are accepted however the bytes are cut and whatever else the client
 * does, and a strict client's bytes are never affected.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { aesKeySize, type Profile, ServerSession } from "../../../protocol/v3/server_session.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { ciphertextSize } from "../../../protocol/cipher/aes_cbc.ts";
import { DEFAULT_SERVED, EDITIONS } from "../../../protocol/v3/editions/mod.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import { edition2022 } from "../../../protocol/v3/editions/edition_2022.ts";
import { edition2023a } from "../../../protocol/v3/editions/edition_2023a.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { edition2024 } from "../../../protocol/v3/editions/edition_2024.ts";
import { edition2024early } from "../../../protocol/v3/editions/edition_2024early.ts";
import { encodeRequest, type Request, type SendFile } from "../../../protocol/v3/messages.ts";
import { partsOf } from "../../../protocol/v3/file_parts.ts";
import type { Quirk } from "../../../protocol/v3/editions/quirks.ts";
import { pseudoRandomBytes, splitAt } from "../../support/bytes.ts";
import {
  clientId,
  type Deviations,
  file,
  fileName,
  keyMessage,
  message,
  name,
  publicKey,
  replay,
  replayHoweverSplit,
  TRAILING_BYTES,
  verdict,
} from "../../support/v3/session_events.ts";

for (const edition of EDITIONS) {
  Deno.test(`edition ${edition.name}: a content size that is the plaintext's is recognized by the ciphertext that arrives, and the plaintext must match it`, () => {
    for (const size of [0, 1, 15, 17, 300, 1000]) {
      const { bytes, content } = file(edition, size, { contentSize: size });
      const heard = replayHoweverSplit(concatBytes(bytes, verdict(edition)), edition);
      assert.deepEqual(heard.requests, [content, "crcValid"]);
      assert.deepEqual(heard.plaintextSizes, [size]);
      assert.deepEqual(heard.quirks, ["plaintext-size"]);
    }
  });

  Deno.test(`edition ${edition.name}: the same for multiples of a block, whether the client is known or not`, () => {
    for (const known of [[], ["plaintext-size"]] as const) {
      const { bytes, content } = file(edition, 320, { contentSize: 320 });
      const heard = replayHoweverSplit(concatBytes(bytes, verdict(edition)), edition, known);
      assert.deepEqual(heard.requests, [content, "crcValid"]);
      assert.deepEqual(heard.plaintextSizes, [320]);
      assert.deepEqual(heard.quirks, ["plaintext-size"]);
    }
  });

  Deno.test(`edition ${edition.name}: announced padding that never arrives, or late, or at once, does not belong to the file`, () => {
    for (const announced of [16, 23, 1000, 7598]) {
      for (const zeros of [0, 1, 16, announced]) {
        const { bytes, content } = file(edition, 300, { announced, zeros: Math.min(zeros, 16) });
        const heard = replayHoweverSplit(bytes, edition);
        assert.deepEqual(heard.requests, [content]);
        assert.equal(heard.completed, announced <= Math.min(zeros, 16) ? 0 : 1);
      }
      // The padding arrives after the file was answered.
      const session = new ServerSession([edition]);
      const { bytes } = file(edition, 300, { announced });
      session.push(bytes);
      const events = () => {
        for (;;) {
          const event = session.next();
          if (event.type === "identify") session.identify(undefined);
          else if (event.type !== "content" && event.type !== "part") return event;
        }
      };
      assert.deepEqual(events(), { type: "wait", isComplete: true });
      session.endPart();
      assert.equal(events().type, "partEnd");
      session.reply({ kind: "messageReceived", clientId });
      session.push(new Uint8Array(announced));
      assert.deepEqual(events(), { type: "wait" });
      session.push(verdict(edition));
      assert.equal(events().type, "request");
      assert.deepEqual([...session.profile?.quirks ?? []], []);
    }
  });

  for (const counted of [true, false]) {
    Deno.test(`edition ${edition.name}: 95 bytes after a public key, ${counted ? "counted" : "not counted"}, are ignored and are not a frame`, () => {
      const key = concatBytes(keyMessage(edition), TRAILING_BYTES);
      if (counted) new DataView(key.buffer).setUint32(19, 415 + TRAILING_BYTES.length, true);
      const { bytes, content } = file(edition, 300);
      const heard = replayHoweverSplit(concatBytes(key, bytes, verdict(edition)), edition);
      assert.deepEqual(heard.requests, ["publicKey", content, "crcValid"]);
      assert.deepEqual(heard.quirks, []);
      assert.equal(heard.filled, 0);
    });
  }

  Deno.test(`edition ${edition.name}: messages in frames of 2048 bytes on one connection`, () => {
    const framed = (bytes: Bytes) =>
      concatBytes(bytes, new Uint8Array((2048 - bytes.length % 2048) % 2048));
    const register = message(edition, { kind: "register", clientId, name });
    const { bytes, content } = file(edition, 1500);
    const all = [register, keyMessage(edition), bytes, verdict(edition)].map(framed);
    const heard = replayHoweverSplit(concatBytes(...all), edition);
    assert.deepEqual(heard.requests, ["register", "publicKey", content, "crcValid"]);
    assert.deepEqual(heard.quirks, ["frames-2048"]);
    // The zeros arrive in two halves. The server answers each half with half of its own zeros.
    const [first = assert.fail()] = all;
    const late = replay(
      [first.subarray(0, 278), first.subarray(278, 1024), first.subarray(1024)],
      edition,
    );
    const { fields } = edition.responses.messageReceived;
    const answer = 7 + (fields.length > 0 ? 16 : 0);
    assert.equal(late.filled, 2048 - answer);
  });

  Deno.test(`edition ${edition.name}: several deviations at once are each recognized`, () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 4 });
    fc.assert(fc.property(
      sizes,
      fc.boolean(),
      fc.array(fc.nat(), { maxLength: 12 }),
      (sizes, hasJunk, cuts) => {
        const odd = sizes.filter((size) => size % 16 !== 0);
        const files = odd.map((size) => file(edition, size, { contentSize: size }));
        const last = file(edition, 100, { announced: 1000 });
        const bytes = concatBytes(
          keyMessage(edition),
          hasJunk ? TRAILING_BYTES : new Uint8Array(0),
          ...files.flatMap(({ bytes }) => [bytes, verdict(edition)]),
          last.bytes,
        );
        const heard = replay(splitAt(bytes, cuts), edition);
        assert.deepEqual(heard.requests, [
          "publicKey",
          ...files.flatMap(({ content }) => [content, "crcValid"]),
          last.content,
        ]);
        assert.equal(heard.completed, 1);
      },
    ));
  });

  Deno.test(`edition ${edition.name}: a strict client's bytes show no quirk and leave nothing to pad, however they are cut`, () => {
    fc.assert(fc.property(
      fc.array(fc.nat(3000), { maxLength: 3 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (sizes, count, cuts) => {
        const files = sizes.map((size) => {
          const partSize = Math.ceil(ciphertextSize(size) / count);
          const packets = Math.ceil(ciphertextSize(size) / partSize);
          // Packets of exactly this size are a quirk of their own.
          fc.pre(partSize !== 1024);
          const isOne = edition.requests.sendFile.fields.length < 5;
          return file(edition, size, { packets: isOne ? 1 : packets });
        });
        const register = message(edition, { kind: "register", clientId: new Uint8Array(16), name });
        const bytes = concatBytes(
          register,
          keyMessage(edition),
          ...files.flatMap(({ bytes }) => [bytes, verdict(edition)]),
        );
        const heard = replay(splitAt(bytes, cuts), edition);
        assert.deepEqual(heard, {
          requests: [
            "register",
            "publicKey",
            ...files.flatMap(({ content }) => [content, "crcValid"]),
          ],
          plaintextSizes: sizes.map(() => undefined),
          ...{ quirks: [], completed: 0, filled: 0 },
        });
      },
    ));
  });
}

for (const edition of [edition2024, edition2024early]) {
  Deno.test(`edition ${edition.name}: a content size that counts the packet's own bytes`, () => {
    const whole = pseudoRandomBytes(ciphertextSize(102_400), 9);
    const total = Math.ceil(whole.length / 1024);
    const packets = Array.from({ length: total }, (_, index) => {
      const part = whole.subarray(index * 1024, (index + 1) * 1024);
      const request: SendFile = {
        ...{ kind: "sendFile", clientId, fileName, contentSize: part.length },
        ...{ originalSize: 102_400, packetNumber: index + 1, totalPackets: total },
      };
      return concatBytes(encodeRequest(edition, request, { contentLength: part.length }), part);
    });
    const bytes = concatBytes(...packets, verdict(edition));
    const heard = replay(splitAt(bytes, [1, 5000, 70_000]), edition);
    assert.deepEqual(heard.requests, [whole, "crcValid"]);
    assert.deepEqual(heard.plaintextSizes, [102_400]);
    assert.deepEqual(heard.quirks, ["packet-size"]);
  });

  Deno.test(`edition ${edition.name}: a content size that is the packet's capacity, for one packet and for several, the last padded or not`, () => {
    const room = 32_478;
    for (
      const [size, fillsUp] of [[300, true], [32_470, true], [102_400, true], [
        102_400,
        false,
      ]] as const
    ) {
      const whole = pseudoRandomBytes(ciphertextSize(size), 9);
      const total = Math.ceil(whole.length / room);
      const packets = Array.from({ length: total }, (_, index) => {
        const part = whole.subarray(index * room, (index + 1) * room);
        const filling = fillsUp ? room - part.length : 0;
        const request: SendFile = {
          ...{ kind: "sendFile", clientId, fileName, contentSize: room },
          ...{ originalSize: size, packetNumber: index + 1, totalPackets: total },
        };
        const contentLength = part.length + filling;
        const head = encodeRequest(edition, request, { contentLength });
        return concatBytes(head, part, new Uint8Array(filling));
      });
      const heard = replay([concatBytes(...packets, verdict(edition))], edition);
      assert.deepEqual(heard.requests, [whole, "crcValid"], `${size} bytes`);
      assert.deepEqual(heard.plaintextSizes, [size]);
    }
  });
}

Deno.test("tolerances: other contradictions of sizes are still refused", () => {
  const cases: readonly (readonly [Edition, number, Deviations])[] = [
    // 300 bytes have a ciphertext of 304.
    [edition2023c, 300, { contentSize: 320 }],
    [edition2023c, 300, { contentSize: 301, announced: 16 }],
    [edition2023c, 300, { contentSize: 0 }],
    [edition2022, 300, { contentSize: 287 }],
    [edition2023a, 300, { announced: 65_537 }],
    [edition2024, 300, { contentSize: 301 }],
    [edition2024, 1000, { packets: 4, originalSize: 9999 }],
    [edition2024, 1000, { packets: 4, contentSize: 252, originalSize: 2000 }],
  ];
  for (const [edition, size, odd] of cases) {
    assert.throws(
      () => replay([file(edition, size, odd).bytes], edition),
      { name: "ProtocolError", code: /^bad-(?:content-size|packet)$/ },
      `${edition.name}, ${size} bytes, ${JSON.stringify(odd)}`,
    );
  }
});

Deno.test("tolerances: junk after a public key is ignored once, and nowhere else", () => {
  const edition = edition2023c;
  const register = message(edition, { kind: "register", clientId, name });
  for (
    const bytes of [
      concatBytes(register, TRAILING_BYTES),
      concatBytes(keyMessage(edition), TRAILING_BYTES, TRAILING_BYTES),
    ]
  ) {
    assert.throws(() => replay([bytes], edition), { code: "unknown-code" });
  }
});

Deno.test("tolerances: frames in 2024 mean an AES key of 16 bytes only for a client that opens a connection for each request", () => {
  const framed = (request: Request) => {
    const bytes = message(edition2024, request);
    return concatBytes(bytes, new Uint8Array((1024 - bytes.length % 1024) % 1024));
  };
  const register = framed({ kind: "register", clientId, name });
  const key = framed({ kind: "publicKey", clientId, name, publicKey });
  const profileAfter = (known: Profile | undefined, ...pieces: Bytes[]): Profile => {
    const session = new ServerSession(DEFAULT_SERVED);
    for (const piece of pieces) {
      session.push(piece);
      for (let event = session.next(); event.type !== "wait"; event = session.next()) {
        if (event.type === "identify") session.identify(known);
        if (event.type === "request") session.reply({ kind: "registered", clientId });
      }
    }
    return session.profile ?? assert.fail();
  };
  const one = profileAfter(undefined, register, key);
  assert.deepEqual([...one.quirks], ["frames"]);
  assert.equal(aesKeySize(one), 32);
  const separate = profileAfter(profileAfter(undefined, register), key);
  assert.deepEqual([...separate.quirks].sort(), ["acknowledged-parts", "frames", "short-key"]);
  assert.equal(aesKeySize(separate), 16);
});

Deno.test("tolerances: our own client's packets are read unchanged, whatever the size", () => {
  const profile = { edition: edition2024, quirks: new Set<Quirk>() };
  for (const size of [0, 15, 16, 1_048_575, 1_048_576, 3_000_000]) {
    const bytes = [...partsOf(profile, { clientId, fileName, size })].map(({ head, content }) =>
      concatBytes(head, new Uint8Array(content))
    );
    const { requests, quirks, plaintextSizes } = replay([concatBytes(...bytes)], edition2024);
    assert.equal((requests[0] as Bytes).length, ciphertextSize(size));
    assert.deepEqual([quirks, plaintextSizes], [[], [undefined]]);
  }
});
