import type { BlobId } from "../../../../server/blobs/blob_store.ts";
import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import { CHUNKS_PAGE, MAX_NAME, MAX_PARTS } from "../../../../server/catalog/bounds.ts";
import type { Account } from "../../../../server/catalog/accounts.ts";
import type {
  CommittedFile,
  Files,
  RenameResult,
  StoredFile,
} from "../../../../server/catalog/files.ts";
import { nameKey } from "../../../../server/catalog/name_key.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  removedEvent,
  renamedEvent,
  restoredEvent,
  storedEvent,
} from "../../../../server/catalog/hook_events.ts";
import { queueHook } from "./hooks.ts";
import { listsOf } from "./lists.ts";
import {
  type FileRow,
  isBelow,
  isOfProtocol4,
  newestFirst,
  oldestFirst,
  type State,
  usageOf,
} from "./state.ts";
import { restoreIn } from "./restore.ts";

export function filesOf(state: State): Files {
  const at = (id: BlobId) => state.files.find(({ file }) => file.content.id === id);

  return {
    ...listsOf(state),
    commit: (file, { quota, keepHistory = false, chunks, staged } = {}) =>
      state.atomically(() => {
        const { accountId, name, content: { kind: place, id: path }, tree, storedAt } = file;
        const content = file.content.kind === "inline" ? file.content.bytes : undefined;
        const owner = state.account(accountId);
        if (owner?.disabled) throw new CatalogRefusal("account-disabled");
        if (owner?.access === "read-only") throw new CatalogRefusal("read-only");
        if (owner === undefined) throw new Error("Cannot store a file: its owner is not there");
        if (isOfProtocol4(owner) && tree === undefined) throw new CatalogRefusal("other-protocol");
        const before = state.filesOf(accountId, name).toSorted(newestFirst);
        const current = state.current(accountId, name);
        if (current !== undefined && current.file.name !== name) {
          throw new CatalogRefusal("other-form");
        }
        const kind = file.kind ?? "file";
        if (tree !== undefined) state.refuseConflict(accountId, name, kind, current?.file.kind);
        const isKept = current !== undefined && tree !== undefined && isSame(current, file);
        if (current !== undefined && owner.access !== "full" && !isMendedBy(current, file)) {
          const { mode, tree: times } = current.file;
          const isEqual = isKept && mode === file.mode && times?.mtime === tree?.mtime;
          if (!isEqual) throw new CatalogRefusal("append-only");
        }
        state.uploads = state.uploads.filter((upload) => upload.id !== staged);
        state.change(accountId, { lastSeen: storedAt });
        if (isKept) {
          const { content: before } = current.file;
          const isProven = owner.access === "full" || file.confirmedAt !== undefined;
          const isBlob = before.kind === "blob" && kind !== "folder" && isProven;
          const kept = { ...current.file, content: isBlob ? { kind: place, id: path } : before };
          if (isBlob) {
            if (file.confirmedAt === undefined) {
              delete (kept as { confirmedAt?: number }).confirmedAt;
            } else Object.assign(kept, { confirmedAt: file.confirmedAt });
            state.endGarbage(path);
          }
          state.replace(current, { file: kept, ...isBlob ? { content } : {} });
          const row = state.current(accountId, name) as FileRow;
          setMetadata(state, row, file.mode, tree.mtime);
          const unused = isBlob ? before.id : path;
          const garbage = isBlob || place === "blob" ? [unused] : [];
          state.makeGarbage(garbage);
          return { version: kept.version, garbage, hasSurplus: false };
        }
        if (at(path) !== undefined) throw new Error("Cannot store a file: its blob is another's");
        const mended = before.filter((row) => isMendedBy(row, file));
        const garbage = state.dropFiles(mended);
        const ends = current !== undefined && !mended.includes(current);
        if (ends) garbage.push(...state.end(current, keepHistory, storedAt));
        const version = (before[0]?.file.version ?? 0) + 1;
        const known = { ...file, kind, content: { kind: place, id: path }, version, current: true };
        state.files = [...state.files, { file: known, chunks, content, number: state.number++ }];
        const trimmed = state.makeRoom(accountId, quota, ends && keepHistory);
        state.endGarbage(path);
        queueHook(state, accountId, "stored", (by) => storedEvent(by, file, version));
        const other = current?.file.storedBy;
        const byOther = other !== undefined && file.storedBy !== undefined &&
          !equalBytes(other, file.storedBy);
        return {
          version,
          ...current && { replaced: { version: current.file.version, byOther } },
          garbage: [...garbage, ...trimmed.garbage],
          hasSurplus: trimmed.hasSurplus,
        };
      }),
    update: (owner, name, version, { mode, mtime }) =>
      state.atomically(() => {
        const row = state.current(owner, name);
        if (row === undefined) return "missing";
        if (row.file.version !== version) return "changed";
        setMetadata(state, row, mode, mtime);
        return "updated";
      }),
    find: (owner, name, { version = 0, want = "row" } = {}) =>
      state.atomically(() => {
        const row = state.filesOf(owner, name)
          .find(({ file }) => version === 0 ? file.current : file.version === version);
        if (row === undefined || want === "row") return row?.file;
        const { file, chunks, content: bytes } = row;
        return {
          ...file,
          ...chunks && { chunks: { size: chunks.length, first: chunks.slice(0, CHUNKS_PAGE) } },
          ...bytes && { bytes },
        };
      }),
    chunkDigests: (id, from = 0) =>
      state.atomically(() => at(id)?.chunks?.slice(from, from + CHUNKS_PAGE)),
    content: (id) => state.atomically(() => at(id)?.content),
    contentSize: (id) => state.atomically(() => at(id)?.content?.length),
    rename: (owner, from, to) =>
      state.atomically(() => {
        const renamed = rename(state, owner, from, to);
        if (renamed.outcome === "renamed") {
          queueHook(state, owner, "renamed", (by) => renamedEvent(by, from, to, renamed));
        }
        return renamed;
      }),
    remove: (owner, name, options) =>
      state.atomically(() => {
        const { recursive = false, forever = false, keepHistory = false, now } = options;
        const isConcerned = (row: FileRow) =>
          nameKey(row.file.name) === nameKey(name) || recursive && isBelow(row, name);
        if (
          !recursive && state.filesOf(owner).some((row) => row.file.current && isBelow(row, name))
        ) {
          return { outcome: "not-empty", ...NOTHING };
        }
        const rows = state.filesOf(owner)
          .filter((row) => isConcerned(row) && (forever || row.file.current));
        if (rows.length === 0) return { outcome: "missing", ...NOTHING };
        const changed = {
          entries: new Set(rows.map(({ file }) => nameKey(file.name))).size,
          bytes: rows.reduce((bytes, { file }) => bytes + file.size, 0),
        };
        queueHook(state, owner, "removed", (by) => removedEvent(by, name, changed, options));
        return {
          outcome: "removed",
          ...changed,
          garbage: forever
            ? state.dropFiles(rows)
            : rows.flatMap((row) => state.end(row, keepHistory, now)),
          isMore: false,
        };
      }),
    restore: (owner, name, options) =>
      state.atomically(() => {
        const restored = restoreIn(state, owner, name, options);
        if (restored !== undefined && restored.entries > 0) {
          const event = (by: Account) => restoredEvent(by, name, restored, options.now);
          queueHook(state, owner, "restored", event);
        }
        return restored;
      }),
    trimHistory: (owner, quota) => state.atomically(() => state.trim(owner, quota)),
    expireHistory: (before, limit) =>
      state.atomically(() =>
        state.drop(
          state.files.filter(({ file }) => (file.endedAt ?? before) < before)
            .toSorted(oldestFirst).slice(0, limit),
        )
      ),
    dropOldestHistory: (bytes, limit) =>
      state.atomically(() => {
        const all = state.files
          .filter(({ file }) => !file.current && file.content.kind === "blob")
          .toSorted(oldestFirst).slice(0, limit);
        const before = (index: number) => usageOf(all.slice(0, index).map(({ file }) => file));
        return state.drop(all.filter((_, index) => before(index).bytes < bytes));
      }),
    totalHistory: () =>
      state.atomically(() =>
        usageOf(state.files.map(({ file }) => file).filter(({ current }) => !current))
      ),
    forget: (id) =>
      state.atomically(() => {
        state.files = state.files.filter(({ file }) => file.content.id !== id);
      }),
    setDigests: (id, tree, chunks) =>
      state.atomically(() => {
        const row = at(id);
        if (row === undefined || row.file.tree !== undefined) return;
        state.replace(row, { file: { ...row.file, tree }, chunks });
      }),
    unconfirmed: (after, limit) =>
      state.atomically(() => {
        const begin = 1 + state.files.findIndex(({ file }) => file.content.id === after);
        return state.files.slice(begin).map(({ file }) => file)
          .filter(({ tree, confirmedAt, damage }) =>
            tree !== undefined && confirmedAt === undefined && damage === undefined
          ).slice(0, limit);
      }),
    confirm: (id, confirmedAt) =>
      state.atomically(() => {
        const row = at(id);
        if (row !== undefined) state.replace(row, { file: { ...row.file, confirmedAt } });
      }),
    setDamage: (id, damage) =>
      state.atomically(() => {
        const row = at(id);
        if (row === undefined || row.file.damage === damage) return false;
        const { damage: _, ...sound } = row.file;
        state.replace(row, { file: damage === undefined ? sound : { ...sound, damage } });
        return true;
      }),
    usage: (owner, beside) =>
      state.atomically(() => {
        if (beside === undefined) return { ...state.usage(owner), replaced: NO_USAGE };
        const { bytes, files, history } = state.usage(owner, [beside.name, ...beside.open]);
        const current = state.current(owner, beside.name);
        const replaced = current === undefined ? NO_USAGE : { bytes: current.file.size, files: 1 };
        return { bytes: bytes - replaced.bytes, files: files - replaced.files, history, replaced };
      }),
  };
}

const NO_USAGE = { bytes: 0, files: 0 };
const NOTHING = { entries: 0, bytes: 0, garbage: [], isMore: false };

function setMetadata(
  state: State,
  row: FileRow,
  mode: number | undefined,
  mtime: bigint,
): void {
  const { mode: _, tree, ...file } = row.file;
  state.replace(row, {
    file: {
      ...file,
      ...mode === undefined ? {} : { mode },
      ...tree && { tree: { ...tree, mtime } },
    },
  });
}

function rename(state: State, owner: Bytes, from: string, to: string): RenameResult {
  const [oldKey, newKey] = [nameKey(from), nameKey(to)];
  const current = state.current(owner, from);
  const all = state.filesOf(owner);
  const hasBelow = (name: string) => all.some((row) => row.file.current && isBelow(row, name));
  const isFolder = current === undefined ? hasBelow(from) : current.file.kind === "folder";
  if (current === undefined && !isFolder) return { outcome: "missing", entries: 0, bytes: 0 };
  const isSame = oldKey === newKey && from !== to;
  if (!isSame && (state.current(owner, to) !== undefined || isFolder && hasBelow(to))) {
    return { outcome: "taken", entries: 0, bytes: 0 };
  }
  if (isFolder && newKey.startsWith(`${oldKey}/`)) throw new CatalogRefusal("below-itself");
  const rows = all.filter((row) =>
    nameKey(row.file.name) === oldKey || isFolder && isBelow(row, from)
  );
  const depth = oldKey.split("/").length;
  const nameOf = ({ file }: FileRow) => [to, ...file.name.split("/").slice(depth)].join("/");
  const utf8 = new TextEncoder();
  const isTooLong = isFolder &&
    rows.some((row) =>
      utf8.encode(nameOf(row)).length > MAX_NAME || nameOf(row).split("/").length > MAX_PARTS
    );
  if (isTooLong) throw new CatalogRefusal("name-too-long");
  const newest = (name: string) =>
    Math.max(
      0,
      ...all.filter(({ file }) => nameKey(file.name) === nameKey(name))
        .map(({ file }) => file.version),
    );
  for (const row of rows) {
    const name = nameOf(row);
    const version = row.file.version + (isSame ? 0 : newest(name));
    state.replace(row, { file: { ...row.file, name, version } });
  }
  state.refuseConflict(owner, to, current?.file.kind ?? "folder");
  const moved = rows.filter(({ file }) => file.current);
  return {
    outcome: "renamed",
    entries: moved.length,
    bytes: moved.reduce((bytes, { file }) => bytes + file.size, 0),
  };
}

/** Whether the current version has the same content, or is a folder like the new one. */
function isSame(
  { file: current, content }: FileRow,
  { kind = "file", size, crc, tree }: CommittedFile,
): boolean {
  if (current.kind !== kind) return false;
  if (kind === "folder") return true;
  const hasSums = current.damage === undefined && current.size === size && current.crc === crc &&
    current.tree !== undefined && tree !== undefined &&
    equalBytes(current.tree.digest, tree.digest);
  return hasSums && (current.content.kind === "blob" || content?.length === size);
}

/** Whether a version is damaged and had the content of a new one. */
function isMendedBy({ file }: FileRow, { size, crc, tree }: StoredFile): boolean {
  const isSame = file.tree === undefined || tree === undefined ||
    equalBytes(file.tree.digest, tree.digest);
  return file.damage !== undefined && file.size === size && file.crc === crc && isSame;
}
