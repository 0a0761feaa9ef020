/**
 * What a server does at its start about what is kept.
 *
 * @module
 */
import { printable } from "../protocol/mod.ts";
import type { Context } from "./context.ts";
import { audit } from "./store/audit.ts";
import { removeOrphan } from "./storing.ts";

/** Differences that are logged one by one; of further ones only the count is. */
const MAX_LOGGED_DIFFERENCES = 100;

/** Compares catalog and files, contents left out, and logs where they differ. The server is at work meanwhile. */
export async function logDifferences({ store, log }: Context, signal: AbortSignal): Promise<void> {
  let count = 0;
  try {
    for await (const finding of audit(store, { contents: false, signal })) {
      if (++count > MAX_LOGGED_DIFFERENCES) continue;
      const { kind } = finding;
      log.error("Found {path} to be {kind}", {
        event: `store.${kind}`,
        kind,
        path: printable(kind === "stray" ? finding.path : finding.file.path),
        ...(kind === "stray" ? {} : { file: printable(finding.file.name) }),
      });
    }
    if (count === 0) return;
    log.error("Catalog and files differ {count} times: see xfer server verify", {
      event: "store.differs",
      count,
    });
  } catch (error) {
    log.error("Could not compare catalog and files: {reason}", {
      event: "store.not-compared",
      reason: printable(String(error)),
    });
  }
}

/** Removes what a server that was killed left behind. */
export async function removeLeftovers(context: Context): Promise<void> {
  const staged = await context.held.sweep();
  const orphans = await context.store.catalog.listOrphans();
  for (const path of orphans) await removeOrphan(context, path);
  if (staged + orphans.length > 0) {
    context.log.warn("Removed what was left of {count} uploads that never were confirmed", {
      event: "store.swept",
      count: staged + orphans.length,
    });
  }
}
