/** Steps at which our server's answer differs from a recorded one, and the reason. */
import type { ResponseKind } from "../../protocol/v3/editions/edition.ts";

/** Steps at which the recorded server is at fault or has a choice: our answer, and the reason. */
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
    because: "the recorded server treats a file right after CRC invalid as an error",
  },
  {
    peer: "2023a-a",
    scenario: /crc_fail/,
    recorded: "messageReceived",
    ours: "nothing",
    because:
      "the file has already arrived; the answer would be taken for that of the file, as recorded",
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
      "the recorded server gives the size of the plaintext, the specification that of the ciphertext",
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
    because: "the recorded server does not let its own client continue with the id that it sent",
  },
  {
    peer: "2023a-c_to_2023a-a",
    scenario: /reconnect_unknown/,
    recorded: "generalError",
    ours: "fileReceived",
    because: "the recorded server forgot the key that it had just sent",
  },
  {
    peer: "2024-a",
    scenario: /reconnect_unknown/,
    recorded: "denied",
    ours: "denied",
    because: "ours includes an id, with which some clients continue; this one accepts either",
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

/** Our answers at steps without an answer of the recorded server. */
export const SURPLUS: Readonly<
  Record<string, { kinds: readonly ResponseKind[]; because: string }>
> = {
  "2022-b/taken_name": {
    kinds: ["refused"],
    because: "the recorded server closes without an answer",
  },
  "2022-b/crc_fail_all": {
    kinds: ["messageReceived"],
    because: "the specification answers giving up; the recorded server does not",
  },
  "2023a-c/crc_fail_once": {
    kinds: ["messageReceived"],
    because:
      "CRC invalid is answered if nothing follows on its connection; this client has disconnected by then",
  },
  "2023a-c/crc_fail_all": {
    kinds: ["messageReceived", "messageReceived"],
    because: "as in crc_fail_once",
  },
};
