import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type Request,
  type Response,
} from "../../../protocol/v3/messages.ts";
import {
  decodeRequestHeader,
  decodeResponseHeader,
  REQUEST_HEADER_SIZE,
  RESPONSE_HEADER_SIZE,
} from "../../../protocol/header.ts";
import { edition2022 } from "../../../protocol/v3/editions/edition_2022.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { EDITIONS } from "../../../protocol/v3/editions/mod.ts";
import {
  FIELDS,
  fixedSize,
  type Layout,
  type RequestKind,
  type ResponseKind,
} from "../../../protocol/v3/editions/edition.ts";
import { fromHex, toHex } from "../../../protocol/bytes.ts";
import { ProtocolError } from "../../../protocol/errors.ts";

const edition = edition2023c;
const requestKinds = Object.keys(edition.requests) as RequestKind[];
const responseKinds = Object.keys(edition.responses) as ResponseKind[];

function layoutOf(layout: Layout | undefined): Layout {
  return layout ?? assert.fail("edition 2023c has every message");
}

const bytes = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((array) => new Uint8Array(array));

/** Arbitrary values for the fields of a layout. */
function values(layout: Layout) {
  const entries = layout.fields.map((field) => {
    const { type, size } = FIELDS[field];
    return [
      field,
      type === "number" ? fc.nat(size === 2 ? 0xffff : 0x7fff_ffff) : bytes(size),
    ] as const;
  });
  return fc.record(Object.fromEntries(entries));
}

for (const edition of EDITIONS) {
  for (const kind of requestKinds) {
    const layout = edition.requests[kind];
    if (layout === undefined) continue;
    Deno.test(`${edition.name}: request ${kind} (${layout.code}), any values are decoded as encoded, byte for byte`, () => {
      fc.assert(
        fc.property(bytes(16), values(layout), fc.nat(1000), (clientId, fields, content) => {
          const request = { kind, ...fields, clientId } as Request;
          const encoded = encodeRequest(edition, request, { contentLength: content });
          const header = decodeRequestHeader(encoded.subarray(0, REQUEST_HEADER_SIZE));
          const fixed = encoded.subarray(REQUEST_HEADER_SIZE);
          assert.deepEqual([header.version, header.code], [3, layout.code]);
          assert.equal(header.payloadSize, fixed.length + content);
          // The client id in the payload, if it has one, must match the header's.
          if (layout.fields.includes("clientId")) fixed.set(clientId);
          const decoded = decodeRequest(edition, kind, header, fixed);
          assert.deepEqual(decoded, request);
          const again = encodeRequest(edition, decoded, { contentLength: content });
          assert.deepEqual(again, encoded);
        }),
      );
    });
  }

  for (const kind of responseKinds) {
    const layout = edition.responses[kind];
    if (layout === undefined) continue;
    Deno.test(`${edition.name}: response ${kind} (${layout.code}), any values are decoded as encoded, byte for byte`, () => {
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

  Deno.test(`${edition.name}: any bytes are decoded, or refused with the typed error; none beyond are read`, () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 700 }), (array) => {
      const input = new Uint8Array(array);
      const attempts = [
        () => decodeRequestHeader(input),
        () => decodeResponseHeader(input),
        ...requestKinds.filter((kind) => edition.requests[kind]).map((kind) => () => {
          const header = { clientId: new Uint8Array(16), version: 3, code: 0, payloadSize: 0 };
          const decoded = decodeRequest(edition, kind, header, input);
          assert.equal(encodeRequest(edition, decoded).length, REQUEST_HEADER_SIZE + input.length);
        }),
        ...responseKinds.map((kind) => () => {
          const code = edition.responses[kind]?.code ?? 0;
          decodeResponse(edition, { version: 3, code, payloadSize: input.length }, input);
        }),
      ];
      for (const attempt of attempts) {
        try {
          attempt();
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }
    }));
  });
}

Deno.test("2022: a payload with another client id than the header is refused", () => {
  const header = { clientId: new Uint8Array(16), version: 3, code: 1104, payloadSize: 271 };
  const fixed = new Uint8Array(271).fill(7);
  assert.throws(() => decodeRequest(edition2022, "crcValid", header, fixed), {
    name: "ProtocolError",
    code: "wrong-client-id",
  });
});

Deno.test("messages: payloads have the published sizes", () => {
  const requests = requestKinds.map((kind) => fixedSize(layoutOf(edition.requests[kind])));
  const responses = responseKinds.map((kind) => fixedSize(layoutOf(edition.responses[kind])));
  assert.deepEqual(requests, [255, 415, 255, 259, 255, 255, 255]);
  assert.deepEqual(responses, [16, 0, 144, 279, 16, 144, 16, 0]);
});

Deno.test("messages: a registration and its answer, byte by byte", () => {
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

Deno.test("messages: a response of a wrong size is refused, unless its code alone has the meaning", () => {
  for (const kind of responseKinds) {
    const { code, fields, anyPayload } = edition.responses[kind] ?? assert.fail();
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

Deno.test("messages: an unknown response code is refused", () => {
  const header = { version: 3, code: 9999, payloadSize: 0 };
  assert.throws(() => decodeResponse(edition, header, new Uint8Array(0)), { code: "unknown-code" });
});

Deno.test("messages: a file too large for the header's field is not encoded", () => {
  const request = {
    kind: "sendFile",
    clientId: new Uint8Array(16),
    contentSize: 16,
    fileName: new Uint8Array(255),
  } as const;
  const encode = (contentLength: number) => encodeRequest(edition, request, { contentLength });
  assert.throws(() => encode(2 ** 32 - 259), { code: "payload-too-large" });
  encode(2 ** 32 - 260);
});
