/** Cases for a server: a table of steps with the allowed answers. */
import { type Edition, fixedSize, hasPackets } from "../../../protocol/v3/editions/edition.ts";
import {
  CONFIRM,
  type Damage,
  type Delivery,
  ENROL,
  invalid,
  NO,
  NO_OR_REFUSED,
  NOT_THE_FILE,
  received,
  REGISTER,
  type ServerCase,
  type ServerStep,
  store,
} from "./server_case.ts";
import { optionalCases } from "./optional_server_cases.ts";

/** The cases for one edition. */
export function serverCases(edition: Edition): ServerCase[] {
  return [
    ...flow(edition),
    ...delivery(),
    ...names(),
    ...framing(edition),
    ...order(edition),
    ...ciphertext(),
    ...(hasPackets(edition) ? packets() : []),
    ...optionalCases(edition),
  ];
}

function flow({ requests }: Edition): ServerCase[] {
  const required = (name: string, steps: readonly ServerStep[]): ServerCase => {
    return { name, grade: "required", steps };
  };
  const cases = [
    required("a free name is registered", REGISTER),
    required("a public key is answered with an AES key", ENROL),
    ...[0, 1, 15, 16, 17, 1000, 100_000].map((size) =>
      required(`a file of ${size} bytes is received and approved`, [...ENROL, ...store(size)])
    ),
    required("a second file follows on the same connection", [
      ...ENROL,
      ...store(10),
      { send: "publicKey" },
      { expect: ["keyReceived"] },
      ...store(20),
    ]),
    required("a name that is taken is refused", [
      ...ENROL,
      { connect: "again" },
      { send: "register" },
      { expect: ["refused"] },
    ]),
    ...[1, 2, 3].map((times) =>
      required(`CRC invalid ${times}×, the file again, CRC valid`, [
        ...ENROL,
        ...invalid(times),
        { send: "sendFile", size: 500 },
        received(times + 1),
        ...CONFIRM,
      ])
    ),
    required("CRC invalid 3×, then giving up", [
      ...ENROL,
      ...invalid(3),
      { send: "sendFile", size: 500 },
      { expect: ["fileReceived"] },
      { send: "crcGivenUp" },
      { expect: ["messageReceived", "closed"] },
    ]),
    required("two clients at once don't interfere", [
      ...ENROL,
      ...ENROL.map((step) => ({ ...step, by: "B" as const })),
      { send: "sendFile", size: 300 },
      { send: "sendFile", size: 400, by: "B" },
      { expect: ["fileReceived"], by: "B" },
      { expect: ["fileReceived"] },
      ...CONFIRM,
      ...CONFIRM.map((step) => ({ ...step, by: "B" as const })),
    ]),
  ];
  if (requests.reconnect === undefined) return cases;
  return [
    ...cases,
    required("a known client reconnects on a new connection and sends a file", [
      ...ENROL,
      { connect: "again" },
      { send: "reconnect" },
      { expect: ["reconnected"] },
      ...store(700),
    ]),
    required("an unknown client is denied and registers again", [
      { send: "reconnect", damage: { unknownId: true } },
      { expect: ["denied"] },
      ...ENROL,
      ...store(30),
    ]),
    required("a client without a key is denied and registers again", [
      ...REGISTER,
      { send: "reconnect" },
      { expect: ["denied"] },
      ...ENROL,
    ]),
  ];
}

function delivery(): ServerCase[] {
  const ways: readonly Delivery[] = ["one byte at a time", "with header and payload apart"];
  const cases = ways.map((way): ServerCase => ({
    name: `everything arrives ${way}`,
    grade: "robust",
    steps: [...ENROL, ...store(40)].map((step) =>
      "send" in step ? { ...step, delivery: way } : step
    ),
  }));
  return [...cases, {
    name: "a file and the verdict on its checksum arrive in one segment",
    grade: "robust",
    steps: [
      ...ENROL,
      { send: "sendFile", size: 40, delivery: "with the next" },
      { send: "crcValid" },
      { expect: ["fileReceived"] },
      { expect: ["messageReceived"] },
    ],
  }];
}

function names(): ServerCase[] {
  const bad: Readonly<Record<string, string>> = {
    "an empty name": "",
    "a name with a space": "Al ice",
    "a name that is a path": "../alice",
    "a name with a terminal escape": "a\x1b[2J",
    "a name that is not ASCII": "Алиса",
  };
  return Object.entries(bad).map(([what, name]) => ({
    name: `${what} is refused`,
    grade: "robust",
    steps: [{ send: "register", name }, { expect: NO_OR_REFUSED }],
  }));
}

const HEADER = 23;

function framing(edition: Edition): ServerCase[] {
  const robust = (name: string, steps: readonly ServerStep[]): ServerCase => {
    return { name, grade: "robust", steps };
  };
  const damaged = (damage: Damage, allowed = NO): ServerStep[] => [
    { send: "register", damage },
    { expect: allowed },
  ];
  const cuts = [0, 1, 16, 17, 19, HEADER - 1, HEADER, HEADER + 1, HEADER + 254];
  const { fields } = edition.requests.sendFile;
  const boundaries = fields.map((_, count) =>
    HEADER + fixedSize({ code: 0, fields: fields.slice(0, count + 1) })
  );
  return [
    robust("an unknown code", damaged({ code: 4242 })),
    robust("a payload size that is too small", damaged({ payloadSize: 254 })),
    robust("a payload size that is too large", damaged({ payloadSize: 256 }, [...NO, "silence"])),
    robust("an absurd payload size", damaged({ payloadSize: 0xffff_ffff }, [...NO, "silence"])),
    ...cuts.map((cutAt) =>
      robust(`a registration cut off after ${cutAt} bytes`, [
        { send: "register", damage: { cutAt } },
        { expect: ["closed"] },
      ])
    ),
    ...[HEADER, HEADER + 255, HEADER + 414].map((cutAt) =>
      robust(`a public key cut off after ${cutAt} bytes`, [
        ...REGISTER,
        { send: "publicKey", damage: { cutAt } },
        { expect: ["closed"] },
      ])
    ),
    ...boundaries.map((cutAt) =>
      robust(`a file cut off after ${cutAt} bytes`, [
        ...ENROL,
        { send: "sendFile", size: 100, damage: { cutAt } },
        { expect: ["closed"] },
      ])
    ),
    robust("a content size that is larger than the message's", [
      ...ENROL,
      { send: "sendFile", size: 100, damage: { contentSize: 4096, cutAt: 10_000 } },
      { expect: NO },
    ]),
    robust("a content size that no ciphertext has", [
      ...ENROL,
      { send: "sendFile", size: 100, damage: { contentSize: 111 } },
      { expect: NOT_THE_FILE },
    ]),
    robust("a content size of 0", [
      ...ENROL,
      { send: "sendFile", size: 100, damage: { contentSize: 0 } },
      { expect: NOT_THE_FILE },
    ]),
  ];
}

function order(edition: Edition): ServerCase[] {
  const robust = (name: string, steps: readonly ServerStep[]): ServerCase => {
    return { name, grade: "robust", steps };
  };
  return [
    robust("a file before the key exchange", [
      ...REGISTER,
      { send: "sendFile", size: 100 },
      { expect: NO },
    ]),
    robust("a file of an unknown id", [
      ...ENROL,
      { send: "sendFile", size: 100, damage: { unknownId: true } },
      { expect: NO },
    ]),
    robust("CRC valid for a file that was never sent", [
      ...ENROL,
      { send: "crcValid" },
      { expect: NO },
    ]),
    robust("a public key of an unknown id", [
      { send: "publicKey", damage: { unknownId: true } },
      { expect: NO },
    ]),
    robust("random bytes as a public key", [
      ...REGISTER,
      { send: "publicKey", damage: { publicKey: "noise" } },
      { expect: NO },
    ]),
    ...(edition.requests.reconnect === undefined ? [] : [
      robust("reconnecting with another client's id", [
        ...ENROL,
        { send: "reconnect", by: "B", damage: { unknownId: true } } as const,
        { expect: ["denied"], by: "B" } as const,
      ]),
    ]),
  ];
}

function ciphertext(): ServerCase[] {
  return (["wrong key", "wrong padding"] as const).map((cipher) => ({
    name: `a file with a ${cipher} is not confirmed, and can be sent again`,
    grade: "robust",
    steps: [
      ...ENROL,
      { send: "sendFile", size: 100, damage: { cipher } },
      { expect: NOT_THE_FILE },
    ],
  }));
}

function packets(): ServerCase[] {
  const robust = (name: string, damage: Damage): ServerCase => ({
    name,
    grade: "robust",
    steps: [...ENROL, { send: "sendFile", size: 1000, packets: 4, damage }, { expect: NO }],
  });
  return [
    ...[2, 4, 50].map((count): ServerCase => ({
      name: `a file in ${count} packets`,
      grade: "required",
      steps: [...ENROL, ...store(2000, { packets: count })],
    })),
    robust("a packet is missing", { packet: 2, packetNumber: 3 }),
    robust("a packet arrives twice", { packet: 3, packetNumber: 2 }),
    robust("a file begins with packet 2", { packet: 1, packetNumber: 2 }),
    robust("a file begins with packet 0", { packet: 1, packetNumber: 0 }),
    robust("a packet has another total", { packet: 2, totalPackets: 9 }),
    robust("a file of 0 packets", { packet: 1, totalPackets: 0 }),
    robust("a packet has another file name", { packet: 3, fileName: "other.bin" }),
    robust("a packet has another content size", { packet: 3, contentSize: 2000 }),
    robust("a packet has another original size", { packet: 3, originalSize: 3 }),
    robust("an original size that is larger than the ciphertext", {
      packet: 1,
      originalSize: 9999,
    }),
  ];
}
