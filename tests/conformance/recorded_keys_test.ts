/** The recordings agree with our cryptography: RSA key → AES key → file → checksum. */
import assert from "node:assert/strict";
import { CbcDecryptor, importAesKey } from "../../protocol/cipher/aes_cbc.ts";
import { cksum } from "../../protocol/crc/cksum.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import {
  decodeRequest,
  encodeRequest,
  requestKind,
  type Response,
} from "../../protocol/v3/messages.ts";
import { decodeRequestHeader, REQUEST_HEADER_SIZE } from "../../protocol/header.ts";
import { edition2023c } from "../../protocol/v3/editions/edition_2023c.ts";
import { fixedSize } from "../../protocol/v3/editions/edition.ts";
import { ResponseReader } from "../../protocol/v3/response_reader.ts";
import { unwrapKey } from "../../protocol/cipher/rsa.ts";
import { type Entry, loadRecordings } from "../support/v3/recordings.ts";
import { restoreChecksums } from "../support/store/corrupt_catalog.ts";

const edition = edition2023c;

for (const recording of loadRecordings("2023c-a")) {
  const { label, identity, aesKey, plaintext, entries, falsified } = recording;
  if (identity === undefined || aesKey === undefined) continue;

  Deno.test(`${label}: the recorded keys decrypt the recorded file, which has the recorded checksum`, async () => {
    const responses = restoreChecksums(edition, entries, falsified).flatMap(readResponses);
    const wrapped = responses.flatMap((response) =>
      "wrappedKey" in response ? [response.wrappedKey] : []
    );
    const unwrapped = await unwrapKey(identity.privateKey, wrapped.at(-1) ?? assert.fail());
    assert.deepEqual(unwrapped, aesKey);

    for (const content of sentFiles(entries)) {
      const decryptor = new CbcDecryptor(await importAesKey(unwrapped));
      const decrypted = concatBytes(await decryptor.update(content), await decryptor.final());
      assert.deepEqual(decrypted, plaintext);
    }
    const crcs = responses.flatMap((response) => "crc" in response ? [response.crc] : []);
    assert.ok(crcs.length > 0);
    for (const crc of crcs) assert.equal(crc, cksum(plaintext));
  });
}

function readResponses({ dir, bytes }: Entry): Response[] {
  if (dir === "c2s") return [];
  const reader = new ResponseReader(edition);
  reader.push(bytes);
  const responses: Response[] = [];
  for (let response = reader.next(); response !== undefined; response = reader.next()) {
    responses.push(response);
  }
  return responses;
}

/** The ciphertexts of all files that the client sent. */
function sentFiles(entries: readonly Entry[]) {
  const stream = concatBytes(
    ...entries.filter(({ dir }) => dir === "c2s").map(({ bytes }) => bytes),
  );
  const files = [];
  for (let at = 0; at < stream.length;) {
    const header = decodeRequestHeader(stream.slice(at, at + REQUEST_HEADER_SIZE));
    const kind = requestKind(edition, header.code) ??
      assert.fail("an unknown request was recorded");
    const fixed = fixedSize(edition.requests[kind] ?? assert.fail());
    const body = at + REQUEST_HEADER_SIZE;
    const request = decodeRequest(edition, kind, header, stream.slice(body, body + fixed));
    const contentLength = header.payloadSize - fixed;
    assert.deepEqual(
      encodeRequest(edition, request, { contentLength }),
      stream.slice(at, body + fixed),
    );
    at = body + header.payloadSize;
    if (kind === "sendFile") files.push(stream.slice(body + fixed, at));
  }
  return files;
}
