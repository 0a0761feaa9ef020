/**
 * Places files in an account, in memory: everything that is needed was looked up before, and all changes are written
 * together. A thousand files take as many round trips as one.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import type { EntryKind } from "../../../../protocol/entry.ts";
import type { BlobId, UploadId } from "../../../blobs/blob_store.ts";
import type { CommitResult, CommittedFile, UsageWithHistory } from "../../files.ts";
import { isInline } from "../../inline_ids.ts";
import { mayReplace } from "../../accounts.ts";
import type { RefusalReason } from "../../refusal.ts";
import { type AddedVersion, FileChanges } from "./file_changes.ts";
import type { KnownFiles, KnownPartial } from "./known_files.ts";
import { foldersAbove, isConflict } from "./name_tree.ts";
import type { StoredTime, Version } from "./version.ts";

/** A file to place. */
export interface FileToPlace {
  readonly file: CommittedFile;
  /** Its name in the form in which names are compared. */
  readonly key: string;
  readonly mtime: StoredTime;
  /** The digests of its chunks. */
  readonly chunks: Bytes | undefined;
}

/** A placed file. */
export type PlacedFile = Pick<CommitResult, "version" | "replaced" | "garbage">;

/** Files that are placed one after another. Each sees the changes of those before it. */
export class FilePlacement {
  /** The changes so far. */
  readonly changes: FileChanges = new FileChanges();
  /** Whether versions became history. */
  isHistoryLonger = false;
  readonly #known: KnownFiles;
  readonly #newest: Map<string, Version>;
  readonly #damaged: Set<Version>;
  readonly #partials: Map<UploadId, KnownPartial>;
  /** The kinds of the names that were placed. */
  readonly #kinds = new Map<string, EntryKind>();
  /** The folders of these names. */
  readonly #folders = new Set<string>();

  /** Places files in an account whose row is locked. */
  constructor(known: KnownFiles) {
    this.#known = known;
    this.#newest = new Map(known.newest);
    this.#damaged = new Set(known.damaged);
    this.#partials = new Map(known.partials.map((partial) => [partial.id, partial]));
  }

  /** Whether history can make room. Nobody who may only add files should push out what the account had before. */
  get mayTrim(): boolean {
    return mayReplace(this.#known.account.access);
  }

  /** The usage of the account after the changes so far. */
  get used(): UsageWithHistory {
    const { used, partials } = this.#known;
    const gone = partials.filter(({ id }) => !this.#partials.has(id))
      .reduce((sum, { durableBytes }) => sum + durableBytes, 0);
    const { files, bytes, history } = this.changes.added;
    return {
      files: used.files + files,
      bytes: used.bytes + bytes - gone,
      history: {
        files: used.history.files + history.files,
        bytes: used.history.bytes + history.bytes,
      },
    };
  }

  /** The current version of a name. */
  current(key: string): Version | undefined {
    const newest = this.#newest.get(key);
    return newest?.current ? newest : undefined;
  }

  /** Why a file cannot be stored under its name. */
  refusalOf({ file: { name, kind = "file", tree }, key }: FileToPlace): RefusalReason | undefined {
    const current = this.current(key);
    if (current !== undefined && current.name !== name) return "other-form";
    return tree !== undefined && this.#isConflict(key, kind, current?.kind)
      ? "name-conflict"
      : undefined;
  }

  #isConflict(key: string, kind: EntryKind, before: EntryKind | undefined): boolean {
    const isAbove = this.#known.above.has(key) || this.#folders.has(key);
    return isConflict({ isAbove, isBlocking: this.#isBlocking }, key, kind, before);
  }

  readonly #isBlocking = (folder: string): boolean => {
    const kind = this.#kinds.get(folder);
    return kind === undefined ? this.#known.blocking.has(folder) : kind !== "folder";
  };

  /**
   * Why the account may not replace the current version of a name. It may send the same file again, and repair a damaged
   * one. `same`: the current version, if its content is the same.
   */
  refusalToReplace(entry: FileToPlace, same: Version | undefined): RefusalReason | undefined {
    const { file: { mode }, key, mtime } = entry;
    const current = this.current(key);
    if (mayReplace(this.#known.account.access) || current === undefined) return undefined;
    if (this.#mendedBy(entry).some(({ id }) => id === current.id)) return undefined;
    const isEqual = same !== undefined && same.mode === mode && same.mtime.ms === mtime.ms &&
      same.mtime.ns === mtime.ns;
    return isEqual ? undefined : "append-only";
  }

  /** The current version of the name if it has the same content, or is a folder like the new one. */
  findSame({ file: { kind = "file", size, crc, tree }, key }: FileToPlace): Version | undefined {
    const current = this.current(key);
    if (current === undefined || tree === undefined || current.kind !== kind) return undefined;
    if (kind === "folder") return current;
    const { damage, digest, path, contentSize } = current;
    const hasSums = damage === null && current.size === size && current.crc === crc &&
      digest !== null && equalBytes(digest, tree.digest);
    return hasSums && (!isInline(path) || contentSize === size) ? current : undefined;
  }

  /**
   * Keeps a version with the same content, with the metadata of the new one. The new content takes the place of a blob,
   * because the catalog cannot know whether that is still there. Of an account that may replace nothing, it must have been
   * hashed: its client could have sent another one. Returns the blobs that became garbage.
   */
  keep({ file: { mode, content, confirmedAt }, key, mtime }: FileToPlace, same: Version): BlobId[] {
    const { changes } = this;
    this.#kinds.set(key, same.kind);
    changes.setMetadata(same, mode, mtime);
    const { path } = same;
    const isProven = mayReplace(this.#known.account.access) || confirmedAt !== undefined;
    if (isInline(path) || same.kind === "folder" || !isProven) {
      return changes.makeGarbage([content.id]);
    }
    changes.replaceContent(same, content, confirmedAt);
    changes.endGarbage(content.id);
    return changes.makeGarbage([path]);
  }

  /** Makes a file the current version of its name. */
  place(entry: FileToPlace, keepHistory: boolean): PlacedFile {
    const { file, key } = entry;
    const { changes } = this;
    const newest = this.#newest.get(key);
    const current = this.current(key);
    const garbage: BlobId[] = [];
    if (newest !== undefined) {
      for (const version of this.#mendedBy(entry)) {
        this.#damaged.delete(version);
        garbage.push(...changes.drop(version));
        if (version.id === newest.id) newest.current = false;
      }
      if (newest.current) {
        garbage.push(...changes.end(newest, keepHistory, file.storedAt));
        this.isHistoryLonger ||= keepHistory;
      }
    }
    const version = (newest?.version ?? 0) + 1;
    this.#newest.set(key, changes.add(toVersion(entry, version)));
    this.#kinds.set(key, file.kind ?? "file");
    for (const folder of foldersAbove(key)) {
      if (this.#folders.has(folder)) break;
      this.#folders.add(folder);
    }
    changes.endGarbage(file.content.id);
    return {
      version,
      ...current === undefined ? {} : { replaced: toReplaced(current, file.storedBy) },
      garbage,
    };
  }

  /** Damaged versions that had the same content. The new file repairs them. */
  #mendedBy({ file: { size, crc, tree }, key }: FileToPlace): Version[] {
    return [...this.#damaged].filter((version) =>
      version.key === key && version.size === size && version.crc === crc &&
      (version.digest === null || tree === undefined || equalBytes(version.digest, tree.digest))
    );
  }

  /** The bytes of a partial upload of the account; 0 if it has none with this id. */
  bytesOf(upload: UploadId | undefined): number {
    return upload === undefined ? 0 : this.#partials.get(upload)?.durableBytes ?? 0;
  }

  /** Ends a partial upload whose file was committed, or is of no more use. */
  endPartial(upload: UploadId): void {
    this.#partials.delete(upload);
    this.changes.endPartial(upload);
  }

  /** The partial upload of a name as it was given. */
  partialOf(name: string): UploadId | undefined {
    if (this.#partials.size === 0) return undefined;
    return [...this.#partials.values()].find((partial) => partial.name === name)?.id;
  }
}

function toVersion({ file, key, mtime, chunks }: FileToPlace, version: number): AddedVersion {
  const { name, kind = "file", mode, content, size, crc, tree, storedBy = null } = file;
  return {
    ...{ id: undefined, key, name, version, current: true, kind, mode, mtime },
    ...{ path: content.id, size, crc, digest: tree?.digest ?? null, storedBy, damage: null },
    contentSize: content.kind === "inline" ? content.bytes.length : null,
    ...{ file, chunks, content, confirmedAt: file.confirmedAt, endedAt: undefined },
  };
}

function toReplaced({ version, storedBy: other }: Version, storedBy: Bytes | undefined) {
  const byOther = other !== null && storedBy !== undefined && !equalBytes(other, storedBy);
  return { version, byOther };
}
