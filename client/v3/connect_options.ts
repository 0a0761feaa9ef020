/**
 * The options of a connection over protocol 3.
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

/** The server and the account for a connection over protocol 3, and the server's profile. */
export interface V3ConnectOptions extends Traceable, Abortable {
  /** The server's plain port. */
  readonly server: Address;
  /** The user's name: 1 to 254 ASCII letters and digits. */
  readonly userName: string;
  /** An existing folder for `me.info` and `priv.key`: the first connection makes them, and registers. */
  readonly identityFolder: string;
  /** The server's edition. `auto` detects it. Default: that of the last run with this identity, or else 2023c. */
  readonly edition?: Edition | "auto";
  /** The server's quirks. Default: those of the last run with this identity. */
  readonly quirks?: Quirks;
  /** {@link DEFAULT_TIMEOUTS} by default. */
  readonly timeouts?: Partial<Timeouts>;
  /** Called with each event. */
  readonly onEvent?: (event: V3Event) => void;
}
