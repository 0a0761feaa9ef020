import type { Edition } from "./edition.ts";
import { edition2023a } from "./edition_2023a.ts";

const { requests, responses } = edition2023a;

/**
 * The edition of 2022, known from its peers: the codes of 2023a without reconnection and general error, the client id
 * repeated in the payload of files and CRC requests, and an empty acknowledgement.
 */
export const edition2022: Edition = {
  ...edition2023a,
  name: "2022",
  requests: {
    register: requests.register,
    publicKey: requests.publicKey,
    sendFile: { ...requests.sendFile, fields: ["clientId", "contentSize", "fileName"] },
    crcValid: { ...requests.crcValid, fields: ["clientId", "fileName"] },
    crcInvalid: { ...requests.crcInvalid, fields: ["clientId", "fileName"] },
    crcGivenUp: { ...requests.crcGivenUp, fields: ["clientId", "fileName"] },
  },
  responses: {
    registered: responses.registered,
    refused: responses.refused,
    keyReceived: responses.keyReceived,
    fileReceived: responses.fileReceived,
    messageReceived: { ...responses.messageReceived, fields: [], anyPayload: true },
  },
  framedQuirks: [],
  separateQuirks: [],
};
