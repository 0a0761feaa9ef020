/** The messages of a recorded server. */
import type { Bytes } from "../../../protocol/bytes.ts";
import { decodeResponseHeader, RESPONSE_HEADER_SIZE } from "../../../protocol/header.ts";
import {
  type Edition,
  FIELDS,
  fixedSize,
  type ResponseKind,
} from "../../../protocol/v3/editions/edition.ts";

export interface RecordedMessage {
  readonly kind: ResponseKind;
  /** Header and payload as counted, without the padding of a frame. */
  readonly bytes: Bytes;
  /** The client id at the start of the payload, counted or not. `undefined` without one. */
  readonly clientId: Bytes | undefined;
  /** The wrapped key after it. */
  readonly wrappedKey: Bytes | undefined;
}

/** Some recorded servers don't count an id that they send, and some pad frames to 1024 bytes. */
export function readMessages(edition: Edition, stream: Bytes): RecordedMessage[] {
  const messages: RecordedMessage[] = [];
  for (let at = 0; at + RESPONSE_HEADER_SIZE <= stream.length;) {
    const header = decodeResponseHeader(stream.subarray(at));
    const kind = kindOfCode(edition, header.code);
    if (kind === undefined) break;
    const payloadAt = at + RESPONSE_HEADER_SIZE;
    const layout = edition.responses[kind];
    const uncounted = layout?.fields[0] === "clientId" && header.payloadSize === 0 &&
      stream.length > payloadAt;
    const end = payloadAt + (uncounted ? FIELDS.clientId.size : header.payloadSize);
    const payload = stream.slice(payloadAt, end);
    const hasId = layout !== undefined && layout.fields[0] === "clientId" && payload.length >= 16 &&
      payload.subarray(0, 16).some((byte) => byte !== 0);
    const hasKey = layout?.fields.includes("wrappedKey") === true &&
      payload.length === fixedSize(layout);
    messages.push({
      kind,
      bytes: stream.slice(at, payloadAt + header.payloadSize),
      clientId: hasId ? payload.slice(0, FIELDS.clientId.size) : undefined,
      wrappedKey: hasKey ? payload.slice(FIELDS.clientId.size) : undefined,
    });
    at = end;
  }
  return messages;
}

export function kindOfCode(edition: Edition, code: number): ResponseKind | undefined {
  const kinds = Object.keys(edition.responses) as ResponseKind[];
  return kinds.find((kind) => edition.responses[kind]?.code === code);
}
