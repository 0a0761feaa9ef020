/** Server quirks that need no flag, because their bytes are unambiguous. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import { edition2022 } from "../../../protocol/v3/editions/edition_2022.ts";
import { edition2023a } from "../../../protocol/v3/editions/edition_2023a.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { edition2024 } from "../../../protocol/v3/editions/edition_2024.ts";
import { edition2024early } from "../../../protocol/v3/editions/edition_2024early.ts";
import { EDITIONS } from "../../../protocol/v3/editions/mod.ts";
import { encodeResponse, type Request, type Response } from "../../../protocol/v3/messages.ts";
import type { Outcome } from "../../../client/events.ts";
import { ResponseReader } from "../../../protocol/v3/response_reader.ts";
import { sendFiles } from "../../../client/v3/send_files.ts";
import type { V3ConnectOptions } from "../../../client/v3/connect_options.ts";
import type { RetryOptions } from "../../../client/net/retry.ts";
import { pseudoRandomBytes, splitAt } from "../../support/bytes.ts";
import { correctAnswers, ScriptedV3Server } from "../../support/v3/scripted_server.ts";
import { field } from "../../support/v3/raw_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const CONTENT = pseudoRandomBytes(3000);
const clientId = pseudoRandomBytes(16, 8);

async function send(
  folder: TemporaryFolder,
  server: ScriptedV3Server,
  { retries = 0, ...options }: Partial<V3ConnectOptions & RetryOptions> = {},
): Promise<Outcome[]> {
  await folder.write("a", CONTENT);
  await folder.write("b", CONTENT);
  return await sendFiles({
    connect: {
      server: server.address,
      userName: "Alice",
      identityFolder: folder.path,
      timeouts: { responseMs: 5000 },
      ...options,
    },
    retry: { retries },
    files: [folder.join("a"), folder.join("b")],
  });
}

const states = (outcomes: readonly Outcome[]) => outcomes.map(({ state }) => state);

for (const edition of EDITIONS) {
  for (const keySize of [16, 32] as const) {
    Deno.test(`edition ${edition.name}: an AES key of ${keySize} bytes is accepted`, async () => {
      await using folder = await TemporaryFolder.create();
      await using server = new ScriptedV3Server(
        correctAnswers(cksum(CONTENT), keySize),
        undefined,
        edition,
      );
      assert.deepEqual(states(await send(folder, server, { edition })), ["stored", "stored"]);
    });
  }
}

/** Announces a payload of 0 bytes, and sends the payload after it. */
function uncounted(answer: Bytes): Bytes {
  const bytes = answer.slice();
  new DataView(bytes.buffer).setUint32(3, 0, true);
  return bytes;
}

/** The codes of "file received", in any edition. */
const FILE_RECEIVED = [2103, 1603];
const codeOf = (answer: Bytes) => (answer[1] ?? 0) + 256 * (answer[2] ?? 0);

Deno.test("a 'file received' whose payload size is 0 is read with the 279 bytes that follow", async () => {
  for (const edition of [edition2024early, edition2023c]) {
    await using folder = await TemporaryFolder.create();
    await using server = new ScriptedV3Server(
      correctAnswers(cksum(CONTENT), edition.aesKeySize),
      undefined,
      edition,
      (answer) => FILE_RECEIVED.includes(codeOf(answer)) ? uncounted(answer) : answer,
    );
    assert.deepEqual(states(await send(folder, server, { edition })), ["stored", "stored"]);
  }
});

const framed = (size: number) => (answer: Bytes): Bytes =>
  concatBytes(answer, new Uint8Array((size - answer.length % size) % size));

for (const size of [1024, 2048]) {
  Deno.test(`answers padded with zeros to ${size} bytes are read without a flag, from a server that closes after each`, async () => {
    await using folder = await TemporaryFolder.create();
    await using server = new ScriptedV3Server(
      correctAnswers(cksum(CONTENT)),
      "each",
      edition2023a,
      framed(size),
    );
    const outcomes = await send(folder, server, { edition: edition2023a });
    assert.deepEqual(states(outcomes), ["stored", "stored"]);
  });

  Deno.test(`answers padded with zeros to ${size} bytes are read without a flag, from a server that knows its client by the connection`, async () => {
    await using folder = await TemporaryFolder.create();
    let connections = 0;
    const sound = correctAnswers(cksum(CONTENT));
    await using server = new ScriptedV3Server(
      (request) => {
        if (request.kind === "register") connections++;
        return sound(request);
      },
      undefined,
      edition2023a,
      framed(size),
    );
    const outcomes = await send(folder, server, { edition: edition2023a });
    assert.deepEqual(states(outcomes), ["stored", "stored"]);
    assert.equal(connections, 1);
  });
}

const RESPONSES: readonly Response[] = [
  { kind: "registered", clientId },
  { kind: "refused" },
  { kind: "keyReceived", clientId, wrappedKey: pseudoRandomBytes(128) },
  { kind: "fileReceived", clientId, contentSize: 16, fileName: field("a"), crc: 7 },
  { kind: "messageReceived", clientId },
];

function read(edition: Edition, pieces: readonly Bytes[]) {
  const reader = new ResponseReader(edition);
  const responses: Response[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let next = reader.next(); next !== undefined; next = reader.next()) responses.push(next);
  }
  return { responses, isFramed: reader.isFramed };
}

Deno.test("answers in frames, strict ones and uncounted ones are distinguished, however they are cut", () => {
  const answer = fc.record({
    response: fc.constantFrom(...RESPONSES),
    isUncounted: fc.boolean(),
  });
  for (const edition of [edition2022, edition2023c, edition2024]) {
    fc.assert(fc.property(
      fc.array(answer, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(1, 1024, 2048),
      fc.array(fc.nat(), { maxLength: 12 }),
      (answers, frame, cuts) => {
        const bytes = answers.map(({ response, isUncounted }) => {
          const strict = encodeResponse(edition, response);
          const mayBe = !["refused", "messageReceived"].includes(response.kind);
          return framed(frame)(isUncounted && mayBe ? uncounted(strict) : strict);
        });
        const heard = read(edition, splitAt(concatBytes(...bytes), cuts));
        const kinds = answers.map(({ response }) => response.kind);
        assert.deepEqual(heard.responses.map(({ kind }) => kind), kinds);
        assert.equal(heard.isFramed, frame > 1);
      },
    ));
  }
});

/** Closes instead of answering an approval. */
function closesUnconfirmed(requests: string[]): ScriptedV3Server {
  const sound = correctAnswers(cksum(CONTENT));
  return new ScriptedV3Server(async (request: Request) => {
    requests.push(request.kind);
    return request.kind === "crcValid" ? "close" : await sound(request);
  });
}

Deno.test("a server that closes right after 'CRC valid': reported as sent but not confirmed; the file is sent three times, further ones once", async () => {
  await using folder = await TemporaryFolder.create();
  const requests: string[] = [];
  await using server = closesUnconfirmed(requests);
  const pause = () => Promise.resolve();
  const outcomes = await send(folder, server, { retries: 5, pause });
  assert.deepEqual(states(outcomes), ["unknown", "unknown"]);
  for (const outcome of outcomes) {
    assert.ok("error" in outcome);
    assert.equal(outcome.error.code, "not-confirmed");
    assert.match(
      outcome.error.message,
      /^. was sent, but the server closed the connection instead/,
    );
  }
  assert.equal(requests.filter((kind) => kind === "sendFile").length, 4);
});

Deno.test("a connection lost once after 'CRC valid' is not a quirk: the file is sent again and confirmed", async () => {
  await using folder = await TemporaryFolder.create();
  const sound = correctAnswers(cksum(CONTENT));
  let closings = 0;
  await using server = new ScriptedV3Server(async (request) =>
    request.kind === "crcValid" && ++closings === 1 ? "close" : await sound(request)
  );
  const pause = () => Promise.resolve();
  const outcomes = await send(folder, server, { retries: 5, pause });
  assert.deepEqual(states(outcomes), ["stored", "stored"]);
});
