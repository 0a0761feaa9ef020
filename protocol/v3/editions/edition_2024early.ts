import type { Edition } from "./edition.ts";
import { edition2023c } from "./edition_2023c.ts";
import { edition2024 } from "./edition_2024.ts";

const { requests } = edition2024;
const codes = edition2023c.requests;

/** An early form of 2024: its messages and response codes, with the request codes of 2023c. */
export const edition2024early: Edition = {
  ...edition2024,
  name: "2024early",
  reconnectAttempts: 1,
  requests: {
    register: { ...requests.register, code: codes.register.code },
    publicKey: { ...requests.publicKey, code: codes.publicKey.code },
    reconnect: { code: 1027, fields: ["name"] },
    sendFile: { ...requests.sendFile, code: codes.sendFile.code },
    crcValid: { ...requests.crcValid, code: codes.crcValid.code },
    crcInvalid: { ...requests.crcInvalid, code: codes.crcInvalid.code },
    crcGivenUp: { ...requests.crcGivenUp, code: codes.crcGivenUp.code },
  },
  framedQuirks: [],
  separateQuirks: [],
};
