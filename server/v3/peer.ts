/**
 * The state of one connection of protocol 3.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import type { Quirk } from "../../protocol/v3/editions/quirks.ts";
import type { LiveConnection } from "../monitor/live_connection.ts";

export interface Peer {
  /** Unique among the connections of this process. */
  readonly connection: number;
  /** `HOST:PORT`. */
  readonly address: string;
  /** The key under which the peer is counted, see `addressKey`. */
  readonly origin: string;
  /** The connection, for the operator. */
  readonly live: LiveConnection;
  /** When the connection began, in `Context.ticks`. */
  readonly openedAt: number;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;
  /** The client's profile, as far as it is known. */
  profile: Profile;
  /** Records whether the client has a quirk that its bytes alone do not show. */
  readonly noteQuirk: (quirk: Quirk, has: boolean) => void;
  /**
   * The last AES key given on this connection, and its client. It takes precedence over the one in `SessionKeys`. Times
   * are `ticks`.
   */
  key: { readonly clientId: Bytes; readonly key: CryptoKey; usedAt: number } | undefined;
}
