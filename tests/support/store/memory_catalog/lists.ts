import { toHex } from "../../../../protocol/bytes.ts";
import type { Files, ImplicitFolder, StoredFile } from "../../../../server/catalog/files.ts";
import { nameKey } from "../../../../server/catalog/name_key.ts";
import { compareText, newestFirst, type State } from "./state.ts";

/** The lists of files. Pages end only where the limit ends them. */
export function listsOf(
  state: State,
): Pick<Files, "list" | "listLevel" | "listRemoved" | "versions" | "listAll" | "scan" | "damaged"> {
  const isAfter = (name: string, after: string) => compareText(nameKey(name), nameKey(after)) > 0;
  const currentBelow = (owner: StoredFile["accountId"], prefix: string) =>
    state.filesOf(owner).map(({ file }) => file)
      .filter(({ name, current }) => current && nameKey(name).startsWith(nameKey(prefix)))
      .toSorted(byName);

  return {
    list: (owner, { prefix = "", after = "", limit }) =>
      state.atomically(() =>
        currentBelow(owner, prefix).filter(({ name }) => isAfter(name, after)).slice(0, limit)
      ),
    listLevel: (owner, { prefix = "", after = "", limit }) =>
      state.atomically(() => {
        const found = new Map<string, StoredFile | ImplicitFolder>();
        for (const file of currentBelow(owner, prefix)) {
          const key = nameKey(file.name);
          const end = key.indexOf("/", nameKey(prefix).length);
          if (end < 0) found.set(key, file);
          else if (!found.has(key.slice(0, end))) {
            const depth = key.slice(0, end).split("/").length;
            const name = file.name.split("/").slice(0, depth).join("/");
            found.set(key.slice(0, end), { name, version: 0 });
          }
        }
        // A folder without a row is found after everything that comes before the first name below it.
        const all = [...found].map(([key, file]) => ({
          key: file.version === 0 ? `${key}/` : key,
          file,
        })).toSorted((a, b) => compareText(a.key, b.key));
        const page = all.filter(({ key }) => compareText(key, after) > 0).slice(0, limit);
        return {
          files: page.map(({ file }) => file),
          next: page.length < limit ? undefined : page.at(-1)?.key,
        };
      }),
    listRemoved: (owner, { prefix = "", after = "", limit }) =>
      state.atomically(() => {
        const newest = new Map<string, StoredFile>();
        for (const { file } of state.filesOf(owner).toSorted(newestFirst)) {
          const key = nameKey(file.name);
          if (!newest.has(key)) newest.set(key, file);
        }
        const files = [...newest.values()].toSorted(byName).filter(({ name, current }) =>
          !current && nameKey(name).startsWith(nameKey(prefix)) && isAfter(name, after)
        ).slice(0, limit);
        return { files, next: files.length < limit ? undefined : files.at(-1)?.name };
      }),
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
    damaged: (limit) =>
      state.atomically(() => {
        const all = state.files.map(({ file }) => file).filter(({ damage }) =>
          damage !== undefined
        );
        const owner = ({ accountId }: StoredFile) => toHex(accountId);
        const files = all.toSorted((a, b) => compareText(owner(a), owner(b)) || byName(a, b));
        return { count: all.length, files: files.slice(0, limit) };
      }),
    scan: (after, limit) =>
      state.atomically(() =>
        state.files.map(({ file }) => file)
          .filter(({ content: { id } }) => after === undefined || compareText(id, after) > 0)
          .toSorted((a, b) => compareText(a.content.id, b.content.id)).slice(0, limit)
      ),
  };
}

function byName(a: Pick<StoredFile, "name">, b: Pick<StoredFile, "name">): number {
  return compareText(nameKey(a.name), nameKey(b.name));
}

function byNameAndVersion(
  a: Pick<StoredFile, "name" | "version">,
  b: Pick<StoredFile, "name" | "version">,
): number {
  return byName(a, b) || (a.version ?? 0) - (b.version ?? 0);
}
