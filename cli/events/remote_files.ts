/**
 * Events about what is on the server: lists, details, and changes without a transfer.
 *
 * @module
 */
import { ENTRY_KINDS, type EntryKind } from "../../protocol/entry.ts";
import { plural } from "../text/format.ts";
import { contents } from "../text/contents.ts";
import { symbolicMode } from "../text/mode.ts";
import type { Presentation } from "../text/presentation.ts";
import { count, defineEvent, flag, oneOf, optional, text, time } from "./definition.ts";
import { failed, type Outcomes, standing } from "./outcomes.ts";

const name = text("name on the server");
const code = text("code of the error");
const version = count("number of the version, from 1 for each name");

/** Optional fields are missing where they mean nothing. */
const entry = {
  ...{ name, kind: oneOf(ENTRY_KINDS, "kind of entry; a link is a symbolic link") },
  version: optional(version),
  mode: optional(text("permission bits in octal, such as 0644, if they are known")),
  size: optional(count("size in bytes; of a link, the length of its target; not of a folder")),
  changed: optional(time("time of the last change to the file, where it was uploaded from")),
  stored: optional(time("time at which the server confirmed it")),
  ended: optional(time("time at which it was replaced or removed, if it is not current")),
  cksum: optional(count("POSIX checksum, as cksum(1) prints it; not of a folder")),
  sha256tree: optional(text("digest over all chunks, in base64; not of a folder")),
  confirmed: optional(
    time("time at which the server last computed the digest from the content itself, if it has"),
  ),
};

/** The size of a change. */
const amounts = {
  entries: count("number of files, folders and links"),
  size: count("their size in bytes"),
};

const UNREMOVED = {
  "not-removed": (name) => `Failed to remove ${name}`,
  "unknown": (name) => `Unconfirmed: ${name} may be removed. List your files to be sure`,
  "not-tried": (name) => `Not started: ${name}`,
} as const satisfies Outcomes;

const UNRESTORED = {
  "not-restored": (name) => `Failed to restore ${name}`,
  "unknown": (name) => `Unconfirmed: ${name} may be restored. List your files to be sure`,
  "not-tried": (name) => `Not started: ${name}`,
} as const satisfies Outcomes;

export const REMOTE_FILE_EVENTS = {
  "file": defineEvent({
    kind: "result",
    what:
      "An entry on the server, as `list` prints it. A folder without an entry of its own, which " +
      "exists because something is in it, has only a name.",
    fields: entry,
    words: (file, show) => {
      const { name, kind, version, ended, confirmed } = file;
      const isUnconfirmed = show.isLong && kind === "file" && confirmed === undefined;
      const long = `${modeOf(file)}  ${(version === undefined ? "" : `v${version}`).padStart(4)}  `;
      return (show.isLong ? long : "") + `${sizeAndTime(file, show)}  ` +
        `${name}${kind === "folder" ? "/" : ""}` +
        (ended === undefined ? "" : `, removed ${show.time(ended)}`) +
        (isUnconfirmed ? ", not confirmed yet" : "");
    },
  }),
  "version": defineEvent({
    kind: "result",
    what: "A version of a file on the server, as `versions` prints it.",
    fields: {
      ...{ ...entry, version },
      end: optional(oneOf(["replaced", "removed"], "how it ended, if it is not current")),
    },
    words: (file, show) => {
      const { version, stored, ended, end } = file;
      return [
        `${sizeAndTime(file, show)}  version ${version}`,
        ...stored === undefined ? [] : [`stored ${show.time(stored)}`],
        ...ended === undefined ? [] : [`${end ?? "replaced"} ${show.time(ended)}`],
      ].join(", ");
    },
  }),
  "file-details": defineEvent({
    kind: "result",
    what: "Everything that the server knows about a file or a link, as `stat` prints it.",
    fields: { ...entry, version, target: optional(text("target of a link")) },
    words: (file, show) => {
      const { name, kind, target, size = 0, version, mode, cksum, sha256tree, confirmed } = file;
      return details(name, {
        "link to": target,
        "size": kind === "file" ? exactSize(size, show) : undefined,
        ...timesOf(file, show),
        version,
        "mode": mode === undefined ? undefined : `${modeOf(file)} (${mode})`,
        cksum,
        sha256tree,
        "confirmed": confirmed === undefined ? "not yet" : show.time(confirmed),
      });
    },
  }),
  "folder-details": defineEvent({
    kind: "result",
    what: "A folder on the server, as `stat` prints it.",
    fields: {
      ...{ name, mode: entry.mode, changed: entry.changed, stored: entry.stored },
      files: count("number of files in it, at any depth"),
      folders: count("number of folders in it that have an entry of their own"),
      links: count("number of links in it"),
      size: count("size of the files in bytes"),
    },
    words: (folder, show) => {
      const { name, mode, size } = folder;
      return details(`${name}/`, {
        "contains": contents(folder),
        "size": exactSize(size, show),
        ...timesOf(folder, show),
        "mode": mode === undefined ? undefined : `${modeOf({ kind: "folder", mode })} (${mode})`,
      });
    },
  }),
  "file-damaged": defineEvent({
    kind: "result",
    what: "A version of a file that is damaged on the server, as `list` and `versions` print it.",
    fields: { name, version },
    words: ({ name, version }, { paint, column }) =>
      `${paint("warning", column("damaged"))}  ${name}, version ${version}`,
  }),
  "list-incomplete": defineEvent({
    kind: "error",
    what: "A list ended early. The `error` with the reason comes next.",
    fields: { listed: count("number of entries or versions printed") },
    words: ({ listed }) => `The list is incomplete: it ended after line ${listed}`,
  }),
  "removed": defineEvent({
    kind: "result",
    isDetail: "many",
    what: "An entry was removed from the server. A folder is removed with everything in it.",
    fields: {
      name,
      entries: optional(count("number of files, folders and links, with `remove`")),
      size: optional(count("their size in bytes, with `remove`")),
      forever: flag("whether its history was deleted, too"),
    },
    words: ({ name, forever, entries = 1, size = 0 }, show) =>
      `Removed ${name}${forever ? " forever" : ""}${several({ entries, size }, show)}`,
  }),
  "not-removed": defineEvent({
    kind: "error",
    what: "An entry was not removed. An `error` with the reason, or `stopping`, comes before it.",
    fields: { name, state: standing(UNREMOVED, "remove"), code },
    words: ({ name, state, code }) => failed(UNREMOVED[state](name), state, code, name),
  }),
  "renamed": defineEvent({
    kind: "result",
    what: "An entry on the server was renamed. A folder is renamed with everything in it.",
    fields: { from: text("old name"), to: text("new name"), ...amounts },
    words: ({ from, to, ...changed }, show) => `Renamed ${from} to ${to}${several(changed, show)}`,
  }),
  "restored": defineEvent({
    kind: "result",
    isDetail: "many",
    what:
      "An earlier version of a file is current again, or the removed entries of a folder are restored.",
    fields: { name, ...amounts },
    words: ({ name, ...changed }, show) =>
      changed.entries === 0
        ? `${name} has that version already`
        : `Restored ${name}${several(changed, show)}`,
  }),
  "not-restored": defineEvent({
    kind: "error",
    what: "A name was not restored. An `error` with the reason, or `stopping`, comes before it.",
    fields: { name, state: standing(UNRESTORED, "restore"), code },
    words: ({ name, state, code }) => failed(UNRESTORED[state](name), state, code, name),
  }),
} as const;

interface Entry {
  readonly kind: EntryKind;
  readonly mode?: string | undefined;
  readonly size?: number | undefined;
  readonly changed?: string | undefined;
}

function modeOf({ kind, mode }: Entry): string {
  return symbolicMode(kind, mode === undefined ? undefined : parseInt(mode, 8));
}

/** Two columns. The size of a folder or link would mislead. */
function sizeAndTime({ kind, size = 0, changed }: Entry, show: Presentation): string {
  const { column, sizeColumn, time } = show;
  const when = changed === undefined ? "".padStart(time(EPOCH).length) : time(changed);
  return `${kind === "file" ? sizeColumn(size) : column(kind)}  ${when}`;
}

const EPOCH = "1970-01-01T00:00:00.000Z";

function timesOf(
  { changed, stored }: {
    readonly changed?: string | undefined;
    readonly stored?: string | undefined;
  },
  { time }: Presentation,
) {
  return {
    "modified": changed === undefined ? undefined : time(changed),
    "stored": stored === undefined ? undefined : time(stored),
  };
}

/** A name, and a line for each known property. */
function details(
  name: string,
  properties: Readonly<Record<string, string | number | undefined>>,
): string {
  const lines = Object.entries(properties).filter(([, value]) => value !== undefined)
    .map(([label, value]) => `  ${label.padEnd(10)}  ${value}`);
  return [name, ...lines].join("\n");
}

function exactSize(size: number, show: Presentation): string {
  const exact = plural(size, "byte");
  const shown = show.size(size);
  return size < 1024 || shown === exact ? exact : `${shown} (${exact})`;
}

/** The amounts of a change that concerned several entries, in parentheses. */
function several(
  { entries, size: bytes }: { readonly entries: number; readonly size: number },
  { size }: Presentation,
): string {
  return entries === 1 ? "" : ` (${plural(entries, "entry")}, ${size(bytes)})`;
}
