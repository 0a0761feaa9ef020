/**
 * What the client speaks to a server.
 *
 * @module
 */
import type { Abortable } from "../../protocol/abort.ts";
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { DEFAULT_EDITION } from "../../protocol/v3/editions/mod.ts";
import type { Edition } from "../../protocol/v3/editions/edition.ts";
import { NO_QUIRKS, type Quirks } from "../../protocol/v3/editions/quirks.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import type { Timeouts } from "../net/dial.ts";
import { detectEdition } from "./detect_edition.ts";
import type { V3Event } from "../events.ts";
import type { Traceable } from "../net/wire_trace.ts";

/** Which server to connect to over protocol 3, as whom, and how it speaks. */
export interface ProfileOptions extends Traceable, Abortable {
  /** The server's plain port. */
  readonly server: Address;
  /** The user's name: 1 to 254 ASCII letters and digits. */
  readonly userName: string;
  /** The server's edition; `auto` finds out. By default the one of the last run with this identity, or 2023c. */
  readonly edition?: Edition | "auto";
  /** Quirks of the server; by default those of the last run with this identity. */
  readonly quirks?: Quirks;
  /** Called with what happens on the way. */
  readonly onEvent?: (event: V3Event) => void;
}

export interface ChosenProfile {
  readonly profile: Profile;
  /** The ids that came with denials while the edition was found out. */
  readonly deniedIds: readonly Bytes[];
}

/** What is wished for, else what was spoken last. Throws `NetworkError` where it has to ask the server and can't. */
export async function chooseProfile(
  wish: ProfileOptions,
  remembered: Profile | undefined,
  clientId: Bytes | undefined,
  timeouts: Timeouts,
): Promise<ChosenProfile> {
  const quirks = wish.quirks ?? remembered?.quirks ?? NO_QUIRKS;
  if (wish.edition !== "auto") {
    const edition = wish.edition ?? remembered?.edition ?? DEFAULT_EDITION;
    return { profile: complete(edition, quirks), deniedIds: [] };
  }
  const { edition, certain, deniedId } = await detectEdition(wish, clientId, timeouts);
  wish.onEvent?.({ type: "detected", edition, certain });
  return { profile: complete(edition, quirks), deniedIds: deniedId ? [deniedId] : [] };
}

/** With frames come the other quirks of the edition's framed peers. */
function complete(edition: Edition, quirks: Quirks): Profile {
  const { framedQuirks, separateQuirks } = edition;
  const implied = quirks.has("frames") ? [...framedQuirks, ...separateQuirks] : [];
  return { edition, quirks: new Set([...quirks, ...implied]) };
}
