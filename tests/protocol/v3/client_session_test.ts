import assert from "node:assert/strict";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { encodeTextField } from "../../../protocol/v3/text_field.ts";
import { type ErrorCategory, NetworkError, type RefusedError } from "../../../protocol/errors.ts";
import { maxFileSize, partsOf } from "../../../protocol/v3/file_parts.ts";
import { NO_QUIRKS } from "../../../protocol/v3/editions/quirks.ts";
import { reconnect, register } from "../../../protocol/v3/registration.ts";
import { RESEND_PAUSE_MS, upload } from "../../../protocol/v3/client_session.ts";
import type { Response } from "../../../protocol/v3/messages.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { drive, summary, type Turn } from "../../support/v3/drive_session.ts";

const edition = edition2023c;
const profile = { edition, quirks: NO_QUIRKS };
const clientId = pseudoRandomBytes(16, 3);
const oldId = pseudoRandomBytes(16, 9);
const name = encodeTextField("Alice", 255) ?? assert.fail();
const fileName = encodeTextField("hello.txt", 255) ?? assert.fail();
const publicKey = pseudoRandomBytes(160);
const wrappedKey = pseudoRandomBytes(128);
const registration = { name, publicKey, placeholderId: new Uint8Array(16) };
const file = { clientId, fileName, size: 12 };

const REGISTERED: Response = { kind: "registered", clientId };
const KEY: Response = { kind: "keyReceived", clientId, wrappedKey };
const MESSAGE: Response = { kind: "messageReceived", clientId };
const ERROR: Response = { kind: "generalError" };
const received = (crc: number): Response => ({
  kind: "fileReceived",
  clientId,
  contentSize: 16,
  fileName,
  crc,
});
const GOOD = received(7);
const BAD = received(8);

const send = (script: readonly Turn[], changed = false) =>
  drive(edition, upload(profile, file), script, { crcs: [7], changed });

Deno.test("register: the id is saved before the public key is sent", () => {
  const { steps, result } = drive(edition, register(profile, registration), [REGISTERED, KEY]);
  assert.deepEqual(summary(steps), [
    "register",
    "receive",
    "keepIdentity",
    "publicKey",
    "receive",
    "useKey",
  ]);
  assert.deepEqual(result, clientId);
});

Deno.test("register: a taken name is refused", () => {
  assert.throws(() => drive(edition, register(profile, registration), [{ kind: "refused" }]), {
    name: "RefusedError",
    code: "name-taken",
  });
});

Deno.test("reconnect: it gets a fresh key", () => {
  const answer: Response = { kind: "reconnected", clientId, wrappedKey };
  const { steps } = drive(edition, reconnect(profile, clientId, registration), [answer]);
  assert.deepEqual(summary(steps), ["reconnect", "receive", "useKey"]);
});

Deno.test("reconnect: if the server denies it, the client registers again and continues with the new id", () => {
  const script: Turn[] = [{ kind: "denied", clientId: oldId }, REGISTERED, KEY];
  const { steps, result } = drive(edition, reconnect(profile, oldId, registration), script);
  assert.deepEqual(summary(steps), [
    "reconnect",
    "receive",
    "dropIdentity",
    "register",
    "receive",
    "keepIdentity",
    "publicKey",
    "receive",
    "useKey",
  ]);
  assert.deepEqual(result, clientId);
});

Deno.test("keys: a key for another id is refused", () => {
  const answer: Response = { kind: "reconnected", clientId: oldId, wrappedKey };
  assert.throws(() => drive(edition, reconnect(profile, clientId, registration), [answer]), {
    code: "wrong-client-id",
  });
});

Deno.test("keys: if one cannot be unwrapped, the public key is sent again, once", () => {
  const answer: Response = { kind: "reconnected", clientId, wrappedKey };
  const talk = (strangeKeys: number) =>
    drive(edition, reconnect(profile, clientId, registration), [answer, KEY], { strangeKeys });
  assert.deepEqual(summary(talk(1).steps), [
    ...["reconnect", "receive", "useKey"],
    ...["publicKey", "receive", "useKey"],
  ]);
  assert.throws(() => talk(2), { code: "bad-wrapped-key" });
});

const ATTEMPT = ["sendFile", "receive", "compare"];
const INVALID = ["crcInvalid", "receive soon"];

Deno.test("send: the checksum matches", () => {
  const { steps, result } = send([GOOD, MESSAGE]);
  assert.deepEqual(summary(steps), [...ATTEMPT, "crcValid", "receive"]);
  assert.equal(result, 7);
});

for (const wrong of [1, 2, 3]) {
  Deno.test(`send: the checksum is wrong ${wrong}×, then matches`, () => {
    const script = Array.from({ length: wrong }, () => [BAD, "silence"] as const).flat();
    const { steps } = send([...script, GOOD, MESSAGE]);
    const again = Array.from({ length: wrong }, () => [...ATTEMPT, ...INVALID]).flat();
    assert.deepEqual(summary(steps), [...again, ...ATTEMPT, "crcValid", "receive"]);
  });
}

Deno.test("send: if the checksum stays wrong, the client gives up after four attempts", () => {
  const script: Turn[] = [BAD, "silence", BAD, "silence", BAD, "silence", BAD];
  for (const end of [MESSAGE, "closed", "silence", ERROR] as const) {
    assert.throws(() => send([...script, end]), { name: "IntegrityError", code: "crc-mismatch" });
  }
});

Deno.test("send: if the server refuses a file with an unusual name, the error says so", () => {
  for (
    const [name, hint] of [
      ["hello.txt", /server's log/],
      ["con.txt", /^Rename the file: its name is a device name on Windows/],
      ["dir/a. ", /^Rename the file: its name ends with a dot or a space/],
    ] as const
  ) {
    const fileName = encodeTextField(name, 255) ?? assert.fail();
    assert.throws(() => drive(edition, upload(profile, { ...file, fileName }), [ERROR]), {
      code: "general-error",
      hint,
    });
  }
});

Deno.test("send: after CRC invalid the client waits half a second for an answer and accepts either", () => {
  for (const answer of ["silence", MESSAGE] as const) {
    const { steps } = send([BAD, answer, GOOD, MESSAGE]);
    const pause = steps.find((step) => step.do === "receive" && step.withinMs !== undefined);
    assert.deepEqual(pause, { do: "receive", withinMs: RESEND_PAUSE_MS });
    assert.equal(RESEND_PAUSE_MS, 500);
  }
});

Deno.test("send: a late answer to CRC invalid is ignored", () => {
  const { result } = send([BAD, "silence", MESSAGE, GOOD, MESSAGE]);
  assert.equal(result, 7);
});

Deno.test("send: a general error in answer to a resend leads to one more, uncounted", () => {
  const { steps } = send([BAD, "silence", ERROR, GOOD, MESSAGE]);
  assert.deepEqual(summary(steps), [
    ...ATTEMPT,
    ...INVALID,
    "sendFile",
    "receive",
    ...ATTEMPT,
    "crcValid",
    "receive",
  ]);
  const attempts = steps.flatMap((step) => step.do === "sendFile" ? [step.attempt] : []);
  assert.deepEqual(attempts, [1, 2, 2]);
});

Deno.test("send: a general error in answer to a resend is tolerated once, not forever", () => {
  assert.throws(() => send([BAD, "silence", ERROR, ERROR]), { code: "general-error" });
});

Deno.test("send: a general error in answer to the first attempt is final", () => {
  assert.throws(() => send([ERROR]), { name: "RefusedError", code: "general-error" });
});

Deno.test("send: a file that changed while it was sent is dropped, whatever the checksums", () => {
  assert.throws(() => send([GOOD, MESSAGE], true), {
    name: "IntegrityError",
    code: "file-changed",
  });
});

Deno.test("send: a response about another file, of another kind, a close and silence are distinct errors", () => {
  const other = {
    ...GOOD,
    fileName: encodeTextField("other.txt", 255) ?? assert.fail(),
  } as Response;
  const cases: [Turn, string][] = [
    [other, "wrong-file-name"],
    [REGISTERED, "unexpected-response"],
    ["closed", "connection-closed"],
    ["silence", "response-timeout"],
  ];
  for (const [turn, code] of cases) assert.throws(() => send([turn]), { code });
});

Deno.test("send: an approved file is stored if the server confirms it; otherwise its state is unknown", () => {
  const cases: [Turn, ErrorCategory][] = [
    ["closed", "network"],
    ["silence", "network"],
    [REGISTERED, "protocol"],
  ];
  for (const [turn, category] of cases) {
    assert.throws(() => send([GOOD, turn]), {
      name: "UnconfirmedError",
      code: "not-confirmed",
      category,
    });
  }
  assert.throws(() => send([GOOD, ERROR]), { name: "RefusedError" }, "the server has refused");
});

Deno.test("send: if the approval could not be sent, the file is not stored", () => {
  const conversation = upload(profile, file);
  for (let turn = conversation.next(); !turn.done;) {
    const step = turn.value;
    if (step.do === "send") {
      const error = new NetworkError("cannot-connect", "No connection");
      assert.throws(() => conversation.throw(error), error);
      return;
    }
    const response = { type: "response", response: GOOD } as const;
    const sent = { type: "fileSent", crc: 7, changed: false } as const;
    turn = conversation.next(step.do === "sendFile" ? sent : response);
  }
  assert.fail("no approval was requested");
});

Deno.test("register: a taken name may be the client's own if an earlier registration got no answer", () => {
  const refused = (unanswered: boolean) => {
    try {
      drive(edition, register(profile, { ...registration, unanswered }), [{ kind: "refused" }]);
    } catch (error) {
      return error as RefusedError;
    }
    return assert.fail();
  };
  assert.match(refused(true).message, /perhaps by an earlier registration of this client/);
  assert.match(refused(true).hint ?? "", /^Try again in 10 minutes/);
  assert.doesNotMatch(refused(false).message, /perhaps/);
  assert.doesNotMatch(refused(false).hint ?? "", /10 minutes/);
});

Deno.test("send: the largest file of the edition has 4 GiB − 273 bytes", () => {
  assert.equal(maxFileSize(profile), 2 ** 32 - 273);
  const parts = (size: number) => [...partsOf(profile, { clientId, fileName, size })];
  assert.equal(parts(maxFileSize(profile)).length, 1);
  assert.throws(() => parts(maxFileSize(profile) + 1), { code: "payload-too-large" });
});
