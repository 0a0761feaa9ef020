/** The events of a server's session for the bytes of one client, however they are cut. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ServerSession } from "../../../protocol/v3/server_session.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { ciphertextSize } from "../../../protocol/cipher/aes_cbc.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import { encodeRequest, type Request, type SendFile } from "../../../protocol/v3/messages.ts";
import { PacketSequence } from "../../../protocol/v3/packet_sequence.ts";
import type { Quirk } from "../../../protocol/v3/editions/quirks.ts";
import { pseudoRandomBytes, splitAt } from "../bytes.ts";
import { field } from "./raw_client.ts";

export const clientId = pseudoRandomBytes(16, 21);
export const name = field("Alice");
export const fileName = field("a.bin");
export const publicKey = pseudoRandomBytes(160, 5);
/** The bytes of some clients after a public key. */
export const TRAILING_BYTES = pseudoRandomBytes(95, 6);

export interface SessionEvents {
  /** Requests in order; a file as its ciphertext. */
  readonly requests: (string | Bytes)[];
  /** The required sizes of the files' plaintexts, in bytes. */
  readonly plaintextSizes: (number | undefined)[];
  readonly quirks: Quirk[];
  /** The number of times that only padding was missing. */
  readonly completed: number;
  /** Bytes sent to pad answers. */
  readonly filled: number;
}

/** The events of a session for bytes in these pieces. If only padding is missing, it does not arrive. */
export function replay(
  pieces: readonly Bytes[],
  edition: Edition,
  known: readonly Quirk[] = [],
): SessionEvents {
  const session = new ServerSession([edition]);
  const queue = [...pieces];
  const events = {
    requests: [] as SessionEvents["requests"],
    plaintextSizes: [] as SessionEvents["plaintextSizes"],
  };
  let [completed, filled] = [0, 0];
  let packets: PacketSequence | undefined;
  let content: Bytes[] = [];
  for (;;) {
    const event = session.next();
    switch (event.type) {
      case "wait": {
        const piece = queue.shift();
        if (piece !== undefined) session.push(piece);
        else if (event.isComplete) {
          completed++;
          session.endPart();
        } else {
          const quirks = [...session.profile?.quirks ?? []].sort();
          return { ...events, quirks, completed, filled };
        }
        break;
      }
      case "identify":
        session.identify(known.length > 0 ? { edition, quirks: new Set(known) } : undefined);
        break;
      case "send":
        filled += event.bytes.length;
        break;
      case "hello":
        assert.fail("no client sends a hello");
        break;
      case "part":
        if ((event.request.packetNumber ?? 1) > 1) packets?.continue(event.request);
        else [packets, content] = [new PacketSequence(event.request), []];
        break;
      case "content":
        content.push((packets?.take(event.bytes) ?? event.bytes).slice());
        break;
      case "partEnd":
        if (!packets?.endPacket(event.request)) session.proceed();
        else {
          events.requests.push(concatBytes(...content));
          events.plaintextSizes.push(event.request.plaintextSize);
          session.reply({ kind: "messageReceived", clientId });
        }
        break;
      case "request":
        events.requests.push(event.request.kind);
        session.reply({ kind: "messageReceived", clientId });
    }
  }
}

export const message = (edition: Edition, request: Request) => encodeRequest(edition, request);
export const keyMessage = (edition: Edition) =>
  message(edition, { kind: "publicKey", clientId, name, publicKey });
export const verdict = (edition: Edition) =>
  message(edition, { kind: "crcValid", clientId, fileName });

export interface Deviations {
  readonly contentSize?: number;
  /** Bytes that the payload size counts in addition to the content. */
  readonly announced?: number;
  readonly packets?: number;
  readonly originalSize?: number;
  /** Zeros after the content. */
  readonly zeros?: number;
}

/** Returns the message or the packets of a file, and its ciphertext. */
export function file(
  edition: Edition,
  size: number,
  deviations: Deviations = {},
): { bytes: Bytes; content: Bytes } {
  const content = pseudoRandomBytes(ciphertextSize(size), size + 1);
  const { packets = 1, announced = 0, zeros = 0 } = deviations;
  const partSize = Math.ceil(content.length / packets);
  const parts = Array.from({ length: packets }, (_, index) => {
    const part = content.subarray(index * partSize, (index + 1) * partSize);
    const request: SendFile = {
      ...{ kind: "sendFile", clientId, fileName },
      contentSize: deviations.contentSize ?? content.length,
      originalSize: deviations.originalSize ?? size,
      packetNumber: index + 1,
      totalPackets: packets,
    };
    const head = encodeRequest(edition, request, { contentLength: part.length + announced });
    return concatBytes(head, part, new Uint8Array(zeros));
  });
  return { bytes: concatBytes(...parts), content };
}

/** Asserts that the events are the same however the bytes are cut. */
export function replayHoweverSplit(
  bytes: Bytes,
  edition: Edition,
  known: readonly Quirk[] = [],
): SessionEvents {
  const whole = replay([bytes], edition, known);
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 12 }), (cuts) => {
      const { filled: _, ...split } = replay(splitAt(bytes, cuts), edition, known);
      const { filled: __, ...expected } = whole;
      assert.deepEqual(split, expected);
    }),
    { numRuns: 40 },
  );
  const bytewise = replay(Array.from(bytes, (byte) => new Uint8Array([byte])), edition, known);
  assert.deepEqual(bytewise.requests, whole.requests);
  return whole;
}
