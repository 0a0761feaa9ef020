import type { Edition } from "./edition.ts";

/** The edition of 2024: files in numbered packets, AES keys of 32 bytes. */
export const edition2024: Edition = {
  name: "2024",
  defaultPort: 1256,
  aesKeySize: 32,
  attempts: 4,
  reconnectAttempts: 4,
  requests: {
    register: { code: 825, fields: ["name"] },
    publicKey: { code: 826, fields: ["name", "publicKey"] },
    reconnect: { code: 827, fields: ["name"] },
    sendFile: {
      code: 828,
      fields: ["contentSize", "originalSize", "packetNumber", "totalPackets", "fileName"],
      content: true,
    },
    crcValid: { code: 900, fields: ["fileName"] },
    crcInvalid: { code: 901, fields: ["fileName"], answerAfterMs: 600 },
    crcGivenUp: { code: 902, fields: ["fileName"] },
  },
  responses: {
    registered: { code: 1600, fields: ["clientId"] },
    refused: { code: 1601, fields: [], anyPayload: true },
    keyReceived: { code: 1602, fields: ["clientId", "wrappedKey"] },
    fileReceived: { code: 1603, fields: ["clientId", "contentSize", "fileName", "crc"] },
    messageReceived: { code: 1604, fields: ["clientId"], anyPayload: true },
    reconnected: { code: 1605, fields: ["clientId", "wrappedKey"] },
    denied: { code: 1606, fields: ["clientId"], anyPayload: true },
    generalError: { code: 1607, fields: [], anyPayload: true },
  },
  framedQuirks: [],
  separateQuirks: ["acknowledged-parts", "short-key"],
};
