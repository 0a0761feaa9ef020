/**
 * Events about uploads of folders, and about what uploads replace and remove.
 *
 * @module
 */
import { shellNames } from "../../protocol/printable.ts";
import { plural } from "../text/format.ts";
import { count, defineEvent, text } from "./definition.ts";

const name = text("name on the server");

export const UPLOAD_EVENTS = {
  "stored-folder": defineEvent({
    kind: "note",
    isDetail: true,
    what: "The server confirmed that it stored a folder, with permissions and time.",
    fields: { name, path: text("path on this machine") },
    words: ({ name }) => `Created ${name}/ on the server`,
  }),
  "replaced-other": defineEvent({
    kind: "note",
    what:
      "The last upload replaced a version that another machine of the account had stored. It is kept as history.",
    fields: { name, version: count("number of the replaced version") },
    words: ({ name, version }) =>
      `${name} replaced version ${version}, which another machine had stored. To restore that version, ` +
      `run 'xfer client restore --version ${version} ${shellNames(name)}'.`,
  }),
  "nothing-removed": defineEvent({
    kind: "error",
    what:
      "With `--delete`: entries that are missing here were not removed, because others could not be read or stored.",
    fields: { entries: count("number of entries that are missing here") },
    words: ({ entries }) =>
      `Did not remove ${
        plural(entries, "entry")
      } from the server, because not everything could be ` +
      `read or stored`,
  }),
} as const;
