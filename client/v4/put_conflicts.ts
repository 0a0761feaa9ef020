/**
 * Entries of the server that are in the way of uploads, so that it would refuse them.
 *
 * @module
 */
import { RefusedError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { HINTS } from "./errors.ts";
import { foldersAbove } from "./implicit_folders.ts";
import { RemoteCursor } from "./remote_cursor.ts";

/**
 * Lists what is in folders of the server, and returns the names of those with an entry that stays, as servers compare
 * names. `removed`: entries that the run removes before, as servers compare names. Throws as {@link ConnectionPool.list}
 * does.
 */
export async function findFullFolders(
  pool: ConnectionPool,
  folders: readonly string[],
  removed: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const full = new Set<string>();
  for (const folder of folders) {
    using remote = new RemoteCursor(pool, folder === "" ? "" : `${folder}/`);
    await remote.passAll(({ form }) => {
      if (!removed.has(form)) { for (const above of foldersAbove(form)) full.add(above); }
    });
  }
  return full;
}

/** Whether a folder that is not empty is in the way of a file or link. */
export function refuseOverFolder(
  { name, kind }: { readonly name: string; readonly kind: string },
  full: ReadonlySet<string>,
): RefusedError | undefined {
  if (kind === "folder" || !full.has(comparedForm(name))) return undefined;
  const why = `${printable(name)} is a folder with entries there`;
  return new RefusedError("bad-file-name", wouldRefuse(why), { hint: HINTS["bad-file-name"] });
}

/** Whether the server has the name in another form, such as `stored`. */
export function refuseOtherForm(name: string, stored?: string): RefusedError | undefined {
  if (stored === undefined || stored === name) return undefined;
  const why = `${printable(name)} is stored in another Unicode form`;
  return new RefusedError("other-form", wouldRefuse(why), { hint: HINTS["other-form"] });
}

function wouldRefuse(why: string): string {
  return `the server would refuse it: ${why}`;
}
