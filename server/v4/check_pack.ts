/**
 * Checks of a pack before it is stored: everything that needs no look-up.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { type EntryKind, entrySizeFault } from "../../protocol/entry.ts";
import type { ContentSums } from "../../protocol/v4/content_sums.ts";
import { PackReader } from "../../protocol/v4/pack.ts";
import { MAX_RECORDS } from "../../protocol/v4/record_reader.ts";
import { LimitError, type Limits } from "../limits/limits.ts";
import { checkTarget } from "./check_put.ts";
import { checkFileName, RequestError } from "./request_error.ts";

/** A pack and what was found in it. The arrays have an element per record. */
export interface CheckedPack {
  readonly pack: Bytes;
  readonly names: readonly string[];
  readonly kinds: readonly EntryKind[];
  readonly sizes: Uint32Array;
  readonly cksums: Uint32Array;
  /** 1 for each record that can be stored. */
  readonly accepted: Bytes;
  /** The real sums of contents that are not the stated ones, by the index of the record. */
  readonly mismatches: ReadonlyMap<number, ContentSums>;
  /** Why records cannot be stored, by their index. */
  readonly refusals: ReadonlyMap<number, RequestError | LimitError>;
  /** The bytes of the contents that can be stored. */
  readonly bytes: number;
}

/**
 * Reads all records, and compares contents with their sums. Throws `ProtocolError` `bad-frame` if they break their layout.
 */
export function checkPack(pack: Bytes, { maxFileSize }: Pick<Limits, "maxFileSize">): CheckedPack {
  const names: string[] = [];
  const kinds: EntryKind[] = [];
  const sizes = new Uint32Array(MAX_RECORDS);
  const cksums = new Uint32Array(MAX_RECORDS);
  const accepted = new Uint8Array(MAX_RECORDS);
  const mismatches = new Map<number, ContentSums>();
  const refusals = new Map<number, RequestError | LimitError>();
  let bytes = 0;
  const record = new PackReader(pack);
  while (record.next()) {
    const { index, size } = record;
    names.push(record.name);
    kinds.push(record.entry);
    sizes[index] = size;
    cksums[index] = record.cksum;
    const difference = record.findDifference();
    if (difference !== undefined) {
      mismatches.set(index, difference);
      continue;
    }
    try {
      checkRecord(record, maxFileSize);
    } catch (error) {
      if (!(error instanceof RequestError || error instanceof LimitError)) throw error;
      refusals.set(index, error);
      continue;
    }
    accepted[index] = 1;
    bytes += size;
  }
  return {
    ...{ pack, names, kinds, sizes, cksums, mismatches, refusals, bytes },
    accepted: accepted.slice(0, names.length),
  };
}

/** Throws `RequestError` `bad-file-name`, `bad-entry`, and `LimitError` `maxFileSize`. */
function checkRecord(record: PackReader, maxFileSize: number): void {
  const { name, entry, size } = record;
  checkFileName(name);
  if (entry !== "file") {
    const fault = entrySizeFault(entry, size);
    if (fault !== undefined) throw new RequestError("bad-entry", `a ${entry} ${fault}`);
    if (entry === "link") checkTarget(record.content);
  }
  if (size > maxFileSize) throw new LimitError("maxFileSize", maxFileSize);
}
