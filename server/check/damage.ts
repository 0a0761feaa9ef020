/**
 * Damage that is found in stored files. The catalog records it, so that clients no longer skip the file as unchanged,
 * and the log names the file and its user.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { reasonWithPathOf } from "../../protocol/errors.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Damage, StoredFile } from "../catalog/files.ts";
import type { Store } from "../data_folder/data_folder.ts";
import type { Log } from "../limits/server_log.ts";

const WORDS: Readonly<Record<Damage, string>> = {
  missing: "its blob is missing",
  size: "its blob has another size",
  content: "its content has changed",
};

/**
 * The damage of a file that shows without reading its content: known damage, a missing blob, or another size. For
 * inline content, the catalog's row is enough.
 */
export async function visibleDamage(
  { blobs }: Pick<Store, "blobs">,
  { content: { kind, id }, size, damage }: StoredFile,
): Promise<Damage | undefined> {
  if (damage !== undefined || kind === "inline") return damage;
  const found = await blobs.stat(id);
  if (found === undefined) return "missing";
  return found.size === size ? undefined : "size";
}

/** Records and logs the damage of a file, unless the catalog already has it. Returns whether the catalog has it now. */
export async function recordDamage(
  { store: { catalog }, log }: { readonly store: { readonly catalog: Catalog }; readonly log: Log },
  file: StoredFile,
  damage: Damage,
): Promise<boolean> {
  if (file.damage === damage) return true;
  const { name, content: { id: path }, accountId } = file;
  const about = { file: printable(name), path: printable(path), client: toHex(accountId) };
  try {
    const isNew = await catalog.files.setDamage(path, damage);
    if (!isNew) return true;
    const user = (await catalog.accounts.find({ id: accountId }))?.name ?? "";
    const fix = "upload the file again, or run 'xfer server verify --repair'";
    log.error(`Found {file} of {user} damaged: {what} ({path}); ${fix}`, {
      event: "file.damaged",
      ...{ ...about, user, damage, what: WORDS[damage] },
    });
    return true;
  } catch (error) {
    log.error("Could not mark {file} of account {client} as damaged: {reason}", {
      event: "file.damage-not-recorded",
      ...{ ...about, damage, reason: reasonWithPathOf(error) },
    });
    return false;
  }
}
