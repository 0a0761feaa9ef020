/**
 * Chooses the profile (edition and quirks) for a server.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { DEFAULT_EDITION } from "../../protocol/v3/editions/mod.ts";
import type { Edition } from "../../protocol/v3/editions/edition.ts";
import { NO_QUIRKS, type Quirks } from "../../protocol/v3/editions/quirks.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import type { Timeouts } from "../net/dial.ts";
import { detectEdition } from "./detect_edition.ts";
import type { V3ConnectOptions } from "./connect_options.ts";

export interface ChosenProfile {
  readonly profile: Profile;
  /** The ids from denials during the detection of the edition. */
  readonly deniedIds: readonly Bytes[];
}

/**
 * Takes edition and quirks from the options, or else from the profile of the last run. Throws `NetworkError` if the
 * server must be asked and cannot be reached.
 */
export async function chooseProfile(
  options: V3ConnectOptions,
  remembered: Profile | undefined,
  clientId: Bytes | undefined,
  timeouts: Timeouts,
): Promise<ChosenProfile> {
  const quirks = options.quirks ?? remembered?.quirks ?? NO_QUIRKS;
  if (options.edition !== "auto") {
    const edition = options.edition ?? remembered?.edition ?? DEFAULT_EDITION;
    return { profile: complete(edition, quirks), deniedIds: [] };
  }
  const { edition, certain, deniedId } = await detectEdition(options, clientId, timeouts);
  options.onEvent?.({ type: "detected", edition, certain });
  return { profile: complete(edition, quirks), deniedIds: deniedId ? [deniedId] : [] };
}

/** Adds the quirks that peers with frames have in this edition. */
function complete(edition: Edition, quirks: Quirks): Profile {
  const { framedQuirks, separateQuirks } = edition;
  const implied = quirks.has("frames") ? [...framedQuirks, ...separateQuirks] : [];
  return { edition, quirks: new Set([...quirks, ...implied]) };
}
