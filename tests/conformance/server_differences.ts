/** Where our server says something else than a recorded one, and why. */
import type { ResponseKind } from "../../protocol/v3/editions/edition.ts";

/** Where the recorded server is at fault, or where there is a choice: what ours says instead, and why. */
export interface Difference {
  readonly peer: string;
  readonly scenario?: RegExp;
  readonly recorded: ResponseKind;
  readonly ours: ResponseKind | "nothing";
  readonly because: string;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    peer: "2023c-a",
    scenario: /crc_fail/,
    recorded: "generalError",
    ours: "fileReceived",
    because: "the recorded server takes a file that comes right behind CRC invalid for a mistake",
  },
  {
    peer: "2023a-a",
    scenario: /crc_fail/,
    recorded: "messageReceived",
    ours: "nothing",
    because:
      "the file is there already; the answer would be taken for that of the file, as recorded",
  },
  {
    peer: "2023a-c",
    recorded: "messageReceived",
    ours: "messageReceived",
    because: "the recorded server does not count the id that it sends",
  },
  {
    peer: "2023a-c",
    recorded: "fileReceived",
    ours: "fileReceived",
    because:
      "the recorded server gives the size of the plaintext, where the text has the ciphertext's",
  },
  {
    peer: "2023a-c",
    scenario: /reconnect_unknown/,
    recorded: "denied",
    ours: "denied",
    because: "the recorded server does not count the id that it sends",
  },
  {
    peer: "2023a-c",
    scenario: /reconnect_unknown/,
    recorded: "generalError",
    ours: "keyReceived",
    because: "the recorded server does not let its own client go on under the id that it gave it",
  },
  {
    peer: "2023a-c_to_2023a-a",
    scenario: /reconnect_unknown/,
    recorded: "generalError",
    ours: "fileReceived",
    because: "the recorded server forgot the key that it had just given",
  },
  {
    peer: "2024-a",
    scenario: /reconnect_unknown/,
    recorded: "denied",
    ours: "denied",
    because: "ours has an id in it, under which some clients go on; this one takes either",
  },
  {
    peer: "2024-a",
    scenario: /taken_name/,
    recorded: "registered",
    ours: "refused",
    because: "the recorded server gives a taken name away",
  },
  {
    peer: "2024-d",
    scenario: /reconnect_unknown/,
    recorded: "denied",
    ours: "denied",
    because: "as with 2024-a",
  },
  {
    peer: "2024early-a",
    recorded: "registered",
    ours: "registered",
    because: "the recorded server does not count the id that it sends",
  },
  {
    peer: "2024early-a",
    recorded: "denied",
    ours: "denied",
    because: "the recorded server does not count the id that it sends",
  },
];

/** What ours says where the recorded server says nothing. */
export const SURPLUS: Readonly<Record<string, { says: readonly ResponseKind[]; because: string }>> =
  {
    "2022-b/taken_name": {
      says: ["refused"],
      because: "the recorded server closes without a word",
    },
    "2022-b/crc_fail_all": {
      says: ["messageReceived"],
      because: "the text has giving up answered; the recorded server does not",
    },
    "2023a-c/crc_fail_once": {
      says: ["messageReceived"],
      because:
        "CRC invalid is answered when nothing follows on its connection; this client has left by then",
    },
    "2023a-c/crc_fail_all": {
      says: ["messageReceived", "messageReceived"],
      because: "as in crc_fail_once",
    },
  };
