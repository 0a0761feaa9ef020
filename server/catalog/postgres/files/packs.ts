/**
 * Files in packs: commits and updates of many files in one transaction.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import { PackReader } from "../../../../protocol/v4/pack.ts";
import { UpdateReader } from "../../../../protocol/v4/update.ts";
import type { BlobId, UploadId } from "../../../blobs/blob_store.ts";
import type { NewContent } from "../../files.ts";
import { type HookEvent, storedEvent } from "../../hook_events.ts";
import { newInlineIds } from "../../inline_ids.ts";
import { nameKey } from "../../name_key.ts";
import {
  type PackOptions,
  PackOutcomes,
  type PackResult,
  type UpdateOptions,
} from "../../packs.ts";
import { isUnlimited, quotaOf, Room } from "../../quotas.ts";
import type { Transaction } from "../database.ts";
import { queueHooks } from "../operations/hooks.ts";
import { FileChanges, writeChanges } from "./file_changes.ts";
import { missingOwner, ownerRefusal } from "./commit.ts";
import { trimAfter } from "./history.ts";
import { lockAndLookUp, lockOwner, lookUpVersions } from "./known_files.ts";
import { FilePlacement, type FileToPlace } from "./file_placement.ts";

const NO_CHUNKS: Bytes = new Uint8Array(0);
const NOT_TRIMMED = { garbage: [], hasSurplus: false };

/** A record that is accepted. */
interface PackedEntry extends FileToPlace {
  readonly index: number;
}

/** Commits the records of a pack. */
export async function commitPack(
  transaction: Transaction,
  owner: Bytes,
  pack: Bytes,
  options: PackOptions,
): Promise<PackResult> {
  const { accepted, reserved, storedAt, keepHistory = false } = options;
  const entries = entriesOf(owner, pack, options);
  const names = [...new Set(entries.map(({ key }) => key))];
  const [known] = await lockAndLookUp(transaction, [{ owner, names }]);
  if (known === undefined) throw missingOwner();
  const outcomes = new PackOutcomes(accepted.length);
  const quota = quotaOf(options.quota, known.account.quota);
  const room = isUnlimited(quota) ? undefined : new Room(known.used, reserved, quota);
  const placement = new FilePlacement(known);
  const garbage: (BlobId | UploadId)[] = [];
  const events: HookEvent[] = [];
  const isWatched = transaction.hooks.has("stored");
  for (const entry of entries) {
    const { index, file, key } = entry;
    const same = placement.findSame(entry);
    const refusal = ownerRefusal(known.account) ?? placement.refusalOf(entry) ??
      placement.refusalToReplace(entry, same) ??
      (same === undefined ? room?.take(file.size, placement.current(key)?.size) : undefined);
    if (refusal !== undefined) {
      outcomes.set(index, refusal);
      // The blob of a refused record is garbage.
      if (file.content.kind === "blob") {
        garbage.push(...placement.changes.makeGarbage([file.content.id]));
      }
      continue;
    }
    if (same === undefined) {
      const { version, replaced, ...placed } = placement.place(entry, keepHistory);
      garbage.push(...placed.garbage);
      outcomes.set(index, "stored", version, replaced?.version, replaced?.byOther);
      if (isWatched) events.push(storedEvent(known.account, file, version));
    } else {
      garbage.push(...placement.keep(entry, same));
      outcomes.set(index, "kept", same.version);
    }
    // An older partial upload of a name can no longer be resumed.
    const partial = placement.partialOf(file.name);
    if (partial !== undefined) {
      placement.endPartial(partial);
      garbage.push(...placement.changes.makeGarbage([partial]));
    }
  }
  await writeChanges(transaction, [{ owner, changes: placement.changes, seenAt: storedAt }]);
  await queueHooks(transaction, "stored", () => events);
  const trimmed = placement.mayTrim
    ? await trimAfter(transaction, owner, placement, quota)
    : NOT_TRIMMED;
  return {
    outcomes: outcomes.numbers,
    garbage: [...garbage, ...trimmed.garbage],
    hasSurplus: trimmed.hasSurplus,
  };
}

/** The accepted records. Their bytes are views of the pack. */
function entriesOf(owner: Bytes, pack: Bytes, options: PackOptions): PackedEntry[] {
  const { accepted, blobs, storedAt, storedBy } = options;
  const newId = newInlineIds();
  const entries: PackedEntry[] = [];
  for (const record = new PackReader(pack); record.next();) {
    const { index, name, entry: kind, mode, size, cksum: crc, digest, mtimeMs, mtimeNs } = record;
    if (accepted[index] !== 1) continue;
    const blob = blobs?.get(index);
    const content: NewContent = blob === undefined
      ? { kind: "inline", id: newId(), bytes: record.content }
      : { kind: "blob", id: blob };
    entries.push({
      index,
      key: nameKey(name),
      mtime: { ms: mtimeMs, ns: mtimeNs },
      // A small file is at most one chunk, whose digest is that of the file.
      chunks: size === 0 ? NO_CHUNKS : digest,
      file: {
        ...{ accountId: owner, name, kind, content, size, crc, storedAt, storedBy },
        ...{ verified: true, confirmedAt: storedAt, tree: { mtime: record.mtime, digest } },
        ...mode === undefined ? {} : { mode },
      },
    });
  }
  return entries;
}

/** Changes the metadata of current versions. */
export async function updatePack(
  transaction: Transaction,
  owner: Bytes,
  update: Bytes,
  { accepted }: UpdateOptions,
): Promise<PackResult> {
  const entries = updatesOf(update, accepted);
  const names = [...new Set(entries.map(({ key }) => key))];
  const [, [known]] = await Promise.all([
    lockOwner(transaction, owner),
    lookUpVersions(transaction, [{ owner, names }]),
  ]);
  const outcomes = new PackOutcomes(accepted.length);
  const changes = new FileChanges();
  for (const { index, key, version, mode, mtime } of entries) {
    const newest = known?.newest.get(key);
    if (newest === undefined || !newest.current) outcomes.set(index, "missing");
    else if (newest.version !== version) outcomes.set(index, "changed");
    else {
      changes.setMetadata(newest, mode, mtime);
      outcomes.set(index, "kept", version);
    }
  }
  await writeChanges(transaction, [{ owner, changes }]);
  return { outcomes: outcomes.numbers, garbage: [], hasSurplus: false };
}

function updatesOf(update: Bytes, accepted: Bytes) {
  const entries = [];
  for (const record = new UpdateReader(update); record.next();) {
    const { index, name, version, mode, mtimeMs, mtimeNs } = record;
    if (accepted[index] !== 1) continue;
    entries.push({
      ...{ index, key: nameKey(name), version, mode },
      mtime: { ms: mtimeMs, ns: mtimeNs },
    });
  }
  return entries;
}
