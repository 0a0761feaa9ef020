/** Observed profiles: an edition and the quirks of one of its peers. */
import { edition2022 } from "../../../protocol/v3/editions/edition_2022.ts";
import { edition2023a } from "../../../protocol/v3/editions/edition_2023a.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { edition2024 } from "../../../protocol/v3/editions/edition_2024.ts";
import { edition2024early } from "../../../protocol/v3/editions/edition_2024early.ts";
import type { Profile } from "../../../protocol/v3/server_session.ts";
import type { Quirk } from "../../../protocol/v3/editions/quirks.ts";

function profile(edition: Profile["edition"], ...quirks: readonly Quirk[]): Profile {
  return { edition, quirks: new Set(quirks) };
}

export const OBSERVED_PROFILES: Readonly<Record<string, Profile>> = {
  "2022": profile(edition2022),
  "2022-a": profile(edition2022, "uncounted-content"),
  "2022-b": profile(edition2022, "empty-crc-payload"),
  "2022-c": profile(edition2022, "plaintext-size"),
  "2023a": profile(edition2023a),
  "2023a-c": profile(edition2023a, "frames", "pieces"),
  "2023c": profile(edition2023c),
  "2023c-b": profile(edition2023c, "uncounted-content"),
  "2024": profile(edition2024),
  "2024-b": profile(edition2024, "packets-1291"),
  "2024-c": profile(edition2024, "headerless-blocks"),
  "2024-d": profile(edition2024, "frames", "acknowledged-parts", "short-key"),
  "2024-e": profile(edition2024, "packet-size"),
  "2024-f": profile(edition2024, "frames"),
  "2024early": profile(edition2024early),
  "2024early-a": profile(edition2024early, "packets-65536"),
  "2024early-b": profile(edition2024early, "frames-2048"),
};

/** Whether clients with a profile open a connection for each request. */
export function isSeparate({ edition, quirks }: Profile): boolean {
  return quirks.has("frames") && edition.separateQuirks.every((quirk) => quirks.has(quirk));
}
