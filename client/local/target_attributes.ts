/**
 * Permission bits and modification times of downloaded entries.
 *
 * @module
 */
import { join } from "node:path";
import { reasonOf } from "../../protocol/errors.ts";
import type { EntryKind } from "../../protocol/entry.ts";
import { modeOf, readTime, setTime } from "./file_metadata.ts";
import { type FileAttributes, NEW_MODE } from "./new_file.ts";

/** Permission bits and modification time of an entry, as the server has them. */
export interface Attributes {
  /** `undefined`: unknown. */
  readonly mode: number | undefined;
  /** Nanoseconds since 1970 UTC; `undefined`: unknown. */
  readonly mtime: bigint | undefined;
}

/** Of an entry about which the server knows nothing. */
export const UNKNOWN_ATTRIBUTES: Attributes = { mode: undefined, mtime: undefined };

/** The attributes to restore. */
export interface AttributeOptions {
  /** Whether to restore permission bits; default true. */
  readonly permissions?: boolean | undefined;
  /** Whether to restore modification times; default true. */
  readonly times?: boolean | undefined;
  /** Whether to restore the setuid, setgid and sticky bits, too; default false. */
  readonly special?: boolean | undefined;
}

/** Attributes that could not be set, for example because the file system has none. */
export interface UnsetAttributes {
  /** The number of attributes. */
  readonly count: number;
  /** The path of the first. */
  readonly path: string;
  /** The reason for the first. */
  readonly reason: string;
}

const HAS_MODES = Deno.build.os !== "windows";
const SPECIAL = 0o7000;
const OWNER = 0o700;
const ALL = 0o777;
/** The bits that new files and folders have before the umask is applied. */
const DEFAULTS: Readonly<Record<EntryKind, number>> = { file: 0o666, folder: 0o777, link: 0 };

export class TargetAttributes {
  readonly #permissions: boolean;
  readonly #times: boolean;
  readonly #special: boolean;
  readonly #umask: () => Promise<number>;
  /** The bits that the umask leaves. */
  #left: Promise<number> | undefined;
  /** The same, once known. */
  #known: number | undefined;
  #unset: UnsetAttributes | undefined;

  constructor(
    { permissions = true, times = true, special = false }: AttributeOptions = {},
    umask = readUmask,
  ) {
    this.#permissions = permissions;
    this.#times = times;
    this.#special = special;
    this.#umask = umask;
  }

  /** The failures so far. They don't affect the content. */
  get unset(): UnsetAttributes | undefined {
    return this.#unset;
  }

  /** Resolves when {@link TargetAttributes.ofNew} can be called. */
  async ready(): Promise<void> {
    this.#known = await this.#bitsLeft();
  }

  /** The attributes for a new file. */
  ofNew(attributes: Attributes): FileAttributes {
    const left = this.#known ?? 0;
    const mode = this.#wanted(attributes, left) ?? DEFAULTS.file & left;
    return { mode, mtime: this.#times ? attributes.mtime : undefined };
  }

  /** Sets the attributes of a new file, whose mode is {@link NEW_MODE}, at once. Never throws. */
  applyToNew(path: string, { mode, mtime }: FileAttributes): void {
    if (mode !== NEW_MODE && HAS_MODES) this.#attempt(path, () => Deno.chmodSync(path, mode));
    if (mtime !== undefined) this.#attempt(path, () => setTime(path, mtime));
  }

  /** Sets the attributes of a new entry, which is not at its final path yet, or a folder. Never throws. */
  async apply(path: string, kind: EntryKind, attributes: Attributes): Promise<void> {
    const left = await this.#bitsLeft();
    const bits = this.#wanted(attributes, left) ?? DEFAULTS[kind] & left;
    this.#set(path, kind, { bits, mtime: attributes.mtime }, true);
  }

  /**
   * Brings the attributes of an entry up to date that is otherwise the same as on the server. Returns whether any
   * changed. Never throws. `isDryRun`: changes nothing, and returns whether any would change.
   */
  async refresh(
    path: string,
    kind: EntryKind,
    attributes: Attributes,
    isDryRun = false,
  ): Promise<boolean> {
    const bits = this.#wanted(attributes, await this.#bitsLeft());
    return this.#set(path, kind, { bits, mtime: attributes.mtime }, !isDryRun);
  }

  /**
   * Sets what differs, and returns whether anything does. Nothing else of this process runs in between, so that what is
   * inspected is what changes.
   */
  #set(
    path: string,
    kind: EntryKind,
    { bits, mtime }: { readonly bits: number | undefined; readonly mtime: bigint | undefined },
    doesSet: boolean,
  ): boolean {
    const isModeSet = this.#attempt(path, () => {
      const info = Deno.lstatSync(path);
      const now = modeOf(info);
      // The system would follow a link.
      if (bits === undefined || now === undefined || kind === "link" || info.isSymlink) {
        return false;
      }
      // A folder inherits its setgid bit from the one above.
      const mode = this.#special ? bits : bits | now & SPECIAL;
      if (mode === now) return false;
      if (doesSet) Deno.chmodSync(path, mode);
      return true;
    });
    const isTimeSet = this.#attempt(path, () => {
      if (mtime === undefined || !this.#times) return false;
      const before = readTime(path);
      if (before === mtime) return false;
      if (!doesSet) return true;
      setTime(path, mtime);
      return readTime(path) !== before;
    });
    return isModeSet || isTimeSet;
  }

  /** The bits that an entry shall have: those of others masked by the umask, as cp(1) and tar(1) do. */
  #wanted({ mode }: Attributes, left: number): number | undefined {
    if (mode === undefined || !this.#permissions) return undefined;
    return mode & (left | OWNER | (this.#special ? SPECIAL : 0));
  }

  #bitsLeft(): Promise<number> {
    return this.#left ??= this.#umask().then((umask) => ALL & ~umask);
  }

  #attempt(path: string, work: () => boolean | void): boolean {
    try {
      return work() === true;
    } catch (error) {
      const { count, ...first } = this.#unset ?? { count: 0, path, reason: reasonOf(error) };
      this.#unset = { ...first, count: count + 1 };
      return false;
    }
  }
}

/** Nobody but the user, if the umask is unknown. */
const PRIVATE = 0o077;

/** The umask of this process. Deno tells it only to programs with all permissions, so a temporary file shows it. */
async function readUmask(): Promise<number> {
  if (Deno.build.os === "windows") return 0;
  try {
    const folder = await Deno.makeTempDir({ prefix: "xfer-" });
    try {
      using file = await Deno.open(join(folder, "mode"), {
        ...{ write: true, createNew: true, mode: ALL },
      });
      return ALL & ~((await file.stat()).mode ?? ALL);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  } catch {
    return PRIVATE;
  }
}
