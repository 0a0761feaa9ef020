/**
 * What an operator does about invitations, whether the server runs or not.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";
import { withReadOnly, withWritable } from "../data_folder/with_data_folder.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { idOf, makeToken, type NewToken, type TokenOptions } from "../accounts/tokens.ts";

export interface Invitation {
  readonly id: string;
  readonly label: string | undefined;
  /** How many have registered with it. */
  readonly used: number;
  readonly usesLeft: number;
  readonly madeAt: number;
  readonly expiresAt: number;
}

/** Makes an invitation. Throws `ConfigurationError` `no-data-folder`, `UsageError` `too-many-invitations`. */
export function invite(
  dataFolder: string,
  wish: Omit<TokenOptions, "clientId">,
): Promise<NewToken> {
  return withWritable(dataFolder, ({ catalog }) => makeToken(catalog, wish, Date.now()));
}

/** Those that are still good, the oldest first. Throws `ConfigurationError` `no-data-folder`. */
export function listInvitations(dataFolder: string): Promise<Invitation[]> {
  return withReadOnly(
    dataFolder,
    async ({ catalog }) =>
      (await invitationsIn(catalog)).map(({ id, label, used, usesLeft, madeAt, expiresAt }) => ({
        ...{ id, label, used, usesLeft, madeAt, expiresAt },
      })),
  );
}

/**
 * Withdraws invitations, or all that are open; returns how many. Throws `ConfigurationError` `no-data-folder`, and
 * `UsageError` `no-such-invitation`, where nothing is withdrawn.
 */
export function revokeInvitations(
  dataFolder: string,
  ids: readonly string[] | "all",
): Promise<number> {
  return withWritable(dataFolder, async ({ catalog }) => {
    const invitations = await invitationsIn(catalog);
    const unknown = ids === "all"
      ? []
      : ids.filter((id) => !invitations.some((one) => one.id === id));
    if (unknown.length > 0) {
      throw new UsageError(
        "no-such-invitation",
        `There is no open invitation ${unknown.map((id) => printable(id)).join(", ")}`,
        { hint: "See which there are: xfer server invite list." },
      );
    }
    const revoked = invitations.filter(({ id }) => ids === "all" || ids.includes(id));
    for (const { hash } of revoked) await catalog.tokens.remove(hash);
    return revoked.length;
  });
}

async function invitationsIn(catalog: Catalog) {
  return (await catalog.tokens.invitations(Date.now()))
    .map((token) => ({ ...token, id: idOf(token) }));
}
