/**
 * Entries on the server as fields of events.
 *
 * @module
 */
import { formatFingerprint, type RemoteFile } from "../../../client/mod.ts";
import { octalMode } from "../../text/mode.ts";
import { isoTime, isoTimeOf } from "../../text/time.ts";

/** The fields of an entry. Those that mean nothing for its kind are `undefined`. */
export function entryEvent(file: RemoteFile) {
  const { name, entry: kind, version, mode, size, mtime } = file;
  const { storedAt, endedAt, cksum, digest, confirmedAt } = file;
  const [isStored, hasContent] = [version > 0, kind !== "folder"];
  return {
    ...{ name, kind },
    version: isStored ? version : undefined,
    mode: mode === undefined ? undefined : octalMode(mode),
    size: hasContent ? size : undefined,
    changed: isStored ? isoTimeOf(mtime) : undefined,
    stored: isStored ? isoTime(storedAt) : undefined,
    ended: endedAt === 0 ? undefined : isoTime(endedAt),
    cksum: hasContent ? cksum : undefined,
    confirmed: hasContent && confirmedAt !== 0 ? isoTime(confirmedAt) : undefined,
    sha256tree: hasContent ? formatFingerprint(digest).replace("SHA256:", "") : undefined,
  };
}
