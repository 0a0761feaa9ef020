/**
 * The options of a connection by protocol 3.
 *
 * @module
 */
import type { Abortable } from "../../protocol/abort.ts";
import type { Address } from "../../protocol/address.ts";
import type { Edition } from "../../protocol/v3/editions/edition.ts";
import type { Quirks } from "../../protocol/v3/editions/quirks.ts";
import type { V3Event } from "../events.ts";
import type { Timeouts } from "../net/dial.ts";
import type { Traceable } from "../net/wire_trace.ts";

/** Which server to connect to over protocol 3, as whom, and how it speaks. */
export interface V3ConnectOptions extends Traceable, Abortable {
  /** The server's plain port. */
  readonly server: Address;
  /** The user's name: 1 to 254 ASCII letters and digits. */
  readonly userName: string;
  /** An existing folder for `me.info` and `priv.key`: the first connection makes them, and registers. */
  readonly identityFolder: string;
  /** The server's edition; `auto` finds out. By default the one of the last run with this identity, or 2023c. */
  readonly edition?: Edition | "auto";
  /** Quirks of the server; by default those of the last run with this identity. */
  readonly quirks?: Quirks;
  /** {@link DEFAULT_TIMEOUTS} by default. */
  readonly timeouts?: Partial<Timeouts>;
  /** Called with what happens on the way. */
  readonly onEvent?: (event: V3Event) => void;
}
