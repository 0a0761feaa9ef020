/**
 * What an operator does about invitations, whether the server runs or not.
 *
 * @module
 */
import { printable, toHex, UsageError } from "../protocol/mod.ts";
import { changing, looking } from "./opened.ts";
import type { SqliteCatalog } from "./store/sqlite_catalog.ts";
import { type MadeToken, makeToken, type TokenWish } from "./tokens.ts";

export interface Invitation {
  /** What it is called by where the token itself is not known any more: the beginning of its hash. */
  readonly id: string;
  readonly usesLeft: number;
  readonly madeAt: number;
  readonly expiresAt: number;
}

/** Hexadecimal digits of an invitation's id. */
const ID_LENGTH = 12;

/** Makes an invitation. Throws `ConfigurationError` `no-data-folder`, `UsageError` `too-many-invitations`. */
export function invite(
  dataFolder: string,
  wish: Omit<TokenWish, "clientId">,
): Promise<MadeToken> {
  return changing(dataFolder, ({ catalog }) => makeToken(catalog, wish, Date.now()));
}

/** Those that are still good, the oldest first. Throws `ConfigurationError` `no-data-folder`. */
export function listInvitations(dataFolder: string): Promise<Invitation[]> {
  return looking(dataFolder, async ({ catalog }) =>
    (await invitationsIn(catalog))
      .map(({ id, usesLeft, madeAt, expiresAt }) => ({ id, usesLeft, madeAt, expiresAt })));
}

/**
 * Withdraws invitations, or all that are open; returns how many. Throws `ConfigurationError` `no-data-folder`, and
 * `UsageError` `no-such-invitation`, where nothing is withdrawn.
 */
export function revokeInvitations(
  dataFolder: string,
  ids: readonly string[] | "all",
): Promise<number> {
  return changing(dataFolder, async ({ catalog }) => {
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
    for (const { hash } of revoked) await catalog.removeToken(hash);
    return revoked.length;
  });
}

async function invitationsIn(catalog: SqliteCatalog) {
  return (await catalog.listInvitations(Date.now()))
    .map((token) => ({ ...token, id: toHex(token.hash).slice(0, ID_LENGTH) }));
}
