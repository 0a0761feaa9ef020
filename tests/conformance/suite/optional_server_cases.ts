/** Cases for a server's behavior where the specification leaves it open. */
import { type Edition, hasPackets } from "../../../protocol/v3/editions/edition.ts";
import {
  CONFIRM,
  ENROL,
  invalid,
  NO,
  REGISTER,
  type ServerCase,
  type ServerStep,
  store,
} from "./server_case.ts";

export function optionalCases(edition: Edition): ServerCase[] {
  const optional = (name: string, steps: readonly ServerStep[]): ServerCase => {
    return { name, grade: "optional", steps };
  };
  return [
    optional("checks the version", [
      { send: "register", damage: { version: 2 } },
      { expect: NO },
    ]),
    optional("answers CRC invalid if nothing follows", [
      ...ENROL,
      { send: "sendFile", size: 100 },
      { expect: ["fileReceived"] },
      { send: "crcInvalid" },
      { expect: ["messageReceived"] },
    ]),
    optional("accepts each request on a connection of its own", [
      ...REGISTER,
      { connect: "again" },
      { send: "publicKey" },
      { expect: ["keyReceived"] },
      { connect: "again" },
      { send: "sendFile", size: 100 },
      { expect: ["fileReceived"] },
      { connect: "again" },
      ...CONFIRM,
    ]),
    optional("keeps the connection after CRC valid", [...ENROL, ...store(10), ...store(20)]),
    optional("accepts content that the payload size does not count", [
      ...ENROL,
      ...store(100, { damage: { payloadSize: -1 } }),
    ]),
    optional("accepts a CRC request with payload size 0", [
      ...ENROL,
      { send: "sendFile", size: 100 },
      { expect: ["fileReceived"] },
      { send: "crcValid", damage: { payloadSize: 0 } },
      { expect: ["messageReceived"] },
    ]),
    optional("accepts a CRC request with an empty name, if one file waits", [
      ...ENROL,
      { send: "sendFile", size: 100 },
      { expect: ["fileReceived"] },
      { send: "crcValid", damage: { fileName: "" } },
      { expect: ["messageReceived"] },
    ]),
    optional("accepts a content size that is the plaintext's", [
      ...ENROL,
      ...store(300, { damage: { contentSize: 300 } }),
    ]),
    optional(
      "accepts a content size that is the plaintext's, of a multiple of a block in the first file",
      [
        ...ENROL,
        ...store(320, { damage: { contentSize: 320 } }),
      ],
    ),
    optional("accepts a file whose padding is announced and never arrives", [
      ...ENROL,
      ...store(300, { damage: { announced: 16 } }),
      ...store(301, { damage: { announced: 7598 } }),
    ]),
    optional("accepts a public key with 95 bytes after it", [
      ...REGISTER,
      { send: "publicKey", damage: { surplus: 95 } },
      { expect: ["keyReceived"] },
      ...store(300),
    ]),
    optional("accepts messages in frames of 2048 bytes on one connection", [
      ...[...ENROL, ...store(300)].map((step) =>
        "send" in step ? { ...step, delivery: "in frames of 2048 bytes" as const } : step
      ),
    ]),
    optional("ignores verdicts from others on a file whose client is still connected", [
      ...ENROL,
      { send: "sendFile", size: 100 },
      { expect: ["fileReceived"] },
      { send: "crcGivenUp", by: "B", damage: { idOfA: true } },
      { expect: [...NO, "messageReceived"], by: "B" },
      ...CONFIRM,
    ]),
    ...(hasPackets(edition)
      ? [
        optional("accepts packets whose content size is that of their own part", [
          ...ENROL,
          ...store(10_000, { packets: 10, damage: { packet: "each", contentSize: "own" } }),
        ]),
      ]
      : []),
    optional("answers once with zlib's CRC-32, after the cksum of a file was rejected twice", [
      ...ENROL,
      ...invalid(2),
      { send: "sendFile", size: 500 },
      { expect: ["zlib's checksum"] },
      { send: "crcInvalid" },
      { expect: ["silence", "messageReceived"] },
      ...store(500),
    ]),
  ];
}
