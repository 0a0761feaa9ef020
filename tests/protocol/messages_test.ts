import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  decodeResponseHeader,
  edition2023c,
  encodeRequest,
  encodeResponse,
  FIELDS,
  fixedSize,
  fromHex,
  type Layout,
  type Request,
  REQUEST_HEADER_SIZE,
  type RequestKind,
  type Response,
  RESPONSE_HEADER_SIZE,
  type ResponseKind,
  toHex,
} from "../../mod.ts";

const edition = edition2023c;
const requestKinds = Object.keys(edition.requests) as RequestKind[];
const responseKinds = Object.keys(edition.responses) as ResponseKind[];

const bytes = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((array) => new Uint8Array(array));

/** Any values for the fields of a layout. */
function values(layout: Layout) {
  const entries = layout.fields.map((field) => {
    const { type, size } = FIELDS[field];
    return [field, type === "number" ? fc.nat(0xffff_0000) : bytes(size)] as const;
  });
  return fc.record(Object.fromEntries(entries));
}

for (const kind of requestKinds) {
  const layout = edition.requests[kind];
  Deno.test(`request ${kind} (${layout.code}): any values come back, byte for byte`, () => {
    fc.assert(fc.property(bytes(16), values(layout), (clientId, fields) => {
      const request = { kind, clientId, ...fields } as Request;
      const encoded = encodeRequest(edition, request);
      const header = decodeRequestHeader(encoded.subarray(0, REQUEST_HEADER_SIZE));
      const fixed = encoded.subarray(REQUEST_HEADER_SIZE);
      const content = request.kind === "sendFile" ? request.contentSize : 0;
      assert.equal(header.code, layout.code);
      assert.equal(header.version, 3);
      assert.equal(header.payloadSize, fixed.length + content);
      const decoded = decodeRequest(edition, kind, header, fixed);
      assert.deepEqual(decoded, request);
      assert.deepEqual(encodeRequest(edition, decoded), encoded);
    }));
  });
}

for (const kind of responseKinds) {
  const layout = edition.responses[kind];
  Deno.test(`response ${kind} (${layout.code}): any values come back, byte for byte`, () => {
    fc.assert(fc.property(values(layout), (fields) => {
      const response = { kind, ...fields } as Response;
      const encoded = encodeResponse(edition, response);
      const header = decodeResponseHeader(encoded.subarray(0, RESPONSE_HEADER_SIZE));
      assert.equal(header.payloadSize, encoded.length - RESPONSE_HEADER_SIZE);
      const decoded = decodeResponse(edition, header, encoded.subarray(RESPONSE_HEADER_SIZE));
      assert.deepEqual(decoded, response);
      assert.deepEqual(encodeResponse(edition, decoded), encoded);
    }));
  });
}

Deno.test("payloads have the sizes of the published text", () => {
  const requests = requestKinds.map((kind) => fixedSize(edition.requests[kind]));
  const responses = responseKinds.map((kind) => fixedSize(edition.responses[kind]));
  assert.deepEqual(requests, [255, 415, 255, 259, 255, 255, 255]);
  assert.deepEqual(responses, [16, 0, 144, 279, 16, 144, 16, 0]);
});

Deno.test("a registration and its answer, byte by byte", () => {
  const name = new Uint8Array(255);
  name.set(new TextEncoder().encode("Alice"));
  const clientId = fromHex("00112233445566778899aabbccddeeff") ?? assert.fail();
  assert.equal(
    toHex(encodeRequest(edition, { kind: "register", clientId, name })),
    "00112233445566778899aabbccddeeff" + "03" + "0104" + "ff000000" + "416c696365" +
      "00".repeat(250),
  );
  assert.equal(
    toHex(encodeResponse(edition, { kind: "registered", clientId })),
    "03" + "3408" + "10000000" + "00112233445566778899aabbccddeeff",
  );
});

Deno.test("a response of a wrong size is refused, unless its meaning is in the code alone", () => {
  for (const kind of responseKinds) {
    const { code, fields, anyPayload } = edition.responses[kind];
    const size = fixedSize({ code, fields });
    for (const wrong of [size - 1, size + 1].filter((other) => other >= 0)) {
      const decode = () => {
        const header = { version: 3, code, payloadSize: wrong };
        return decodeResponse(edition, header, new Uint8Array(wrong));
      };
      if (anyPayload) assert.equal(decode().kind, kind);
      else {
        assert.throws(decode, {
          name: "ProtocolError",
          code: wrong < size ? "truncated" : "surplus",
        });
      }
    }
  }
});

Deno.test("an unknown response code is refused", () => {
  const header = { version: 3, code: 9999, payloadSize: 0 };
  assert.throws(() => decodeResponse(edition, header, new Uint8Array(0)), { code: "unknown-code" });
});

Deno.test("a file that the header's field can't count is not encoded", () => {
  const request = {
    kind: "sendFile",
    clientId: new Uint8Array(16),
    contentSize: 2 ** 32 - 259,
    fileName: new Uint8Array(255),
  } as const;
  assert.throws(() => encodeRequest(edition, request), { code: "payload-too-large" });
  encodeRequest(edition, { ...request, contentSize: 2 ** 32 - 260 });
});
