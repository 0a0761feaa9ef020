/** The choice of a protocol, as a run of the client makes it. */
import type { Address } from "../../../protocol/address.ts";
import {
  type Choice,
  type ChoiceOptions,
  chooseProtocol,
} from "../../../client/protocol_choice.ts";

/** Nobody listens there: who dials it fails. */
export const NOWHERE: Address = { hostname: "127.0.0.1", port: 1 };

/** A server that is silent for so long does not answer. */
export const TIMEOUTS = { responseMs: 200 };

/** What a test changes of what is asked for. */
export interface Asked extends Partial<Omit<ChoiceOptions, "info">> {
  readonly info?: Partial<ChoiceOptions["info"]>;
}

/** Which protocol a client with this folder speaks, where nobody says. */
export function choose(identityFolder: string, { info, ...options }: Asked = {}): Promise<Choice> {
  return chooseProtocol({
    ...{ asked: "auto", hasV3Options: false, identityFolder, timeouts: TIMEOUTS },
    retry: { retries: 0 },
    ...options,
    info: { server: NOWHERE, secure: false, fingerprint: undefined, ...info },
  });
}
