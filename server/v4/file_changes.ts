/**
 * Requests that change stored files: remove, rename, restore. Each returns its answer.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import type { Usage } from "../catalog/accounts.ts";
import { CatalogRefusal } from "../catalog/refusal.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import { keepsHistory, trimHistory } from "../uploads/history.ts";
import { quotaOfAll } from "../uploads/quota_reservations.ts";
import { noSuchFile, quoted } from "./descriptions.ts";
import { logFile, reportAccess, type RequestContext } from "./request_context.ts";
import { checkFileName, RequestError } from "./request_error.ts";

/** Removes an entry. Uploads in progress below it continue, and store their files under their names. */
export async function remove(
  session: RequestContext,
  { tag, name, ...request }: MessageOf<"remove">,
): Promise<Message> {
  const { context, owner } = session;
  const [recursive, forever] = [request.recursive !== 0, request.forever !== 0];
  const { outcome, entries, bytes, garbage, isMore } = await context.store.catalog.files.remove(
    owner.accountId,
    name,
    { recursive, forever, keepHistory: keepsHistory(context.limits), now: context.clock() },
  );
  if (outcome === "not-empty") {
    throw new RequestError("not-empty", `${quoted(name)} is a folder with entries`);
  }
  if (outcome === "missing") throw noSuchFile(name);
  context.quotaReservations.revoke(owner.accountId, name, { isTree: recursive });
  await context.garbage.collect(garbage);
  if (isMore) context.garbage.collectListed();
  // Everything together is as much as before, but history has a maximum of its own.
  if (recursive && !forever) await trimHistory(context, owner.accountId);
  const words = "Removed {file} for {user} from {address}";
  logFile(session, "file.removed", words, name, { entries, bytes, forever });
  reportAccess(session, { method: "remove", name, bytes: 0 });
  return { kind: "changed", tag, entries, bytes };
}

/** Renames an entry. Uploads in progress below it continue, and store their files under their old names. */
export async function rename(
  session: RequestContext,
  { tag, oldName, newName }: MessageOf<"rename">,
): Promise<Message> {
  checkFileName(newName);
  const { context, owner: { accountId } } = session;
  const { files } = context.store.catalog;
  const { outcome, entries, bytes } = await files.rename(accountId, oldName, newName);
  if (outcome === "missing") throw noSuchFile(oldName);
  if (outcome === "taken") {
    throw new RequestError("file-exists", `${quoted(newName)} already exists`);
  }
  context.quotaReservations.revoke(accountId, oldName, { isTree: true });
  context.quotaReservations.revoke(accountId, newName, { isStored: true, isTree: true });
  const words = "Renamed {oldName} to {file} for {user} from {address}";
  logFile(session, "file.renamed", words, newName, { oldName: printable(oldName), entries, bytes });
  reportAccess(session, { method: "rename", name: oldName, newName, bytes: 0 });
  return { kind: "changed", tag, entries, bytes };
}

/** Restores a version of a name, or a folder. */
export async function restore(
  session: RequestContext,
  { tag, name, version, since }: MessageOf<"restore">,
): Promise<Message> {
  const { context, owner: { accountId, key } } = session;
  const { limits } = context;
  const { files } = context.store.catalog;
  const restored = await files.restore(accountId, name, {
    ...(version === 0 ? {} : { version }),
    ...{ since, now: context.clock(), by: key },
    ...{ quota: quotaOfAll(limits), keepHistory: keepsHistory(limits) },
  }).catch(async (error) => {
    throw overQuota(error, await files.usage(accountId));
  });
  if (restored === undefined) throw noSuchFile(name, version);
  const { entries, bytes, garbage, hasSurplus } = restored;
  context.quotaReservations.revoke(accountId, name, { isStored: true, isTree: true });
  await context.garbage.collect(garbage);
  if (hasSurplus) await trimHistory(context, accountId);
  const words = "Restored {file} for {user} from {address}";
  logFile(session, "file.restored", words, name, { entries, bytes });
  reportAccess(session, { method: "restore", name, bytes: 0 });
  return { kind: "changed", tag, entries, bytes };
}

/** Explains with numbers that a quota leaves no room. Returns other errors as they are. */
function overQuota(error: unknown, used: Usage): unknown {
  if (!(error instanceof CatalogRefusal) || error.exceeded === undefined) return error;
  const { reason, exceeded: { total, quota } } = error;
  const what = reason === "quota-bytes" ? "bytes" : "files";
  return new RequestError(
    "over-limit",
    `restoring would exceed your quota of ${quota} ${what}: ${used[what]} are used, and ` +
      `${total - used[what]} are needed`,
  );
}
