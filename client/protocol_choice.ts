/**
 * The protocol that a run of the client uses (docs/protocol-4.md, "Downgrade").
 *
 * @module
 */
import type { Abortable } from "../protocol/abort.ts";
import { UsageError } from "../protocol/errors.ts";
import { DEFAULT_TIMEOUTS, type Timeouts } from "./net/dial.ts";
import { type RetryOptions, withRetries } from "./net/retry.ts";
import type { TransferInfo } from "./identity/transfer_info.ts";
import type { Traceable } from "./net/wire_trace.ts";
import { hasV4Account } from "./identity/v4_account.ts";
import { askForProtocol4, type DiscoveredServer } from "./v4/discover.ts";
import { KnownServers, type ServerIdentity } from "./identity/known_servers.ts";

export interface ChoiceOptions extends Traceable, Abortable {
  readonly info: Pick<TransferInfo, "server" | "secure" | "fingerprint">;
  /**
   * The protocol that the user asked for. `auto` decides by what the client knows of the server, and asks the server
   * last.
   */
  readonly asked: "3" | "4" | "auto";
  /** Whether an option was given that only protocol 3 has: an edition or quirks. */
  readonly hasV3Options: boolean;
  /** Whether an option was given that only protocol 4 has. An earlier choice of protocol 3 is ignored then. */
  readonly hasV4Options?: boolean;
  readonly identityFolder: string;
  readonly timeouts?: Partial<Timeouts>;
  readonly retry?: RetryOptions;
}

/**
 * The reason for protocol 3: the user asked for it now, or earlier for this server; or the server did not offer
 * protocol 4.
 */
export type V3Reason = "asked" | "remembered" | "unanswered";

/** Protocol 4, or protocol 3 with the reason, for a warning that the server is not verified. */
export type Choice =
  | {
    readonly protocol: 4;
    /** The server's answer, if the server was asked. */
    readonly found?: DiscoveredServer;
  }
  | {
    readonly protocol: 3;
    readonly why: V3Reason;
    /** The identity that the client knows the server by from protocol 4. Protocol 3 does not check it. */
    readonly known: ServerIdentity | undefined;
  };

/**
 * Decides once for a run, so that nothing on the network can change the protocol later. Asks the server only if it is
 * unknown and no protocol was asked for. Throws `UsageError` `downgrade` if line 1 rules protocol 3 out,
 * `protocol-3-only`; `NetworkError` `cannot-connect`; `InterruptedError` after an abort.
 */
export async function chooseProtocol(options: ChoiceOptions): Promise<Choice> {
  const { info, asked, hasV3Options, identityFolder } = options;
  const { server, secure, fingerprint } = info;
  const knownServers = new KnownServers(identityFolder);
  const known = fingerprint ?? await knownServers.find(server);
  if (asked === "3") {
    if (secure) throw downgrade();
    return { protocol: 3, why: "asked", known };
  }
  const isMeant = asked === "4" || secure || known !== undefined ||
    await hasV4Account(identityFolder);
  if (isMeant) {
    if (hasV3Options) throw onlyProtocol3(!secure);
    return { protocol: 4 };
  }
  if (hasV3Options) return { protocol: 3, why: "asked", known };
  const isRemembered = options.hasV4Options !== true && await knownServers.isProtocol3(server);
  if (isRemembered) return { protocol: 3, why: "remembered", known };
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const ask = () => askForProtocol4(server, timeouts, { ...options, byProtocol3: "possible" });
  const answer = await withRetries(ask, options.retry ?? {}, options);
  if ("unanswered" in answer) return { protocol: 3, why: "unanswered", known };
  return { protocol: 4, found: answer };
}

function downgrade(): UsageError {
  return new UsageError(
    "downgrade",
    "protocol 3 cannot check that the server is the one in line 1 of transfer.info",
    {
      hint: "Omit --protocol 3, or write line 1 as HOST:PORT if you trust the network.",
    },
  );
}

/** A `UsageError` `protocol-3-only`. `couldBe3`: whether `--protocol 3` is possible with this line 1. */
export function onlyProtocol3(couldBe3: boolean): UsageError {
  const otherwise = ", or add --protocol 3 if the server has no other and you trust the network";
  return new UsageError(
    "protocol-3-only",
    "--edition and --quirk have no meaning over protocol 4",
    {
      hint: `Omit them${couldBe3 ? otherwise : ""}.`,
    },
  );
}
