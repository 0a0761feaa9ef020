/**
 * Entries: what a name on the server can stand for.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";

/** The kinds of entries in the order of their numbers on the wire and in the catalog. A link is a symbolic link. */
export const ENTRY_KINDS = ["file", "folder", "link"] as const;

/** A file, a folder, or a symbolic link. */
export type EntryKind = (typeof ENTRY_KINDS)[number];

/**
 * The names that a list can have, in the order of their numbers on the wire: everything `below` a prefix, one `level`
 * of it, or names that were `removed` and have history.
 */
export const LIST_SCOPES = ["below", "level", "removed"] as const;

/** The names that a list can have. */
export type ListScope = (typeof LIST_SCOPES)[number];

/** The permission bits of a mode, as in POSIX `st_mode`: setuid, setgid, sticky, and those of owner, group, others. */
export const MODE_BITS = 0o7777;

/** The longest target of a symbolic link, in bytes of UTF-8. */
export const MAX_LINK_TARGET = 4096;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Why content of this size cannot be that of an entry, to follow "a link"; `undefined` if it can. */
export function entrySizeFault(kind: EntryKind, size: number | undefined): string | undefined {
  if (kind === "file") return undefined;
  if (kind === "folder") return size === 0 ? undefined : "has no content";
  if (size !== undefined && size >= 1 && size <= MAX_LINK_TARGET) return undefined;
  return `has a target of 1 to ${MAX_LINK_TARGET} bytes`;
}

/** The target of a symbolic link; `undefined` if its content is none. */
export function linkTarget(content: Bytes): string | undefined {
  if (entrySizeFault("link", content.length) !== undefined || content.includes(0)) return undefined;
  try {
    return utf8.decode(content);
  } catch {
    return undefined;
  }
}
