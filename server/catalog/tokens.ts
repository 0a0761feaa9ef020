/**
 * Tokens: invitations, and links to accounts.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";

/** What a catalog keeps of a token. Times are in milliseconds since the epoch. */
export interface Token {
  /** SHA-256 of its text, 32 bytes. */
  readonly hash: Bytes;
  /** The account that it links a key to, 16 bytes; none for an invitation. */
  readonly accountId?: Bytes | undefined;
  /** A note of the operator. */
  readonly label?: string | undefined;
  /** How many more may use it. */
  readonly usesLeft: number;
  /** How many have used it. */
  readonly used: number;
  /** When it stops being valid. */
  readonly expiresAt: number;
  /** When it was created. */
  readonly madeAt: number;
}

/** The tokens of a catalog. Each method is one transaction. */
export interface Tokens {
  /**
   * Adds a token; the oldest link of an account makes room for a new one. Returns `false` if too many invitations are
   * open, or if the account is disabled or no longer has the key `by`, whose session asks for a link.
   */
  add(token: Token, by?: Bytes): Promise<boolean>;
  /** Invitations that can still be used, oldest first. */
  invitations(now: number): Promise<Token[]>;
  /** Removes a token; does nothing if there is none. */
  remove(hash: Bytes): Promise<void>;
}
