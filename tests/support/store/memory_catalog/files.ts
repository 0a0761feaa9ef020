import type { BlobId } from "../../../../server/blobs/blob_store.ts";
import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import { CHUNKS_PAGE } from "../../../../server/catalog/bounds.ts";
import type { Files, NewFile, StoredFile } from "../../../../server/catalog/files.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import { compareText, type FileRow, isOfProtocol4, type State, sum } from "./state.ts";

export function filesOf(state: State): Files {
  const at = (id: BlobId) => state.files.find(({ file }) => file.content.id === id);
  const find = (owner: Bytes, name: string, version = 0) =>
    state.filesOf(owner, name)
      .find(({ file }) => version === 0 ? file.current : file.version === version);
  const change = (row: FileRow, changes: Partial<FileRow>) => {
    state.files = state.files.map((one) => one === row ? { ...row, ...changes } : one);
  };
  const rename = (row: FileRow, changes: Partial<StoredFile>) =>
    change(row, { file: { ...row.file, ...changes } as FileRow["file"] });
  /** Current files of one owner fit into one tree of folders. */
  const refuseConflict = (owner: Bytes, name: string) => {
    const conflicts = state.filesOf(owner).some(({ file }) =>
      file.current && (file.name.startsWith(`${name}/`) || name.startsWith(`${file.name}/`))
    );
    if (conflicts) throw new CatalogRefusal("name-conflict");
  };

  return {
    commit: (file, { quota, keep = 0, chunks, staged } = {}) =>
      state.atomically(() => {
        const { accountId, name, content: { kind, id: path }, tree, storedAt } = file;
        const content = file.content.kind === "inline" ? file.content.bytes : undefined;
        const owner = state.account(accountId);
        if (owner?.disabled) throw new CatalogRefusal("account-disabled");
        if (owner === undefined) throw new Error("Cannot store a file: its owner is not there");
        if (isOfProtocol4(owner) && tree === undefined) throw new CatalogRefusal("other-protocol");
        if (at(path) !== undefined) throw new Error("Cannot store a file: its blob is another's");
        const before = state.filesOf(accountId, name).toSorted(newestFirst);
        if (tree !== undefined && find(accountId, name) === undefined) {
          refuseConflict(accountId, name);
        }
        const mended = before.filter((row) => isMendedBy(row, file));
        const surplus = before.filter((row) => !mended.includes(row)).slice(keep);
        const garbage = state.dropFiles([...mended, ...surplus]);
        for (const row of state.filesOf(accountId, name)) rename(row, { current: false });
        const version = (before[0]?.file.version ?? 0) + 1;
        const known = { ...file, content: { kind, id: path }, version, current: true };
        const row = { file: known, chunks, content };
        state.files = [...state.files, row];
        state.uploads = state.uploads.filter((upload) => upload.id !== staged);
        state.garbage = state.garbage.filter((id) => id !== path);
        state.checkQuota(accountId, quota, owner.quota);
        state.change(accountId, { lastSeen: storedAt });
        return { version, garbage };
      }),
    find: (owner, name, { version, want = "row" } = {}) =>
      state.atomically(() => {
        const row = find(owner, name, version);
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
    list: (owner, { prefix = "", after = "", limit }) =>
      state.atomically(() =>
        state.filesOf(owner).map(({ file }) => file)
          .filter(({ name, current }) =>
            current && name.startsWith(prefix) && compareText(name, after) > 0
          )
          .toSorted((a, b) => compareText(a.name, b.name)).slice(0, limit)
      ),
    versions: (owner, name, { before = Infinity, limit }) =>
      state.atomically(() =>
        state.filesOf(owner, name).filter(({ file }) => file.version < before)
          .toSorted(newestFirst).slice(0, limit).map(({ file }) => file)
      ),
    listAll: (owner, { after, limit } = {}) =>
      state.atomically(() => {
        const all = state.filesOf(owner).map(({ file }) => file).toSorted(byNameAndVersion);
        const { name = "", version = 0 } = after ?? {};
        return all.filter((file) => byNameAndVersion(file, { name, version }) > 0).slice(0, limit);
      }),
    scan: (after, limit) =>
      state.atomically(() =>
        state.files.map(({ file }) => file)
          .filter(({ content: { id } }) => after === undefined || compareText(id, after) > 0)
          .toSorted((a, b) => compareText(a.content.id, b.content.id)).slice(0, limit)
      ),
    rename: (owner, from, to) =>
      state.atomically(() => {
        if (find(owner, from) === undefined) return "missing";
        if (state.filesOf(owner, to).length > 0) return "taken";
        for (const row of state.filesOf(owner, from)) rename(row, { name: to });
        refuseConflict(owner, to);
        return "renamed";
      }),
    remove: (owner, name) =>
      state.atomically(() => {
        const rows = state.filesOf(owner, name);
        return rows.length === 0 ? undefined : state.dropFiles(rows);
      }),
    forget: (id) =>
      state.atomically(() => {
        state.files = state.files.filter(({ file }) => file.content.id !== id);
      }),
    setDigests: (id, tree, chunks) =>
      state.atomically(() => {
        const row = at(id);
        if (row === undefined || row.file.tree !== undefined) return;
        change(row, { file: { ...row.file, tree }, chunks });
      }),
    setDamage: (id, damage) =>
      state.atomically(() => {
        const row = at(id);
        if (row === undefined || row.file.damage === damage) return false;
        const { damage: _, ...intact } = row.file;
        change(row, { file: damage === undefined ? intact : { ...intact, damage } });
        return true;
      }),
    usage: (owner, beside) =>
      state.atomically(() => {
        if (beside === undefined) return { ...state.usage(owner), replaced: NOTHING };
        const { bytes, files } = state.usage(owner, [beside.name, ...beside.open]);
        const replaced = {
          bytes: bytesReplaced(state, owner, beside),
          files: find(owner, beside.name) === undefined ? 0 : 1,
        };
        return { bytes: bytes - replaced.bytes, files: files - replaced.files, replaced };
      }),
  };
}

const NOTHING = { bytes: 0, files: 0 };

/** The versions that storing a file removes: damaged ones of its size, and of the others all but the newest `keep`. */
function bytesReplaced(state: State, owner: Bytes, { name, size, keep }: NewFile): number {
  const rows = state.filesOf(owner, name).toSorted(newestFirst);
  const isMended = ({ file }: FileRow) => file.damage !== undefined && file.size === size;
  const replaced = [
    ...rows.filter(isMended),
    ...rows.filter((row) => !isMended(row)).slice(keep),
  ];
  return sum(replaced.map(({ file }) => file.size));
}

/** Whether a version is damaged and had the content of a new one. */
function isMendedBy({ file }: FileRow, { size, crc, tree }: StoredFile): boolean {
  const isSame = file.tree === undefined || tree === undefined ||
    equalBytes(file.tree.digest, tree.digest);
  return file.damage !== undefined && file.size === size && file.crc === crc && isSame;
}

function newestFirst(a: FileRow, b: FileRow): number {
  return b.file.version - a.file.version;
}

function byNameAndVersion(
  a: Pick<StoredFile, "name" | "version">,
  b: Pick<StoredFile, "name" | "version">,
): number {
  return compareText(a.name, b.name) || (a.version ?? 0) - (b.version ?? 0);
}
