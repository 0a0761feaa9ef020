/**
 * What one connection of protocol 3 adds to what all of them share.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import type { Quirk } from "../../protocol/v3/editions/quirks.ts";

export interface Peer {
  /** Unique among the connections of this process. */
  readonly connection: number;
  /** `HOST:PORT`. */
  readonly address: string;
  /** The same where peers are counted: see `addressKey`. */
  readonly origin: string;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;
  /** How it speaks, as far as it is known by now. */
  profile: Profile;
  /** Takes note of a quirk that its bytes alone don't show, or that it has not. */
  readonly noteQuirk: (quirk: Quirk, has: boolean) => void;
  /** The last AES key given on this connection, and to whom; used before the one of `SessionKeys`. By `ticks`. */
  key: { readonly clientId: Bytes; readonly key: CryptoKey; usedAt: number } | undefined;
}
