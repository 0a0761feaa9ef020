/**
 * Which protocol a run of the client speaks (docs/protocol-4.md, "Downgrade").
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
  /** What the user asked for; `auto` leaves it to what is known, and to the server. */
  readonly asked: "3" | "4" | "auto";
  /** Whether the user named what only protocol 3 has: an edition, quirks. */
  readonly hasV3Options: boolean;
  /** Whether the user named what only protocol 4 has: that protocol 3 was asked for before counts for nothing then. */
  readonly hasV4Options?: boolean;
  readonly identityFolder: string;
  readonly timeouts?: Partial<Timeouts>;
  readonly retry?: RetryOptions;
}

/** Why protocol 3: it was asked for, now or in an earlier run with this server; or the server did not offer protocol 4. */
export type V3Reason = "asked" | "remembered" | "unanswered";

/** Protocol 4; or 3, with what a user must be warned of: nobody sees then who the server is. */
export type Choice =
  | {
    readonly protocol: 4;
    /** What the server has answered, where it was asked. */
    readonly found?: DiscoveredServer;
  }
  | {
    readonly protocol: 3;
    readonly why: V3Reason;
    /** How the server is known all the same. */
    readonly known: ServerIdentity | undefined;
  };

/**
 * Decides once for a run: nothing that happens on the network later changes it. The server is asked whether it speaks
 * protocol 4 only if nothing is known of it and no protocol was asked for. Throws `UsageError` `downgrade` for protocol 3
 * where line 1 rules it out, `protocol-3-only`; `NetworkError` `cannot-connect`; `InterruptedError` after an abort.
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
    "Protocol 3 can't see whether the server is the one of line 1",
    {
      hint: "Leave --protocol 3 out; or write line 1 as HOST:PORT, if you trust the network.",
    },
  );
}

/** A `UsageError` `protocol-3-only`; with whether protocol 3 could be asked for. */
export function onlyProtocol3(couldBe3: boolean): UsageError {
  const otherwise = "; or, if you mean a server of protocol 3 and trust the network, add " +
    "--protocol 3";
  return new UsageError("protocol-3-only", "--edition and --quirk have no meaning in protocol 4", {
    hint: `Leave them out${couldBe3 ? otherwise : ""}.`,
  });
}
