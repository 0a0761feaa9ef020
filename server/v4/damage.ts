/**
 * Damage that is found in stored files: the catalog records it, so that nobody is told that such a file is safe, and the
 * log names the file and its user.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { reasonWithPathOf } from "../../protocol/errors.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { V4Context } from "./context.ts";
import type { Damage, StoredFile } from "../catalog/files.ts";
import type { Store } from "../data_folder/data_folder.ts";

const WORDS: Readonly<Record<Damage, string>> = {
  missing: "its blob is missing",
  size: "its blob has another size",
  content: "its content has changed",
};

/**
 * The damage of a file that shows without reading the content: damage that was found before, or a blob that is missing or
 * has another size. For content that the catalog keeps, its row already says so.
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

/** Records the damage of a file that a client has asked for, and logs it, where the catalog does not have it yet. */
export async function recordDamage(
  { store: { catalog }, log }: Pick<V4Context, "store" | "log">,
  file: StoredFile,
  damage: Damage,
): Promise<void> {
  if (file.damage === damage) return;
  const { name, content: { id: path }, accountId } = file;
  const about = { file: printable(name), path: printable(path), client: toHex(accountId) };
  try {
    const isNew = await catalog.files.setDamage(path, damage);
    if (!isNew) return;
    const user = (await catalog.accounts.find({ id: accountId }))?.name ?? "";
    log.error("Damaged file {file} of {user}: {what} ({path}); see xfer server verify", {
      event: "file.damaged",
      ...{ ...about, user, damage, what: WORDS[damage] },
    });
  } catch (error) {
    log.error("Could not record that {file} of {client} is damaged: {reason}", {
      event: "file.damage-not-recorded",
      ...{ ...about, damage, reason: reasonWithPathOf(error) },
    });
  }
}
