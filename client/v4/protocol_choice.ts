/**
 * Which protocol a run of the client speaks (docs/protocol-4.md, "Downgrade").
 *
 * @module
 */
import { type Address, formatAddress, printable, UsageError } from "../../protocol/mod.ts";
import { formatFingerprint } from "../../protocol/v4/fingerprint.ts";
import { DEFAULT_TIMEOUTS, type Timeouts } from "../connection.ts";
import { type Retry, type RetryOptions, withRetries } from "../retries.ts";
import type { TransferInfo } from "../transfer_info.ts";
import { hasSecureAccount } from "./account.ts";
import { findSecure } from "./channel.ts";
import { KnownServers, type ServerIdentity } from "./known_servers.ts";

export interface ChoiceOptions extends RetryOptions {
  readonly info: Pick<TransferInfo, "server" | "secure" | "fingerprint">;
  /** What the user asked for; `auto` leaves it to what is known, and to the server. */
  readonly asked: "3" | "4" | "auto";
  /** Whether the user named what only protocol 3 has: an edition, habits. */
  readonly namesDialect: boolean;
  readonly identityFolder: string;
  readonly timeouts?: Partial<Timeouts>;
  readonly onRetry?: (retry: Retry) => void;
}

/** Protocol 4; or 3, with what a user must know of it. */
export type Choice =
  | { readonly protocol: 4 }
  | { readonly protocol: 3; readonly warning: string };

/**
 * Decides, once for a run: what happens on the network afterwards changes nothing. Only where nothing is known of the
 * server and nothing asked for, it is asked whether it speaks protocol 4. Throws `UsageError` `downgrade` for protocol 3
 * where line 1 says that it is not to be, `protocol-3-only`; `NetworkError` `cannot-connect`.
 */
export async function chooseProtocol(options: ChoiceOptions): Promise<Choice> {
  const { info, asked, namesDialect, identityFolder } = options;
  const { server, secure, fingerprint } = info;
  const known = fingerprint ?? await new KnownServers(identityFolder).find(server);
  if (asked === "3") {
    if (secure) throw downgrade();
    return { protocol: 3, warning: warningOf(server, "asked", known) };
  }
  const isMeant = asked === "4" || secure || known !== undefined ||
    await hasSecureAccount(identityFolder);
  if (isMeant) {
    if (namesDialect) throw dialectUnused();
    return { protocol: 4 };
  }
  if (namesDialect) return { protocol: 3, warning: warningOf(server, "asked", known) };
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const answer = await withRetries(
    () => findSecure(server, timeouts),
    options,
    (retry) => options.onRetry?.(retry),
  );
  if (answer !== undefined) return { protocol: 4 };
  return { protocol: 3, warning: warningOf(server, "unanswered", known) };
}

function warningOf(
  server: Address,
  why: "asked" | "unanswered",
  known: ServerIdentity | undefined,
): string {
  const where = printable(formatAddress(server));
  const found = why === "asked"
    ? ""
    : `The server at ${where} does not answer as one of protocol 4. `;
  const plain = "Going on with protocol 3, which is not safe on a hostile network: whoever is " +
    "between you and the server can read and change all";
  const lost = known === undefined
    ? ""
    : `. THE SERVER AT ${where} IS KNOWN by ${
      known === "pki" ? "an authority's certificate" : formatFingerprint(known)
    }, which protocol 3 does not check: leave --protocol 3 out to be safe`;
  return `Warning: ${found}${plain}${lost}`;
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

function dialectUnused(): UsageError {
  return new UsageError("protocol-3-only", "--edition and --quirk have no meaning in protocol 4", {
    hint: "Leave them out; or, if you mean a server of protocol 3 and trust the network, add " +
      "--protocol 3.",
  });
}
