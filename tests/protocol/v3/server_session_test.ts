import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { encodeRequest, type Request, type Response } from "../../../protocol/v3/messages.ts";
import { encodeTextField } from "../../../protocol/v3/text_field.ts";
import { ServerSession } from "../../../protocol/v3/server_session.ts";
import { pseudoRandomBytes, splitAt } from "../../support/bytes.ts";

const edition = edition2023c;
const clientId = pseudoRandomBytes(16, 3);
const name = encodeTextField("Alice", 255) ?? assert.fail();
const fileName = encodeTextField("hello.txt", 255) ?? assert.fail();
const content = pseudoRandomBytes(48, 4);
const sendFile: Request = { kind: "sendFile", clientId, contentSize: content.length, fileName };
const MESSAGE_RECEIVED: Response = { kind: "messageReceived", clientId };

const REQUESTS: readonly Request[] = [
  { kind: "register", clientId, name },
  { kind: "publicKey", clientId, name, publicKey: pseudoRandomBytes(160) },
  { kind: "reconnect", clientId, name },
  { kind: "crcValid", clientId, fileName },
  { kind: "crcInvalid", clientId, fileName },
  { kind: "crcGivenUp", clientId, fileName },
];

/** All events of a session for bytes that arrive in these pieces. Runs of content are joined. */
function events(pieces: readonly Bytes[]) {
  const session = new ServerSession([edition]);
  const queue = [...pieces];
  const seen: unknown[] = [];
  let body: number[] = [];
  for (;;) {
    const event = session.next();
    switch (event.type) {
      case "wait": {
        const piece = queue.shift();
        if (piece === undefined) return { seen, betweenMessages: session.betweenMessages };
        session.push(piece);
        break;
      }
      case "content":
        body.push(...event.bytes);
        break;
      case "identify":
        session.identify(undefined);
        break;
      case "send":
        assert.fail("server session: a strict client gets answers only");
        break;
      case "part":
        body = [];
        seen.push(event);
        break;
      case "partEnd":
        seen.push(body, event);
        session.reply(MESSAGE_RECEIVED);
        break;
      case "request":
        seen.push(event);
        session.reply(MESSAGE_RECEIVED);
    }
  }
}

const conversation = concatBytes(
  ...REQUESTS.map((request) => encodeRequest(edition, request)),
  encodeRequest(edition, sendFile, { contentLength: content.length }),
  content,
  encodeRequest(edition, { kind: "crcValid", clientId, fileName }),
);

Deno.test("server session: every request is recognized, and a file has its content", () => {
  assert.deepEqual(events([conversation]), {
    seen: [
      ...REQUESTS.map((request) => ({ type: "request", request })),
      { type: "part", request: sendFile },
      [...content],
      { type: "partEnd", request: sendFile },
      { type: "request", request: { kind: "crcValid", clientId, fileName } },
    ],
    betweenMessages: true,
  });
});

Deno.test("server session: bytes split anywhere give the same events", () => {
  const whole = events([conversation]);
  fc.assert(fc.property(fc.array(fc.nat()), (cuts) => {
    assert.deepEqual(events(splitAt(conversation, cuts)), whole);
  }));
  assert.deepEqual(events([...conversation].map((byte) => new Uint8Array([byte]))), whole);
});

Deno.test("server session: cut off anywhere, it knows whether a message is incomplete", () => {
  const ends = new Set([0]);
  let end = 0;
  for (const request of [...REQUESTS, sendFile]) {
    end += encodeRequest(edition, request).length;
    if (request === sendFile) end += content.length;
    ends.add(end);
  }
  ends.add(conversation.length);
  for (let size = 0; size <= conversation.length; size++) {
    assert.equal(
      events([conversation.subarray(0, size)]).betweenMessages,
      ends.has(size),
      `${size}`,
    );
  }
});

function header(code: number, payloadSize: number): Bytes {
  const bytes = new Uint8Array(23);
  const view = new DataView(bytes.buffer);
  view.setUint8(16, 3);
  view.setUint16(17, code, true);
  view.setUint32(19, payloadSize, true);
  return bytes;
}

Deno.test("server session: an invalid code or payload size is refused before the payload is read", () => {
  const cases: [string, Bytes, string][] = [
    ["unknown code", header(1024, 0), "unknown-code"],
    ["registration too short", header(1025, 254), "bad-payload-size"],
    ["registration too long", header(1025, 256), "bad-payload-size"],
    ["absurd size", header(1029, 0xffff_ffff), "bad-payload-size"],
    ["file without its fixed part", header(1028, 258), "bad-payload-size"],
  ];
  for (const [what, bytes, code] of cases) {
    assert.throws(() => events([bytes]), { name: "ProtocolError", code }, what);
  }
});

Deno.test("server session: a content size that contradicts the message, or cannot be a ciphertext's, is refused", () => {
  const fixed = (contentSize: number) =>
    encodeRequest(edition, { kind: "sendFile", clientId, contentSize, fileName }).subarray(23);
  const cases = [[259 + 16, 32], [259, 0], [259 + 8, 8], [259, 8]] as const;
  for (const [payloadSize, contentSize] of cases) {
    assert.throws(
      () => events([concatBytes(header(1028, payloadSize), fixed(contentSize))]),
      { name: "ProtocolError", code: "bad-content-size" },
    );
  }
});

Deno.test("server session: the version byte is ignored, as by the published servers", () => {
  const bytes = encodeRequest(edition, { kind: "register", clientId, name });
  bytes[16] = 77;
  assert.equal(events([bytes]).seen.length, 1);
});

Deno.test("server session: only CRC invalid is answered after a pause, and each request has one valid answer", () => {
  for (const request of REQUESTS) {
    const session = new ServerSession([edition]);
    session.push(encodeRequest(edition, request));
    if (session.next().type === "identify") {
      session.identify(undefined);
      session.next();
    }
    assert.equal(session.reply(MESSAGE_RECEIVED).afterMs, request.kind === "crcInvalid" ? 600 : 0);
    assert.throws(() => session.reply(MESSAGE_RECEIVED), RangeError);
  }
});
