/**
 * Tokens: invitations, and links to accounts.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";

/** What is kept of a token. */
export interface Token {
  /** SHA-256. */
  readonly hash: Bytes;
  /** The account that it links a key to; an invitation has none. */
  readonly clientId?: Bytes | undefined;
  /** What an operator calls it. */
  readonly label?: string | undefined;
  readonly usesLeft: number;
  readonly used: number;
  readonly expiresAt: number;
  readonly madeAt: number;
}

export interface Tokens {
  /**
   * Adds a token; the oldest link of an account makes room for a new one. Returns `false` if too many invitations are
   * open, or if the account is disabled or no longer has the key `by`, whose session asks for a link.
   */
  add(token: Token, by?: Bytes): Promise<boolean>;
  /** Invitations that can still be used, oldest first. */
  invitations(now: number): Promise<Token[]>;
  remove(hash: Bytes): Promise<void>;
}
