/**
 * What a server does at its start about what is kept.
 *
 * @module
 */
import { printable } from "../protocol/printable.ts";
import { toHex } from "../protocol/bytes.ts";
import type { Context } from "./context.ts";
import { audit, type Finding } from "./data_folder/audit.ts";
import type { FoundDamage } from "./data_folder/with_data_folder.ts";

/** Differences that are logged one by one; of further ones only the count is. */
const MAX_LOGGED_DIFFERENCES = 100;
/** Where a whole disk is missing, each of its files is recorded: one commit serves so many. */
const MAX_RECORDED_AT_ONCE = 100;

/**
 * Compares catalog and files, contents left out, logs where they differ, and records which files are damaged, or are not
 * any longer. The server is at work meanwhile.
 */
export async function logDifferences(context: Context, signal: AbortSignal): Promise<void> {
  const { store, log } = context;
  let [differences, sound] = [0, 0];
  const toRecord: FoundDamage[] = [];
  try {
    for await (const found of audit(store, { contents: false, signal })) {
      if (found.kind === "sound") {
        sound++;
        toRecord.push({ content: found.file.content });
      } else {
        if (found.kind !== "stray" && found.damage !== undefined) {
          toRecord.push({ content: found.file.content, damage: found.damage });
        }
        if (++differences <= MAX_LOGGED_DIFFERENCES) await logDifference(context, found);
      }
      if (toRecord.length >= MAX_RECORDED_AT_ONCE) await record(context, toRecord.splice(0));
    }
    await record(context, toRecord);
    if (sound > 0) {
      log.info("{count} files that were missing, or had another size, are as they were stored", {
        event: "store.mended",
        count: sound,
      });
    }
    if (differences === 0) return;
    log.error("Catalog and files differ {count} times: see xfer server verify", {
      event: "store.differs",
      count: differences,
    });
  } catch (error) {
    log.error("Could not compare catalog and files: {reason}", {
      event: "store.not-compared",
      reason: printable(String(error)),
    });
  }
}

/** Those that are recorded at once are committed together. */
async function record(
  { store: { catalog } }: Context,
  found: readonly FoundDamage[],
): Promise<void> {
  await Promise.all(
    found.map(({ content: { id }, damage }) => catalog.files.setDamage(id, damage)),
  );
}

async function logDifference({ store, log }: Context, finding: Finding): Promise<void> {
  const { kind } = finding;
  const event = `store.${kind}`;
  if (kind === "stray") {
    return log.error("Found {path} to be {kind}", { event, kind, path: printable(finding.path) });
  }
  const { name, content: { id: path }, accountId } = finding.file;
  const user = (await store.catalog.accounts.find({ id: accountId }))?.name ?? "";
  log.error("Found {file} of {user} to be {kind} ({path})", {
    ...{ event, kind, damage: finding.damage, user },
    ...{ file: printable(name), path: printable(path), client: toHex(accountId) },
  });
}

/** Removes what a server that was killed left behind. */
export async function removeLeftovers(
  context: Context,
  partialUploads: { sweep(): Promise<number> },
): Promise<void> {
  const listed = await context.garbage.collectAll();
  const staged = await partialUploads.sweep();
  if (listed + staged > 0) {
    context.log.warn("Removed what was left of {count} uploads that never were confirmed", {
      event: "store.swept",
      count: listed + staged,
    });
  }
}
