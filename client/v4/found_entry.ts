/**
 * What is uploaded from this machine: files, folders and links, as they were when they were inspected.
 *
 * @module
 */
import { basename } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import type { EntryKind } from "../../protocol/entry.ts";
import { StorageError, UsageError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import {
  comparedForm,
  MAX_COMPONENT,
  MAX_PATH_DEPTH,
  pathNameFault,
} from "../../protocol/v4/path_name.ts";
import type { LocalFile } from "../events.ts";
import { type EntryStat, mtimeOf, statEntry, type StatKind } from "../local/entry_stat.ts";
import type { StoredAttributes } from "../local/file_metadata.ts";
import { cannotRead } from "../local/read_small_file.ts";
import { linkContent } from "../local/source_entry.ts";
import { checkSize } from "./remote_file.ts";

const NOTHING: Bytes = new Uint8Array();

/** The place of an entry, here and on the server. */
export interface EntryPlace {
  /** As named by the user, or found in a folder that the user named. */
  readonly path: string;
  /** The path to read, if another: without a link at its end. */
  readonly real?: string | undefined;
  /** The name on the server. */
  readonly remoteName: string;
  /** The same, as servers compare names. */
  readonly form: string;
}

export class FoundEntry implements LocalFile, StoredAttributes {
  readonly kind: EntryKind;
  readonly path: string;
  readonly real: string;
  readonly remoteName: string;
  readonly form: string;
  readonly stat: EntryStat;
  /** When it was inspected, in milliseconds since 1970. */
  readonly inspectedAt: number;
  /** The target of a link, nothing for a folder; `undefined` for a file, whose content is read later. */
  readonly content: Bytes | undefined;

  private constructor(kind: EntryKind, place: EntryPlace, stat: EntryStat, at: number) {
    this.kind = kind;
    this.path = place.path;
    this.real = place.real ?? place.path;
    this.remoteName = place.remoteName;
    this.form = place.form;
    this.stat = stat;
    this.inspectedAt = at;
    this.content = kind === "file" ? undefined : kind === "link" ? readLink(place) : NOTHING;
  }

  /**
   * Inspects what is at a path. Returns its kind if it has no content to upload. Throws `UsageError` `bad-file-name`;
   * `StorageError` `cannot-read`, `bad-entry`, `file-too-large`.
   */
  static inspect(place: EntryPlace): FoundEntry | "pipe" | "socket" | "other" {
    const at = Date.now();
    const stat = statAt(place);
    const { kind } = stat;
    if (!isUploaded(kind)) return kind;
    checkSize({ name: place.path, size: stat.size });
    return new FoundEntry(kind, place, stat, at);
  }

  /** The last component of the path. */
  get name(): string {
    return basename(this.path);
  }

  /** Of the content, in bytes. */
  get size(): number {
    return this.content?.length ?? this.stat.size;
  }

  /** That of a link means nothing, and differs between systems. */
  get mode(): number | undefined {
    return this.kind === "link" ? undefined : this.stat.mode;
  }

  get mtime(): bigint {
    return mtimeOf(this.stat);
  }

  /** Inspects the path again. Throws as {@link FoundEntry.inspect} does, and `StorageError` `not-a-file`. */
  reinspect(): FoundEntry {
    const now = FoundEntry.inspect(this);
    if (typeof now !== "string" && now.kind === this.kind) return now;
    throw new StorageError(
      "not-a-file",
      `cannot upload ${printable(this.path)}: it has just changed`,
      { hint: "Upload it again when no program changes it." },
    );
  }
}

function isUploaded(kind: StatKind): kind is EntryKind {
  return kind === "file" || kind === "folder" || kind === "link";
}

function statAt({ path, real = path }: EntryPlace): EntryStat {
  try {
    return statEntry(real);
  } catch (cause) {
    throw cannotRead(path, cause, "Check its permissions, or skip it with --exclude PATTERN.");
  }
}

function readLink({ path }: EntryPlace): Bytes {
  try {
    return linkContent(path, Deno.readLinkSync(path));
  } catch (cause) {
    throw cannotRead(path, cause, "Check the path and its permissions.");
  }
}

/** Only these have a length in bytes that shows. */
// deno-lint-ignore no-control-regex
const ASCII = /^[\x01-\x7f]*$/;

export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** The place of an entry that a user named. */
export function placeOf(path: string, remoteName: string, real?: string): EntryPlace {
  return { path, real, remoteName, form: comparedForm(remoteName) };
}

/** Throws `UsageError` `bad-file-name`. `isNamed`: whether the user chose the name with `--as`. */
export function checkRemoteName(path: string, name: string, isNamed: boolean): void {
  const fault = pathNameFault(name);
  if (fault === undefined) return;
  const [named, hint] = isNamed
    ? [`${printable(path)} as ${printable(name)}: the name`, "Choose another name with --as NAME."]
    : [
      `${printable(path)}: its name`,
      "Rename it, skip it with --exclude PATTERN, or upload it under another name with --as NAME.",
    ];
  throw new UsageError("bad-file-name", `cannot upload ${named} ${fault}`, { hint });
}

/** Whether a name is short and ASCII, so that it is surely allowed in a folder for which {@link isPlainFolder} is true. */
export function isPlainName(name: string): boolean {
  return name.length <= MAX_COMPONENT && isAscii(name);
}

/** Whether plain names are surely allowed in a folder; if not, {@link checkRemoteName} decides. `depth`: of its content. */
export function isPlainFolder(name: string, depth: number): boolean {
  return depth <= MAX_PATH_DEPTH && isPlainName(name);
}
