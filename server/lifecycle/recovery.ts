/**
 * Work at the start of a server: compares catalog and files, and removes leftovers. Servers that share a catalog remove
 * leftovers of each other from time to time.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { Context } from "../context.ts";
import { audit, type Finding } from "../data_folder/audit.ts";
import type { FoundDamage } from "../data_folder/with_data_folder.ts";

/** The most differences that are logged one by one. The rest are only counted. */
const MAX_LOGGED_DIFFERENCES = 100;
/** The most findings recorded in one commit. If a whole disk is missing, every file is a finding. */
const MAX_RECORDED_AT_ONCE = 100;

/** Compares catalog and files in the background, once at a time. */
export class BackgroundComparison {
  readonly #context: Context;
  readonly #end = new AbortController();
  #running: Promise<void> | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Does nothing if it is running already, or the server is stopping. */
  start(): void {
    const { signal } = this.#end;
    if (signal.aborted) return;
    this.#running ??= logDifferences(this.#context, signal)
      .finally(() => this.#running = undefined);
  }

  /** Ends it. Resolves when it is not running. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }
}

/**
 * Compares the catalog with the files, without reading contents, while the server runs. Logs the differences, and
 * records damaged and repaired files.
 */
async function logDifferences(context: Context, signal: AbortSignal): Promise<void> {
  const { store, log } = context;
  let [differences, sound] = [0, 0];
  const toRecord: FoundDamage[] = [];
  try {
    for await (const found of audit(store, { contents: false, signal })) {
      if (found.kind === "sound" || found.kind === "confirmed") {
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
      log.info("Found {count} files intact that were marked as missing or of another size", {
        event: "store.mended",
        count: sound,
      });
    }
    if (differences === 0) return;
    log.error("Found {count} differences between catalog and files; run 'xfer server verify'", {
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

/** Records findings in one commit. */
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
    return log.error("Found {kind} file {path}", { event, kind, path: printable(finding.path) });
  }
  const { name, content: { id: path }, accountId } = finding.file;
  const user = (await store.catalog.accounts.find({ id: accountId }))?.name ?? "";
  log.error("Found {kind} file {file} of {user} ({path})", {
    ...{ event, kind, damage: finding.damage, user },
    ...{ file: printable(name), path: printable(path), client: toHex(accountId) },
  });
}

/** Removes the leftovers of servers that were killed. */
export async function removeLeftovers(
  context: Context,
  partialUploads: { sweep(): Promise<number> },
): Promise<void> {
  const listed = await context.garbage.collectAll();
  const staged = await partialUploads.sweep();
  if (listed + staged > 0) {
    context.log.warn("Removed leftover uploads: {count}", {
      event: "store.swept",
      count: listed + staged,
    });
  }
}
