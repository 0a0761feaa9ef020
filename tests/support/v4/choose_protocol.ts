/** The choice of a protocol, as a run of the client makes it. */
import type { Address } from "../../../protocol/address.ts";
import {
  type Choice,
  type ChoiceOptions,
  chooseProtocol,
} from "../../../client/protocol_choice.ts";

/** A port without a listener: connecting fails. */
export const NOWHERE: Address = { hostname: "127.0.0.1", port: 1 };

/** The time after which a server counts as silent. */
export const TIMEOUTS = { responseMs: 200 };

/** Changes of the options. */
export interface Asked extends Partial<Omit<ChoiceOptions, "info">> {
  readonly info?: Partial<ChoiceOptions["info"]>;
}

/** The protocol that a client with this folder chooses by default. */
export function choose(identityFolder: string, { info, ...options }: Asked = {}): Promise<Choice> {
  return chooseProtocol({
    ...{ asked: "auto", hasV3Options: false, identityFolder, timeouts: TIMEOUTS },
    retry: { retries: 0 },
    ...options,
    info: { server: NOWHERE, secure: false, fingerprint: undefined, ...info },
  });
}
