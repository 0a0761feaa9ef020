/**
 * The options of a connection over protocol 4.
 *
 * @module
 */
import type { Abortable } from "../../protocol/abort.ts";
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { V4Event } from "../events.ts";
import type { Timeouts } from "../net/dial.ts";
import type { RateLimit } from "../net/rate_limit.ts";
import type { Traceable } from "../net/wire_trace.ts";

/** The server and the account for a connection over protocol 4. */
export interface ConnectOptions extends Traceable, Abortable {
  /** The server's plain port, which announces the port for protocol 4. */
  readonly server: Address;
  /** The server's fingerprint, 32 bytes, if it is known: see `parseLocation`. Any other server is refused. */
  readonly fingerprint?: Bytes | undefined;
  /** The user's name: 1 to 254 ASCII letters and digits. */
  readonly userName: string;
  /**
   * An existing folder for `me.key`, `me.account` and `known_servers`: the first connection creates them, and
   * registers.
   */
  readonly identityFolder: string;
  /** An invitation or a link token, to register with if the folder has no account yet. */
  readonly token?: string | undefined;
  /**
   * CA certificates to trust in addition to those that Deno trusts, in PEM. Default: those that were given for this
   * server before.
   */
  readonly caCerts?: readonly string[] | undefined;
  /** Decides whether to trust an unknown server. `fingerprint`: `SHA256:` and base64. */
  readonly onNewServer: (fingerprint: string) => boolean | Promise<boolean>;
  /**
   * Whether the command could use protocol 3 instead, for hints; `undefined` if line 1 rules it out.
   *
   * @internal
   */
  readonly byProtocol3?: "possible" | "impossible" | undefined;
  /** {@link DEFAULT_TIMEOUTS} by default. */
  readonly timeouts?: Partial<Timeouts>;
  /** Limits the bytes per second; connections with the same object share it. */
  readonly rate?: RateLimit | undefined;
  /** Called with each event. */
  readonly onEvent?: (event: V4Event) => void;
}
