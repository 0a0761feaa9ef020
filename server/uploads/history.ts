/**
 * History: replaced and removed versions, which are kept for a time while nothing else needs their room.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { MAX_DROPPED } from "../catalog/bounds.ts";
import type { DroppedHistory } from "../catalog/files.ts";
import type { Usage } from "../catalog/accounts.ts";
import type { Log } from "../limits/server_log.ts";
import type { OldHistory } from "./staging_area.ts";
import type { Limits } from "../limits/limits.ts";
import type { GarbageCollector } from "./garbage_collector.ts";
import { quotaOfAll } from "./quota_reservations.ts";

/** The parts of a server that the functions here need. */
export interface HistoryContext {
  readonly store: { readonly catalog: { readonly files: Pick<Catalog["files"], HistoryMethod> } };
  readonly limits: Limits;
  readonly garbage: Pick<GarbageCollector, "collect" | "isClosed">;
  readonly log: Log;
}

type HistoryMethod = "trimHistory" | "expireHistory" | "dropOldestHistory" | "totalHistory";

/** Whether replaced and removed versions become history. */
export function keepsHistory({ historyMs }: Limits): boolean {
  return historyMs > 0;
}

/** Drops the oldest history of an account while it is over its bounds, in pages. */
export async function trimHistory(context: HistoryContext, accountId: Bytes): Promise<void> {
  const { store: { catalog }, limits } = context;
  await inPages(context, () => catalog.files.trimHistory(accountId, quotaOfAll(limits)));
}

/** Drops history that is older than the operator's setting, in pages. */
export async function expireHistory(context: HistoryContext, now: number): Promise<void> {
  const { store: { catalog }, limits: { historyMs }, log } = context;
  // Without history, even a version that has just ended is too old.
  const before = historyMs === 0 ? Infinity : now - historyMs;
  const dropped = await inPages(
    context,
    () => catalog.files.expireHistory(before, MAX_DROPPED),
  );
  if (dropped.files === 0) return;
  log.info("Deleted {files} old versions from history ({bytes} bytes): they had expired", {
    event: "history.expired",
    ...dropped,
  });
}

/** The history of all accounts, to make room on the disk. */
export function historyToDrop(context: HistoryContext): OldHistory {
  const { store: { catalog: { files } }, garbage, log } = context;
  return {
    async bytes() {
      return (await files.totalHistory()).bytes;
    },
    async dropOldest(bytes) {
      const { garbage: ids, ...dropped } = await files.dropOldestHistory(bytes, MAX_DROPPED);
      await garbage.collect(ids);
      if (dropped.files === 0) return false;
      log.info("Deleted {files} old versions from history ({bytes} bytes): the disk is full", {
        event: "history.dropped",
        ...dropped,
      });
      return true;
    },
  };
}

async function inPages(
  { garbage }: HistoryContext,
  drop: () => Promise<DroppedHistory>,
): Promise<Usage> {
  let [files, bytes] = [0, 0];
  for (let count = MAX_DROPPED; count === MAX_DROPPED && !garbage.isClosed;) {
    const dropped = await drop();
    await garbage.collect(dropped.garbage);
    count = dropped.files;
    files += count;
    bytes += dropped.bytes;
  }
  return { files, bytes };
}
