/**
 * What is said where a server is not the one that is expected.
 *
 * @module
 */
import { type Address, ConfigurationError, formatAddress } from "../../protocol/mod.ts";
import { formatIdentity, type ServerIdentity } from "../identity/known_servers.ts";

export interface Difference {
  readonly expected: ServerIdentity;
  readonly found: ServerIdentity;
  /** Whether line 1 of transfer.info names what is expected; else it is what was met before. */
  readonly pinned: boolean;
}

/** A `ConfigurationError` `other-server`. */
export function otherServer(
  server: Address,
  { expected, found, pinned }: Difference,
): ConfigurationError {
  const where = formatAddress(server);
  return new ConfigurationError(
    "other-server",
    `The server at ${where} is not the one that is expected: it shows ${describe(found)}, ` +
      `expected was ${describe(expected)}`,
    {
      hint: `Either somebody between you and the server pretends to be it, or its operator has ` +
        `${changed(expected, found)}. Ask the operator, by another way. If it is so, ` +
        (pinned
          ? `write it where the address is (line 1 of transfer.info, or --server): ${
            lineFor(where, found)
          }`
          : `go on with: xfer client forget ${where}`),
    },
  );
}

function describe(identity: ServerIdentity): string {
  return identity === "pki"
    ? "an authority's certificate"
    : `the fingerprint ${formatIdentity(identity)}`;
}

function changed(expected: ServerIdentity, found: ServerIdentity): string {
  if (found === "pki") {
    return "taken a certificate from an authority, which is known by its name and no fingerprint";
  }
  return expected === "pki" ? "gone back to a certificate of its own" : "given it a new key";
}

function lineFor(where: string, found: ServerIdentity): string {
  return found === "pki" ? `xfer://${where}` : `xfer://${where}#${formatIdentity(found)}`;
}
