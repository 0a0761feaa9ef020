/**
 * Tokens that the server, or its operator, gives away.
 *
 * @module
 */
import { type Bytes, UsageError } from "../protocol/mod.ts";
import { formatToken, hashToken, TOKEN_SIZE } from "../protocol/v4/token.ts";
import type { Catalog } from "./store/catalog.ts";
import { MAX_INVITATIONS } from "./store/operations/tokens.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A link goes from one machine to the next while its owner sits there. */
export const LINK_LIFE_MS = 60 * MINUTE_MS;
/** An invitation is sent by mail, which is not read at once. */
export const INVITATION_LIFE_MS = 7 * DAY_MS;
/** Less nobody can make use of; what is good for longer is forgotten, and not withdrawn. */
export const TOKEN_LIFE_MS = { min: MINUTE_MS, max: 366 * DAY_MS } as const;
/** One invitation may be for all of a large course. */
export const MAX_USES = 10_000;

export interface TokenWish {
  /** The account that it links a key to; an invitation without. */
  readonly clientId?: Bytes;
  readonly uses: number;
  readonly lifeMs: number;
}

export interface MadeToken {
  readonly token: string;
  readonly expiresAt: number;
}

/** Makes a token and keeps its hash. Throws `UsageError` `too-many-invitations`. */
export async function makeToken(
  catalog: Pick<Catalog, "addToken">,
  wish: TokenWish,
  now: number,
): Promise<MadeToken> {
  const made = await tryToMakeToken(catalog, wish, now);
  if (made !== undefined) return made;
  throw new UsageError("too-many-invitations", `${MAX_INVITATIONS} invitations are open already`, {
    hint: "Give one away that is good for many: --uses N; or withdraw some: " +
      "xfer server invite revoke.",
  });
}

/** The same for a client that asks by a key of its account; `undefined` where it may not, or no longer. */
export async function tryToMakeToken(
  catalog: Pick<Catalog, "addToken">,
  { clientId, uses, lifeMs }: TokenWish,
  now: number,
  by?: Bytes,
): Promise<MadeToken | undefined> {
  const token = formatToken(crypto.getRandomValues(new Uint8Array(TOKEN_SIZE)));
  const expiresAt = now + lifeMs;
  const kept = { hash: await hashToken(token), clientId, usesLeft: uses, expiresAt, madeAt: now };
  return await catalog.addToken(kept, by) ? { token, expiresAt } : undefined;
}
