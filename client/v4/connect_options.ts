/**
 * The options of a connection by protocol 4.
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

export interface ConnectOptions extends Traceable, Abortable {
  readonly server: Address;
  /** The server's fingerprint, where line 1 of transfer.info has it. */
  readonly fingerprint?: Bytes | undefined;
  readonly userName: string;
  /** The folder with `me.key`, `me.account` and `known_servers`. */
  readonly identityFolder: string;
  /** An invitation or a link, to register with where the folder has no account yet. */
  readonly token?: string | undefined;
  /**
   * Certificates of authorities, in PEM, to trust beside those that Deno trusts; without, those that were named for the
   * server before.
   */
  readonly caCerts?: readonly string[] | undefined;
  /** Decides whether to trust a server that is met for the first time. */
  readonly onNewServer: (fingerprint: string) => boolean | Promise<boolean>;
  /** Whether protocol 3 could do the same, for hints; `undefined` where line 1 rules it out. */
  readonly byProtocol3?: "possible" | "impossible" | undefined;
  readonly timeouts?: Partial<Timeouts>;
  /** Shared by all connections that are given the same object. */
  readonly rate?: RateLimit | undefined;
  readonly onEvent?: (event: V4Event) => void;
}
