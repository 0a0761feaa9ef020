/** Cases for a client: for each run, the server's unusual answers and the required requests. */
import {
  type Edition,
  hasPackets,
  type RequestKind,
} from "../../../protocol/v3/editions/edition.ts";
import type { Grade } from "./server_case.ts";

/** An unusual answer. */
export type OddAnswer =
  | "refused"
  | "refused, with a text"
  | "denied"
  | "general error"
  | "wrong checksum"
  | "close"
  | "an unknown code"
  | "an absurd payload size"
  | "half a response"
  | "answered late"
  /** The usual answer with a payload size of 0. */
  | "uncounted"
  /** The usual answer, padded with zeros to 1024 bytes. */
  | "filled up"
  /** zlib's CRC-32 of the file instead of cksum. */
  | "zlib's checksum"
  /** An AES key of 32 bytes in editions with 16, and the other way round. */
  | "a key of the other size";

export interface ClientRun {
  /** Answers to requests of a kind, in order; after these the usual answer. */
  readonly answers?: Readonly<Partial<Record<RequestKind, readonly OddAnswer[]>>>;
  /** Whether every answer arrives one byte at a time. */
  readonly bytewise?: true;
  /** The required requests, in order. The packets of a file count as one. */
  readonly requests: readonly RequestKind[];
  /** Whether the client must report success. */
  readonly succeeds: boolean;
}

export interface ClientCase {
  readonly name: string;
  readonly grade: Grade;
  /** The size of the file in bytes. */
  readonly size: number;
  /** Consecutive runs of the client in one folder. */
  readonly runs: readonly ClientRun[];
}

const ENROL: readonly RequestKind[] = ["register", "publicKey"];
const STORE: readonly RequestKind[] = ["sendFile", "crcValid"];
const AGAIN: readonly RequestKind[] = ["sendFile", "crcInvalid"];
const FIRST: ClientRun = { requests: [...ENROL, ...STORE], succeeds: true };

/** The cases for one edition. */
export function clientCases(edition: Edition): ClientCase[] {
  const back: RequestKind = edition.requests.reconnect === undefined ? "publicKey" : "reconnect";
  const required = (name: string, runs: readonly ClientRun[], size = 1000): ClientCase => {
    return { name, grade: "required", size, runs };
  };
  const cases = [
    ...[0, 1, 15, 16, 17, 100_000].map((size) =>
      required(`registers and sends a file of ${size} bytes`, [FIRST], size)
    ),
    required("reconnects with its identity", [FIRST, {
      requests: [back, ...STORE],
      succeeds: true,
    }]),
    required("fails if its name is taken", [
      { answers: { register: ["refused"] }, requests: ["register"], succeeds: false },
    ]),
    ...[1, 2, 3].map((times) =>
      required(`sends the file again if its checksum is wrong ${times}×`, [{
        answers: { sendFile: Array(times).fill("wrong checksum") },
        requests: [...ENROL, ...Array(times).fill(AGAIN).flat(), ...STORE],
        succeeds: true,
      }])
    ),
    required("gives up if the checksum is wrong four times", [{
      answers: { sendFile: Array(4).fill("wrong checksum") },
      requests: [...ENROL, ...Array(3).fill(AGAIN).flat(), "sendFile", "crcGivenUp"],
      succeeds: false,
    }]),
    ...robust(),
    ...optionalCases(),
  ];
  if (hasPackets(edition)) {
    cases.push(required("sends a file of 3 MB in packets", [FIRST], 3_000_000));
  }
  if (edition.requests.reconnect !== undefined) {
    cases.push(required("registers again if it is denied", [FIRST, {
      answers: { reconnect: Array(edition.reconnectAttempts).fill("denied") },
      requests: [
        ...Array(edition.reconnectAttempts).fill("reconnect"),
        ...ENROL,
        ...STORE,
      ],
      succeeds: true,
    }]));
  }
  return cases;
}

function robust(): ClientCase[] {
  const stops: readonly OddAnswer[] = [
    "general error",
    "close",
    "an unknown code",
    "an absurd payload size",
    "half a response",
  ];
  const begin: readonly RequestKind[] = [...ENROL, ...STORE];
  const stopped = begin.flatMap((kind, index) =>
    stops.map((answer): ClientCase => ({
      name: `fails if the answer to ${kind} is ${answer === "close" ? "a close" : answer}`,
      grade: "robust",
      size: 100,
      runs: [{
        answers: { [kind]: [answer] },
        requests: begin.slice(0, index + 1),
        succeeds: false,
      }],
    }))
  );
  return [...stopped, {
    name: "accepts answers that arrive one byte at a time",
    grade: "robust",
    size: 100,
    runs: [{ ...FIRST, bytewise: true }],
  }, {
    name: "fails if the refusal contains text",
    grade: "robust",
    size: 100,
    runs: [{
      answers: { register: ["refused, with a text"] },
      requests: ["register"],
      succeeds: false,
    }],
  }];
}

function optionalCases(): ClientCase[] {
  return [{
    name: "ignores a late answer to CRC invalid",
    grade: "optional",
    size: 100,
    runs: [{
      answers: { sendFile: ["wrong checksum"], crcInvalid: ["answered late"] },
      requests: [...ENROL, ...AGAIN, ...STORE],
      succeeds: true,
    }],
  }, {
    name: "accepts a file received with payload size 0",
    grade: "optional",
    size: 100,
    runs: [{ ...FIRST, answers: { sendFile: ["uncounted"] } }],
  }, {
    name: "accepts answers that are padded with zeros to 1024 bytes",
    grade: "optional",
    size: 100,
    runs: [{
      ...FIRST,
      answers: {
        register: ["filled up"],
        publicKey: ["filled up"],
        sendFile: ["filled up"],
        crcValid: ["filled up"],
      },
    }],
  }, {
    name: "accepts zlib's CRC-32 as the checksum",
    grade: "optional",
    size: 100,
    runs: [{ ...FIRST, answers: { sendFile: ["zlib's checksum"] } }],
  }, {
    name: "accepts an AES key of the other size",
    grade: "optional",
    size: 100,
    runs: [{ ...FIRST, answers: { publicKey: ["a key of the other size"] } }],
  }];
}
