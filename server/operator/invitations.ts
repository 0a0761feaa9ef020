/**
 * An operator's functions for invitations, whether the server runs or not.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";
import { type ServerLocation, withReadOnly, withWritable } from "../stores/with_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { idOf, makeToken, type NewToken, type TokenOptions } from "../accounts/tokens.ts";

/** An invitation that can still be used. */
export interface Invitation {
  /** The id for {@link revokeInvitations}. The server does not keep the token itself. */
  readonly id: string;
  /** A note of the operator. */
  readonly label: string | undefined;
  /** The number of users who have registered with it. */
  readonly used: number;
  /** The number of users who can still register with it. */
  readonly usesLeft: number;
  /** Milliseconds since the epoch. */
  readonly madeAt: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Creates an invitation token. Throws `ConfigurationError` `no-data-folder`, `UsageError` `too-many-invitations`. */
export function invite(
  dataFolder: ServerLocation,
  options: Omit<TokenOptions, "accountId">,
): Promise<NewToken> {
  return withWritable(dataFolder, ({ catalog }) => makeToken(catalog, options, Date.now()));
}

/** The invitations that can still be used, oldest first. Throws `ConfigurationError` `no-data-folder`. */
export function listInvitations(dataFolder: ServerLocation): Promise<Invitation[]> {
  return withReadOnly(
    dataFolder,
    async ({ catalog }) =>
      (await openInvitations(catalog, Date.now())).map(({ hash: _, ...invitation }) => invitation),
  );
}

/**
 * Revokes invitations by id, or all of them. Returns the number revoked. Throws `ConfigurationError` `no-data-folder`,
 * and `UsageError` `no-such-invitation`, in which case none is revoked.
 */
export function revokeInvitations(
  dataFolder: ServerLocation,
  ids: readonly string[] | "all",
): Promise<number> {
  return withWritable(dataFolder, async ({ catalog }) => {
    const invitations = await openInvitations(catalog, Date.now());
    const unknown = ids === "all"
      ? []
      : ids.filter((id) => !invitations.some((one) => one.id === id));
    if (unknown.length > 0) {
      throw new UsageError(
        "no-such-invitation",
        `no such open invitation: ${unknown.map((id) => printable(id)).join(", ")}`,
        { hint: "To see the open invitations, run 'xfer server invite list'." },
      );
    }
    const revoked = invitations.filter(({ id }) => ids === "all" || ids.includes(id));
    for (const { hash } of revoked) await catalog.tokens.remove(hash);
    return revoked.length;
  });
}

/** The invitations that can still be used, oldest first, with the hashes of their tokens. */
export async function openInvitations(
  { tokens }: { readonly tokens: Pick<Catalog["tokens"], "invitations"> },
  now: number,
): Promise<(Invitation & { readonly hash: Bytes })[]> {
  return (await tokens.invitations(now)).map(({ accountId: _, label, ...token }) => ({
    ...{ id: idOf(token), label, ...token },
  }));
}
