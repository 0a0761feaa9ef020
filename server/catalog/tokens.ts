/**
 * Tokens: invitations and link tokens.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";

/** A token in the catalog. Times are in milliseconds since the epoch. */
export interface Token {
  /** SHA-256 of its text, 32 bytes. */
  readonly hash: Bytes;
  /** The account of a link token, 16 bytes; none for an invitation. */
  readonly accountId?: Bytes | undefined;
  /** A note of the operator. */
  readonly label?: string | undefined;
  /** The number of uses that are left. */
  readonly usesLeft: number;
  /** The number of past uses. */
  readonly used: number;
  /** The time of expiry. */
  readonly expiresAt: number;
  /** The time of creation. */
  readonly madeAt: number;
}

/** The tokens of a catalog. Each method is one transaction. */
export interface Tokens {
  /**
   * Adds a token. Discards the oldest link token of an account that has too many. Returns `false` if too many
   * invitations are open, or if the account is disabled or no longer has the key `by` of the session that requests the
   * link token.
   */
  add(token: Token, by?: Bytes): Promise<boolean>;
  /** Invitations that can still be used, oldest first. */
  invitations(now: number): Promise<Token[]>;
  /** Removes a token. Does nothing if it does not exist. */
  remove(hash: Bytes): Promise<void>;
}
