/**
 * Lists what a name or a pattern stands for on the server.
 *
 * @module
 */
import { comparedForm } from "../../protocol/v4/path_name.ts";
import { RefusedError } from "../../protocol/errors.ts";
import type { ListScope } from "../../protocol/entry.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { foldersAbove, implicitFolder, ImplicitFolders } from "./implicit_folders.ts";
import { NamePattern } from "./name_pattern.ts";
import type { DamagedFile, RemoteFile } from "./remote_file.ts";

type ListingServer = Pick<ConnectionPool, "list" | "use">;

export interface ListHandlers {
  readonly take: (entry: RemoteFile) => void;
  readonly takeDamaged: (file: DamagedFile) => void;
}

export interface ListSelection {
  /** Whether to list everything in folders; otherwise one level. */
  readonly isRecursive?: boolean | undefined;
  /** Whether to list names that were removed and have history, at any depth. */
  readonly isRemoved?: boolean | undefined;
}

/**
 * Lists, by name, a file or link, the content of a folder, or the entries that match a pattern. An existing name is not
 * taken for a pattern. `text`: empty for the whole account. Throws `RefusedError` `no-such-file` for a name that does
 * not exist, and as `ConnectionPool.list` does.
 */
export async function listEntries(
  server: ListingServer,
  text: string,
  choice: ListSelection,
  handlers: ListHandlers,
): Promise<void> {
  const { isRecursive = false, isRemoved = false } = choice;
  const name = text.replace(/\/+$/, "");
  const pattern = NamePattern.parse(text);
  if (pattern !== undefined && !await isName(server, name, isRemoved)) {
    return await listMatching(server, pattern, choice, handlers);
  }
  if (isRemoved) return await listRemoved(server, name, handlers);
  const found = name === "" ? undefined : await findEntry(server, name);
  if (isDamaged(found)) throw found;
  if (found !== undefined && !(found instanceof RefusedError) && found.entry !== "folder") {
    return handlers.take(found);
  }
  let isEmpty = true;
  const counting = <T>(take: (entry: T) => void) => (entry: T) => {
    isEmpty = false;
    take(entry);
  };
  await server.list(name === "" ? "" : `${name}/`, counting(handlers.take), {
    scope: isRecursive ? "below" : "level",
    takeDamaged: counting(handlers.takeDamaged),
  });
  if (isEmpty && found instanceof RefusedError) throw found;
}

/** Lists the removed names that are `name`, or below it. */
async function listRemoved(
  server: ListingServer,
  name: string,
  { take, takeDamaged }: ListHandlers,
): Promise<void> {
  const below = comparedForm(`${name}/`);
  const isMeant = (entry: DamagedFile) =>
    name === "" || comparedForm(`${entry.name}/`).startsWith(below);
  await server.list(name, (entry) => isMeant(entry) && take(entry), {
    scope: "removed",
    takeDamaged: (file) => isMeant(file) && takeDamaged(file),
  });
}

/** An entry; a damaged one is a file. */
type ListedName = DamagedFile & Partial<Pick<RemoteFile, "entry">>;

/** Lists the entries that match a pattern; if `isRecursive`, everything in matching folders too. */
export async function listMatching(
  server: Pick<ConnectionPool, "list">,
  pattern: NamePattern,
  { isRecursive = false, isRemoved = false }: ListSelection,
  { take, takeDamaged }: ListHandlers,
): Promise<void> {
  const isOneLevel = pattern.isOneLevel && !isRecursive;
  const scope: ListScope = isRemoved ? "removed" : isOneLevel ? "level" : "below";
  const implicit = new ImplicitFolders();
  const isMeant = (name: string, isFolder: boolean) =>
    pattern.matches(name, isFolder) ||
    (isRecursive && foldersAbove(name).some((at) => pattern.matches(at, true)));
  const taking = <T extends ListedName>(takeOne: (entry: T) => void) => (entry: T) => {
    // A list of one level contains them.
    const folders = scope === "level" ? [] : implicit.above(entry.name);
    for (const folder of folders) if (isMeant(folder, true)) take(implicitFolder(folder));
    if (isMeant(entry.name, entry.entry === "folder")) takeOne(entry);
  };
  const { prefix } = pattern;
  await server.list(
    scope === "level" ? prefix.slice(0, prefix.lastIndexOf("/") + 1) : prefix,
    taking(take),
    { scope, takeDamaged: taking(takeDamaged) },
  );
}

/** Whether an entry or a folder has a name; if `isRemoved`, whether one with history had. */
export async function isName(
  server: ListingServer,
  name: string,
  isRemoved = false,
): Promise<boolean> {
  let isFound = false;
  const find = () => void (isFound = true);
  const handlers = { take: find, takeDamaged: find };
  if (isRemoved) {
    await listRemoved(server, name, handlers);
    return isFound;
  }
  const found = await findEntry(server, name);
  if (!(found instanceof RefusedError) || isDamaged(found)) return true;
  await server.list(`${name}/`, find, { scope: "level", takeDamaged: find });
  return isFound;
}

/** The entry of a name, or why the server refuses to describe it. */
async function findEntry(server: ListingServer, name: string): Promise<RemoteFile | RefusedError> {
  try {
    return await server.use(0, (client) => client.stat(name));
  } catch (error) {
    if (error instanceof RefusedError) return error;
    throw error;
  }
}

/** Whether a request failed because the file is damaged. Such a file exists. */
function isDamaged(found: unknown): found is RefusedError {
  return found instanceof RefusedError && found.code === "damaged";
}
