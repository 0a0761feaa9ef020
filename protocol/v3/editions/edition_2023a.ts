import type { Edition } from "./edition.ts";
import { edition2023c } from "./edition_2023c.ts";

/** The earlier edition of 2023: the same messages under request codes from 1100. */
export const edition2023a: Edition = {
  ...edition2023c,
  name: "2023a",
  defaultPort: 1234,
  requests: {
    register: { ...edition2023c.requests.register, code: 1100 },
    publicKey: { ...edition2023c.requests.publicKey, code: 1101 },
    reconnect: { code: 1102, fields: ["name"] },
    sendFile: { ...edition2023c.requests.sendFile, code: 1103 },
    crcValid: { ...edition2023c.requests.crcValid, code: 1104 },
    crcInvalid: { ...edition2023c.requests.crcInvalid, code: 1105 },
    crcGivenUp: { ...edition2023c.requests.crcGivenUp, code: 1106 },
  },
  framedQuirks: ["pieces"],
  separateQuirks: [],
};
