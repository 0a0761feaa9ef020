/**
 * Tokens: invitations and link tokens.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { UsageError } from "../../protocol/errors.ts";
import { formatToken, hashToken, TOKEN_SIZE } from "../../protocol/v4/token.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { MAX_INVITATIONS } from "../catalog/bounds.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** The life of a link token. It is used while its owner sits at both machines. */
export const LINK_LIFE_MS = 60 * MINUTE_MS;
/** The life of an invitation. It is sent by mail, which is not read at once. */
export const INVITATION_LIFE_MS = 7 * DAY_MS;
/** A shorter life is useless, and a longer-lived token would be forgotten instead of revoked. */
export const TOKEN_LIFE_MS = { min: MINUTE_MS, max: 366 * DAY_MS } as const;
/** The most uses of an invitation: enough for a large course. */
export const MAX_USES = 10_000;

/** The options of a token. */
export interface TokenOptions {
  /** The account to link a key to, 16 bytes; without it, the token is an invitation. */
  readonly accountId?: Bytes;
  /** A note of the operator on an invitation. */
  readonly label?: string | undefined;
  /** The number of uses, 1 to 10,000. */
  readonly uses: number;
  /** The life of the token, in milliseconds. */
  readonly lifeMs: number;
}

/** A new token. */
export interface NewToken {
  /** The token's id. The server keeps only a hash of the token itself. */
  readonly id: string;
  /** 26 characters. */
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Creates a token and stores its hash. Throws `UsageError` `too-many-invitations`. */
export async function makeToken(
  catalog: { readonly tokens: Pick<Catalog["tokens"], "add"> },
  options: TokenOptions,
  now: number,
): Promise<NewToken> {
  const made = await tryToMakeToken(catalog, options, now);
  if (made !== undefined) return made;
  throw new UsageError(
    "too-many-invitations",
    `${MAX_INVITATIONS} invitations are open, the maximum`,
    {
      hint:
        "Run 'xfer server invite revoke ID' for those that nobody needs, or add --uses N to invite " +
        "many users with one.",
    },
  );
}

/** Like `makeToken`, for a client with this key of the account. Returns `undefined` if the key is no longer valid. */
export async function tryToMakeToken(
  catalog: { readonly tokens: Pick<Catalog["tokens"], "add"> },
  { accountId, label, uses, lifeMs }: TokenOptions,
  now: number,
  by?: Bytes,
): Promise<NewToken | undefined> {
  const token = formatToken(crypto.getRandomValues(new Uint8Array(TOKEN_SIZE)));
  const expiresAt = now + lifeMs;
  const hash = await hashToken(token);
  const row = { hash, accountId, label, usesLeft: uses, used: 0, expiresAt, madeAt: now };
  return await catalog.tokens.add(row, by) ? { id: idOf(row), token, expiresAt } : undefined;
}

/** The number of hexadecimal digits of an id. */
const ID_LENGTH = 12;

/** The id of a token: the first digits of its hash, from which the token cannot be derived. */
export function idOf({ hash }: { readonly hash: Bytes }): string {
  return toHex(hash).slice(0, ID_LENGTH);
}
