/**
 * Tokens: invitations, and links for another machine.
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

/** A link goes from one machine to the next while its owner sits there. */
export const LINK_LIFE_MS = 60 * MINUTE_MS;
/** An invitation is sent by mail, which is not read at once. */
export const INVITATION_LIFE_MS = 7 * DAY_MS;
/** Less nobody can make use of; what is good for longer is forgotten, and not withdrawn. */
export const TOKEN_LIFE_MS = { min: MINUTE_MS, max: 366 * DAY_MS } as const;
/** One invitation may be for all of a large course. */
export const MAX_USES = 10_000;

/** What a token is for. */
export interface TokenOptions {
  /** The account to link a key to, 16 bytes; without it, the token is an invitation. */
  readonly accountId?: Bytes;
  /** A note of the operator on an invitation. */
  readonly label?: string | undefined;
  /** How many may use it. */
  readonly uses: number;
  /** How long it is valid, in milliseconds. */
  readonly lifeMs: number;
}

/** A token. */
export interface NewToken {
  /** Its name from now on: the server keeps only a hash of the token. */
  readonly id: string;
  /** 26 characters. */
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Makes a token and keeps its hash. Throws `UsageError` `too-many-invitations`. */
export async function makeToken(
  catalog: { readonly tokens: Pick<Catalog["tokens"], "add"> },
  options: TokenOptions,
  now: number,
): Promise<NewToken> {
  const made = await tryToMakeToken(catalog, options, now);
  if (made !== undefined) return made;
  throw new UsageError("too-many-invitations", `${MAX_INVITATIONS} invitations are open already`, {
    hint: "Give one away that is good for many: --uses N; or withdraw some: " +
      "xfer server invite revoke ID.",
  });
}

/** The same for a client that asks by a key of its account; `undefined` where it may not, or no longer. */
export async function tryToMakeToken(
  catalog: { readonly tokens: Pick<Catalog["tokens"], "add"> },
  { accountId, label, uses, lifeMs }: TokenOptions,
  now: number,
  by?: Bytes,
): Promise<NewToken | undefined> {
  const token = formatToken(crypto.getRandomValues(new Uint8Array(TOKEN_SIZE)));
  const expiresAt = now + lifeMs;
  const hash = await hashToken(token);
  const kept = { hash, accountId, label, usesLeft: uses, used: 0, expiresAt, madeAt: now };
  return await catalog.tokens.add(kept, by) ? { id: idOf(kept), token, expiresAt } : undefined;
}

/** Hexadecimal digits of an id. */
const ID_LENGTH = 12;

/** What a token is called by where it is not known itself: the beginning of its hash, which leads nobody back to it. */
export function idOf({ hash }: { readonly hash: Bytes }): string {
  return toHex(hash).slice(0, ID_LENGTH);
}
