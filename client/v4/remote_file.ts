/**
 * Files as a server describes them, and the limits of what a client accepts.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { ProtocolError, RefusedError, StorageError } from "../../protocol/errors.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { comparedForm, isTooLong, MAX_PATH_NAME } from "../../protocol/v4/path_name.ts";
import { DAMAGED_HINT } from "./errors.ts";

/**
 * A version of an entry on the server: `name`; `version` from 1, or 0 for a folder without an entry of its own; `entry`, its
 * kind; `mode`, its permissions, or `undefined`; `mtime` in nanoseconds since the epoch; `size` in bytes; POSIX `cksum`;
 * `digest` of 32 bytes. In milliseconds since the epoch, or 0: `storedAt`; `endedAt`, when it was replaced or removed;
 * `confirmedAt`, when the server last verified the digest.
 */
export type RemoteFile = Omit<MessageOf<"file">, "kind" | "tag">;

/**
 * The size of the largest file, 16 TiB; common file systems allow no larger ones. The digests of its chunks, which the
 * client needs before it accepts any chunk, take 512 MiB.
 */
export const MAX_FILE_SIZE = 16 * 2 ** 40;

/** The size of the smallest file that is resumed. Transferring a smaller one again is cheaper. */
export const RESUMABLE_SIZE = 4 * CHUNK_SIZE;

/** A version of a file that is damaged on the server. */
export type DamagedFile = Pick<RemoteFile, "name" | "version">;

/** Collects damaged files that fail a list at its end. */
export class DamagedFiles {
  readonly #names: string[] = [];
  #count = 0;
  #last: string | undefined;

  /** Adds a file. Versions of one name, which come in a row, count once. */
  add({ name }: DamagedFile): void {
    if (name === this.#last) return;
    this.#last = name;
    if (++this.#count <= MAX_NAMED) this.#names.push(printable(name));
  }

  /** Throws `DamagedError` if any were added. */
  throwIfAny(): void {
    if (this.#count > 0) throw new DamagedError(this.#names, this.#count);
  }
}

/** The most damaged files that an error names. It counts further ones. */
const MAX_NAMED = 3;

/** Requested files are damaged on the server. */
export class DamagedError extends RefusedError {
  constructor(names: readonly string[], count = names.length) {
    const others = count - names.length;
    const all = names.join(", ") + (others > 0 ? ` and ${others} more` : "");
    super(
      "damaged",
      count === 1
        ? `${all} is damaged on the server`
        : `${count} files are damaged on the server: ${all}`,
      { hint: DAMAGED_HINT },
    );
  }
}

/** The request that an answer must match. */
export interface ExpectedFile {
  /** The name, or with `prefix` its beginning. */
  readonly name?: string;
  readonly prefix?: string;
  /** Whether no \`/\` follows the prefix. */
  readonly isOneLevel?: boolean;
  /** 0 or absent: any. */
  readonly version?: number | undefined;
}

/** Throws `ProtocolError` `unexpected-answer` for a file that was not requested. */
export function checkAsked(
  file: Pick<RemoteFile, "name" | "version">,
  { name, prefix = "", isOneLevel = false, version = 0 }: ExpectedFile,
): void {
  if (isTooLong(file.name)) {
    throw unasked(`a name of more than ${MAX_PATH_NAME} bytes`);
  }
  const form = comparedForm(file.name);
  const start = comparedForm(prefix);
  const isNamed = (name === undefined || form === comparedForm(name)) && form.startsWith(start) &&
    !(isOneLevel && form.includes("/", start.length));
  if (isNamed && [0, file.version].includes(version)) return;
  throw unasked(`version ${file.version} of ${printable(file.name)}, which was not asked for`);
}

/** Throws `RefusedError` `no-such-file` if an entry is no longer what was listed. */
export function checkKind({ name, entry }: RemoteFile, expected: RemoteFile["entry"]): void {
  if (entry === expected) return;
  throw new RefusedError(
    "no-such-file",
    `${printable(name)} was replaced by a ${entry} during the download`,
    { hint: "Download it again." },
  );
}

/** Throws `StorageError` `file-too-large`. */
export function checkSize({ name, size }: Pick<RemoteFile, "name" | "size">): void {
  if (size <= MAX_FILE_SIZE) return;
  throw new StorageError(
    "file-too-large",
    `${printable(name)} is too large: it has ${size} bytes, and the limit is ${MAX_FILE_SIZE}`,
  );
}

/** Counts the items of a server's list, up to a maximum. */
export class Bound {
  readonly #max: number;
  readonly #noun: string;
  #count = 0;

  /** `what`: a plural, to follow "more than 10". */
  constructor(max: number, what: string) {
    this.#max = max;
    this.#noun = what;
  }

  get count(): number {
    return this.#count;
  }

  /** Throws `ProtocolError` `too-many-files`. */
  add(count = 1): void {
    if ((this.#count += count) <= this.#max) return;
    throw new ProtocolError(
      "too-many-files",
      `the server sent more than ${this.#max} ${this.#noun}`,
      { hint: "Ask for fewer at once: name a folder further down or a longer prefix." },
    );
  }
}

function unasked(what: string): ProtocolError {
  return new ProtocolError("unexpected-answer", `unexpected answer from the server: ${what}`);
}
