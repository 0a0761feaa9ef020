/** What a server is asked, and what it may answer: a table of steps for each case. */
import {
  type Edition,
  fixedSize,
  hasPackets,
  type RequestKind,
  type ResponseKind,
} from "../../../protocol/v3/editions/edition.ts";

/** *required*: the published flow. *robust*: bad input and limits. *habit*: what the target does where it may choose. */
export type Grade = "required" | "robust" | "habit";

export type Outcome =
  | ResponseKind
  | "wrong checksum"
  | "zlib's checksum"
  | "closed"
  | "silence";

/** How the bytes of a message are handed over. */
export type Delivery =
  | "whole"
  | "a byte at a time"
  | "header and payload apart"
  | "in frames of 2048 bytes"
  | "with the next";

/** What is wrong with a message, field by field. */
export interface Damage {
  readonly version?: number;
  readonly code?: number;
  /** −1: that of the fixed part alone. */
  readonly payloadSize?: number;
  /** So many bytes are announced beyond those that come. */
  readonly announced?: number;
  /** So many bytes follow that are not counted. */
  readonly surplus?: number;
  /** `own`: that of the packet's own part. */
  readonly contentSize?: number | "own";
  readonly originalSize?: number;
  readonly packetNumber?: number;
  readonly totalPackets?: number;
  readonly fileName?: string;
  /** The packet that is damaged, from 1. */
  readonly packet?: number | "each";
  /** Only so many bytes of the message are sent, and then the connection is closed. */
  readonly cutAt?: number;
  /** Sent under an id that nobody has. */
  readonly unknownId?: true;
  /** Sent by B under the id that A has. */
  readonly idOfA?: true;
  readonly publicKey?: "noise";
  readonly cipher?: "wrong key" | "wrong padding";
}

export interface SendStep {
  readonly send: RequestKind;
  /** Which of two clients; `A` where nothing is said. */
  readonly by?: "A" | "B";
  readonly name?: string;
  /** Bytes of the file. */
  readonly size?: number;
  /** In how many packets it is sent, where there are packets. */
  readonly packets?: number;
  readonly delivery?: Delivery;
  readonly damage?: Damage;
}

export type ServerStep =
  | SendStep
  /** Reads one answer, which must be one of these. */
  | { readonly expect: readonly Outcome[]; readonly by?: "A" | "B" }
  /** Leaves and comes back on a connection of its own. */
  | { readonly connect: "anew"; readonly by?: "A" | "B" };

export interface ServerCase {
  readonly name: string;
  readonly grade: Grade;
  readonly steps: readonly ServerStep[];
}

const NO: readonly Outcome[] = ["generalError", "closed"];
const NO_OR_REFUSED: readonly Outcome[] = ["refused", ...NO];
const NOT_THE_FILE: readonly Outcome[] = ["wrong checksum", ...NO];

const REGISTER: readonly ServerStep[] = [{ send: "register" }, { expect: ["registered"] }];
const ENROL: readonly ServerStep[] = [
  ...REGISTER,
  { send: "publicKey" },
  { expect: ["keyReceived"] },
];
const CONFIRM: readonly ServerStep[] = [{ send: "crcValid" }, { expect: ["messageReceived"] }];

function store(size: number, more: Partial<SendStep> = {}): readonly ServerStep[] {
  return [{ send: "sendFile", size, ...more }, { expect: ["fileReceived"] }, ...CONFIRM];
}

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
    ...habits(edition),
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
      { connect: "anew" },
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
    required("two clients at once don't get into each other's way", [
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
    required("a known client reconnects, on a connection of its own, and sends a file", [
      ...ENROL,
      { connect: "anew" },
      { send: "reconnect" },
      { expect: ["reconnected"] },
      ...store(700),
    ]),
    required("an unknown client is denied, and registers anew", [
      { send: "reconnect", damage: { unknownId: true } },
      { expect: ["denied"] },
      ...ENROL,
      ...store(30),
    ]),
    required("a client without a key is denied, and registers anew", [
      ...REGISTER,
      { send: "reconnect" },
      { expect: ["denied"] },
      ...ENROL,
    ]),
  ];
}

/** What a file is answered with at this attempt; from the third on a server may try zlib's checksum. */
function received(attempt: number): ServerStep {
  return { expect: attempt < 3 ? ["fileReceived"] : ["fileReceived", "zlib's checksum"] };
}

/** The file, and the word that its checksum was wrong; the next follows when half a second is over, answered or not. */
function invalid(times: number): ServerStep[] {
  return Array.from({ length: times }, (_, before): ServerStep[] => [
    { send: "sendFile", size: 500 },
    received(before + 1),
    { send: "crcInvalid" },
    { expect: ["silence", "messageReceived"] },
  ]).flat();
}

function delivery(): ServerCase[] {
  const ways: readonly Delivery[] = ["a byte at a time", "header and payload apart"];
  const cases = ways.map((way): ServerCase => ({
    name: `everything comes ${way}`,
    grade: "robust",
    steps: [...ENROL, ...store(40)].map((step) =>
      "send" in step ? { ...step, delivery: way } : step
    ),
  }));
  return [...cases, {
    name: "a file and the word on its checksum come in one segment",
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
    robust("a content size that is no ciphertext's", [
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
    robust("a public key that is noise", [
      ...REGISTER,
      { send: "publicKey", damage: { publicKey: "noise" } },
      { expect: NO },
    ]),
    ...(edition.requests.reconnect === undefined ? [] : [
      robust("reconnecting under another's id", [
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
    robust("a packet comes twice", { packet: 3, packetNumber: 2 }),
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

function habits(edition: Edition): ServerCase[] {
  const habit = (name: string, steps: readonly ServerStep[]): ServerCase => {
    return { name, grade: "habit", steps };
  };
  return [
    habit("looks at the version", [
      { send: "register", damage: { version: 2 } },
      { expect: NO },
    ]),
    habit("answers CRC invalid when nothing follows", [
      ...ENROL,
      { send: "sendFile", size: 100 },
      { expect: ["fileReceived"] },
      { send: "crcInvalid" },
      { expect: ["messageReceived"] },
    ]),
    habit("takes each request on a connection of its own", [
      ...REGISTER,
      { connect: "anew" },
      { send: "publicKey" },
      { expect: ["keyReceived"] },
      { connect: "anew" },
      { send: "sendFile", size: 100 },
      { expect: ["fileReceived"] },
      { connect: "anew" },
      ...CONFIRM,
    ]),
    habit("keeps the connection after CRC valid", [...ENROL, ...store(10), ...store(20)]),
    habit("takes content that the payload size does not count", [
      ...ENROL,
      ...store(100, { damage: { payloadSize: -1 } }),
    ]),
    habit("takes a CRC request with payload size 0", [
      ...ENROL,
      { send: "sendFile", size: 100 },
      { expect: ["fileReceived"] },
      { send: "crcValid", damage: { payloadSize: 0 } },
      { expect: ["messageReceived"] },
    ]),
    habit("takes a CRC request with an empty name, where one file waits", [
      ...ENROL,
      { send: "sendFile", size: 100 },
      { expect: ["fileReceived"] },
      { send: "crcValid", damage: { fileName: "" } },
      { expect: ["messageReceived"] },
    ]),
    habit("takes a content size that is the plaintext's", [
      ...ENROL,
      ...store(300, { damage: { contentSize: 300 } }),
    ]),
    habit(
      "takes a content size that is the plaintext's, of a multiple of a block in the first file",
      [
        ...ENROL,
        ...store(320, { damage: { contentSize: 320 } }),
      ],
    ),
    habit("takes a file whose filling is announced and never comes", [
      ...ENROL,
      ...store(300, { damage: { announced: 16 } }),
      ...store(301, { damage: { announced: 7598 } }),
    ]),
    habit("takes a public key with 95 bytes behind it", [
      ...REGISTER,
      { send: "publicKey", damage: { surplus: 95 } },
      { expect: ["keyReceived"] },
      ...store(300),
    ]),
    habit("takes messages in frames of 2048 bytes on one connection", [
      ...[...ENROL, ...store(300)].map((step) =>
        "send" in step ? { ...step, delivery: "in frames of 2048 bytes" as const } : step
      ),
    ]),
    habit("hears nobody else on a file whose client is still connected", [
      ...ENROL,
      { send: "sendFile", size: 100 },
      { expect: ["fileReceived"] },
      { send: "crcGivenUp", by: "B", damage: { idOfA: true } },
      { expect: [...NO, "messageReceived"], by: "B" },
      ...CONFIRM,
    ]),
    ...(hasPackets(edition)
      ? [
        habit("takes packets whose content size is that of their own part", [
          ...ENROL,
          ...store(10_000, { packets: 10, damage: { packet: "each", contentSize: "own" } }),
        ]),
      ]
      : []),
    habit("tells zlib's CRC-32 of a file whose cksum was called wrong twice, once", [
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
