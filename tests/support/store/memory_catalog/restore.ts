import type { Bytes } from "../../../../protocol/bytes.ts";
import type {
  RestoreVersionOptions,
  RestoreVersionResult,
} from "../../../../server/catalog/files.ts";
import { nameKey } from "../../../../server/catalog/name_key.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import { compareText, type FileRow, isBelow, newestFirst, type State, sum } from "./state.ts";

export function restoreIn(
  state: State,
  owner: Bytes,
  name: string,
  options: RestoreVersionOptions,
): RestoreVersionResult | undefined {
  const { version, quota, keepHistory = false, now, since = -Infinity, by } = options;
  const current = state.current(owner, name);
  if (version !== undefined && version === current?.file.version) {
    return { entries: 0, bytes: 0, garbage: [], hasSurplus: false };
  }
  const restored: FileRow[] = [];
  const garbage: RestoreVersionResult["garbage"][number][] = [];
  const makeCurrent = (row: FileRow, version: number) => {
    const { endedAt: _, storedBy: __, ...file } = row.file;
    state.replace(row, {
      file: { ...file, version, current: true, storedAt: now, ...by && { storedBy: by } },
    });
    restored.push(row);
  };
  if (version !== undefined || current !== undefined && current.file.kind !== "folder") {
    const row = state.filesOf(owner, name).toSorted(newestFirst)
      .find(({ file }) => !file.current && file.version === (version ?? file.version));
    if (row === undefined) return undefined;
    state.refuseConflict(owner, name, row.file.kind, current?.file.kind);
    const newest = Math.max(...state.filesOf(owner, name).map(({ file }) => file.version));
    if (current !== undefined) garbage.push(...state.end(current, keepHistory, now));
    makeCurrent(row, newest + 1);
  } else {
    const isFile = ({ file }: FileRow) => file.current && file.kind !== "folder";
    const isAbove = (one: FileRow, below: FileRow) => isBelow(below, one.file.name);
    if (current === undefined) {
      const above = state.filesOf(owner).some((row) =>
        isFile(row) && nameKey(name).startsWith(`${nameKey(row.file.name)}/`)
      );
      if (above) throw new CatalogRefusal("name-conflict");
    }
    const names = state.filesOf(owner)
      .filter((row) => nameKey(row.file.name) === nameKey(name) || isBelow(row, name))
      .map(({ file }) => nameKey(file.name));
    for (const key of [...new Set(names)].toSorted(compareText)) {
      const all = state.filesOf(owner);
      const row = state.filesOf(owner, key).toSorted(newestFirst)[0] as FileRow;
      const { endedAt = -Infinity } = row.file;
      if (row.file.current || endedAt < since) continue;
      const isExcluded = all.some((other) => isFile(other) && isAbove(other, row)) ||
        row.file.kind !== "folder" &&
          all.some((other) =>
            isAbove(row, other) && (other.file.current || (other.file.endedAt ?? 0) > endedAt)
          );
      if (!isExcluded) makeCurrent(row, row.file.version + 1);
    }
    if (restored.length === 0) return undefined;
  }
  const trimmed = state.makeRoom(owner, quota, false);
  return {
    entries: restored.length,
    bytes: sum(restored.map(({ file }) => file.size)),
    garbage: [...garbage, ...trimmed.garbage],
    hasSurplus: trimmed.hasSurplus,
  };
}
