/**
 * Lists of everything below a prefix, which the catalog encodes.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { release } from "../../protocol/memory.ts";
import { EntriesReader, EntriesWriter } from "../../protocol/v4/entries.ts";
import type { Damage, StoredFile } from "../catalog/files.ts";
import type { EncodedEntries } from "../catalog/packs.ts";
import { recordDamage, visibleDamage } from "../check/damage.ts";
import { describeAll } from "./descriptions.ts";
import type { RequestContext } from "./request_context.ts";

/** The size of a page in bytes, about 2,000 entries. */
const PAGE_BYTES = 256 * 1024;
/** The size of a message in bytes. A client whose network fails within one must ask for all of its entries again. */
const MESSAGE_BYTES = 8 * 1024;
/** The most blobs that are checked at a time. */
const AT_ONCE = 64;

/** Sends the current entries whose names begin with a prefix, by name, without `done`. */
export async function sendBelow(
  session: RequestContext,
  tag: number,
  prefix: string,
): Promise<void> {
  const { context: { store: { catalog } }, owner: { accountId }, answers } = session;
  const look = (after: string) => {
    const sizes = { bytes: PAGE_BYTES, part: MESSAGE_BYTES };
    const page = catalog.files.listEncoded(accountId, { prefix, after, ...sizes });
    // It is awaited later, unless the answers before it cannot be sent.
    page.catch(() => undefined);
    return page;
  };
  for (let coming: Promise<EncodedEntries> | undefined = look(""); coming !== undefined;) {
    const page: EncodedEntries = await coming;
    // The catalog looks up the next page while this one is sent.
    coming = page.next === undefined ? undefined : look(page.next);
    const damaged = await findDamaged(session, page.unchecked);
    for (const part of damaged.size > 0 ? [without(page.entries, damaged)] : partsOf(page)) {
      await answers.sendRecords("entries", tag, part);
    }
    release(page.entries);
    if (page.others.length > 0) await describeAll(session, tag, page.others, () => 0);
  }
}

/** The indexes of entries whose blobs are missing or have another size. Records that. */
async function findDamaged(
  { context }: RequestContext,
  unchecked: EncodedEntries["unchecked"],
): Promise<ReadonlySet<number>> {
  const damaged = new Set<number>();
  const check = async ({ index, file }: { readonly index: number; readonly file: StoredFile }) => {
    const damage: Damage | undefined = await visibleDamage(context.store, file);
    // The file may have been replaced since it was looked up.
    const isThere = damage === undefined ||
      await context.store.catalog.blobs.owner(file.content.id) !== "file";
    if (damage === undefined || isThere) return;
    await recordDamage(context, file, damage);
    damaged.add(index);
  };
  for (let at = 0; at < unchecked.length; at += AT_ONCE) {
    await Promise.all(unchecked.slice(at, at + AT_ONCE).map(check));
  }
  return damaged;
}

function partsOf({ entries, ends }: EncodedEntries): Bytes[] {
  return ends.map((end, i) => entries.subarray(ends[i - 1] ?? 0, end));
}

/** Entries with some of them marked as damaged. */
function without(entries: Bytes, damaged: ReadonlySet<number>): Bytes {
  const writer = new EntriesWriter(entries.length);
  for (const reader = new EntriesReader(entries); reader.next();) {
    if (reader.isDamaged || damaged.has(reader.index)) {
      writer.addDamaged(reader.name, reader.version);
    } else writer.add(reader.file);
  }
  return writer.payload;
}
