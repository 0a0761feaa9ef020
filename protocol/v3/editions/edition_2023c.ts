import type { Edition } from "./edition.ts";

/** The edition of 2023 with request codes from 1025, the default of xfer. */
export const edition2023c: Edition = {
  name: "2023c",
  defaultPort: 1357,
  aesKeySize: 16,
  attempts: 4,
  reconnectAttempts: 1,
  requests: {
    register: { code: 1025, fields: ["name"] },
    publicKey: { code: 1026, fields: ["name", "publicKey"] },
    reconnect: { code: 1027, fields: ["name"] },
    sendFile: { code: 1028, fields: ["contentSize", "fileName"], content: true },
    crcValid: { code: 1029, fields: ["fileName"] },
    // The published text names no answer. Some clients wait for one; others send the file at once and would take it for
    // the answer to the file. So only clients that stay silent get one.
    crcInvalid: { code: 1030, fields: ["fileName"], answerAfterMs: 600 },
    crcGivenUp: { code: 1031, fields: ["fileName"] },
  },
  responses: {
    registered: { code: 2100, fields: ["clientId"] },
    refused: { code: 2101, fields: [], anyPayload: true },
    keyReceived: { code: 2102, fields: ["clientId", "wrappedKey"] },
    fileReceived: { code: 2103, fields: ["clientId", "contentSize", "fileName", "crc"] },
    messageReceived: { code: 2104, fields: ["clientId"], anyPayload: true },
    reconnected: { code: 2105, fields: ["clientId", "wrappedKey"] },
    denied: { code: 2106, fields: ["clientId"], anyPayload: true },
    generalError: { code: 2107, fields: [], anyPayload: true },
  },
  framedQuirks: [],
  separateQuirks: [],
};
