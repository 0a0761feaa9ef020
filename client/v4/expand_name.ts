/**
 * The names on the server that a pattern stands for.
 *
 * @module
 */
import { comparedForm } from "../../protocol/v4/path_name.ts";
import { withoutEndSlashes } from "../../protocol/file_name.ts";
import { RefusedError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { foldersAbove } from "./implicit_folders.ts";
import { isName, listMatching } from "./list_entries.ts";
import { NamePattern } from "./name_pattern.ts";
import { Bound, type RemoteFile } from "./remote_file.ts";
import { MAX_FILES, MAX_NAMES } from "./remote_folder.ts";

/** The entries that a pattern can stand for. */
export interface ExpandOptions {
  /** Whether it stands for folders, too, each with everything in it. */
  readonly withFolders?: boolean | undefined;
  /** Whether it stands for names that were removed and have history. */
  readonly isRemoved?: boolean | undefined;
}

/** A name that an argument stands for; with its kind and size if a pattern found it. */
export type ExpandedName = Pick<RemoteFile, "name"> & Partial<Pick<RemoteFile, "entry" | "size">>;

/**
 * Returns the names that match if `text` is a pattern, otherwise `text` without a slash at its end. An existing name is
 * not taken for a pattern. Of a folder and what is in it, returns the folder. Throws `RefusedError` `no-such-file` if
 * nothing matches; `ProtocolError` `too-many-files`.
 */
export async function expandName(
  server: Pick<ConnectionPool, "list" | "use">,
  text: string,
  { withFolders = false, isRemoved = false }: ExpandOptions = {},
): Promise<ExpandedName[]> {
  const pattern = NamePattern.parse(text);
  const name = withoutEndSlashes(text);
  if (pattern === undefined || await isName(server, name, isRemoved)) return [{ name }];
  const names = new Map<string, ExpandedName>();
  const folders = new Set<string>();
  const count = new Bound(MAX_FILES, "names that match");
  const characters = new Bound(MAX_NAMES, "characters in names that match");
  const take = ({ name, entry = "file", size = 0 }: ExpandedName) => {
    const key = comparedForm(name);
    if (entry === "folder" && !withFolders) return;
    if (foldersAbove(key).some((folder) => folders.has(folder))) return;
    if (entry === "folder") folders.add(key);
    count.add();
    characters.add(name.length);
    names.set(name, { name, entry, size });
  };
  await listMatching(server, pattern, { isRemoved }, { take, takeDamaged: take });
  if (names.size > 0) return [...names.values()];
  throw new RefusedError("no-such-file", `no names match ${printable(text)}`, {
    hint: "To see your files, run 'xfer client list --recursive'.",
  });
}
