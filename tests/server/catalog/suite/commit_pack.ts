/** Packs for the suite of all catalogs. */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { EntryKind } from "../../../../protocol/entry.ts";
import { PackWriter } from "../../../../protocol/v4/pack.ts";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import type { PackOptions, PackResult } from "../../../../server/catalog/packs.ts";
import { alice, key } from "../../../support/store/catalog_suite.ts";

/** A record of a pack. */
export interface PackedEntry {
  readonly name: string;
  readonly content?: string;
  readonly entry?: EntryKind;
  readonly mode?: number;
  readonly mtime?: bigint;
}

export const utf8 = new TextEncoder();
export const [STORED_AT, MTIME] = [3000, 5_000_001n] as const;

export function packOf(entries: readonly PackedEntry[]): Bytes {
  const writer = new PackWriter();
  for (const { name, content = "", entry = "file", mode, mtime = MTIME } of entries) {
    const bytes = utf8.encode(content);
    writer.begin(name, bytes.length)?.set(bytes);
    writer.add({ entry, mode, mtime }, bytes.length);
  }
  return writer.payload.slice();
}

/** Commits a pack of Alice. */
export async function commitPack(
  catalog: Catalog,
  entries: readonly PackedEntry[],
  options: Partial<PackOptions> = {},
): Promise<PackResult> {
  return await catalog.files.commitPack(alice, packOf(entries), {
    ...{ accepted: new Uint8Array(entries.length).fill(1), storedAt: STORED_AT, storedBy: key(1) },
    ...options,
  });
}
