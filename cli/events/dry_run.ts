/**
 * The event of `--dry-run`.
 *
 * @module
 */
import { plural } from "../text/format.ts";
import { count, defineEvent, oneOf, optional, text } from "./definition.ts";
import { shownSource } from "../../protocol/standard_input.ts";

/** The words between a name and its new one. */
const ACTIONS = {
  upload: "as",
  download: "to",
  update: "as",
  remove: "",
  rename: "to",
  restore: "",
} as const;

const PLACES = { server: "on the server", here: "on this machine" } as const;

export const DRY_RUN_EVENTS = {
  "would": defineEvent({
    kind: "result",
    what: "With `--dry-run`: the command would do this. It changes nothing.",
    fields: {
      action: oneOf(
        Object.keys(ACTIONS) as (keyof typeof ACTIONS)[],
        "`update` changes only permissions and time",
      ),
      place: oneOf(Object.keys(PLACES) as (keyof typeof PLACES)[], "the place that would change"),
      name: text("name on the server; path on this machine for `upload`, and if `place` is `here`"),
      to: optional(text("new name, or path to write to")),
      entries: optional(count("files, folders and links, if it concerns a folder")),
      size: optional(count("size in bytes")),
    },
    words: ({ action, place, name, to, entries, size: bytes }, { size }) => {
      const amounts = [
        ...entries === undefined ? [] : [plural(entries, "entry")],
        ...bytes === undefined ? [] : [size(bytes)],
      ];
      // As the command itself says: what is removed from the server can be restored.
      const verb = action === "remove" && place === "here" ? "delete" : action;
      return [
        `Would ${verb} ${action === "upload" ? shownSource(name) : name}`,
        ...to === undefined || to === name ? [] : [`${ACTIONS[action]} ${to}`],
        ...action === "remove" ? [PLACES[place]] : [],
        ...amounts.length === 0 ? [] : [`(${amounts.join(", ")})`],
      ].join(" ");
    },
  }),
} as const;
