/**
 * Packs over the methods for single files: for catalogs that gain nothing by handling many at once.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { ContentsWriter } from "../../protocol/v4/contents.ts";
import { EntriesWriter } from "../../protocol/v4/entries.ts";
import { FetchReader } from "../../protocol/v4/fetch.ts";
import type { FileFields } from "../../protocol/v4/file_record.ts";
import { MAX_PACKED_SIZE, PackReader } from "../../protocol/v4/pack.ts";
import { UpdateReader } from "../../protocol/v4/update.ts";
import type { BlobId, UploadId } from "../blobs/blob_store.ts";
import type { PartialUploadRows } from "./partial_uploads.ts";
import type { CommitOptions, Files, FoundFile, NewContent, StoredFile } from "./files.ts";
import { newInlineIds } from "./inline_ids.ts";
import { nameKey } from "./name_key.ts";
import { type PackedFiles, PackOutcomes } from "./packs.ts";
import { CatalogRefusal } from "./refusal.ts";

/** The number of files in one look-up of a list. */
const PAGE = 500;
const MAX_OTHERS = 64;
const NO_CHUNKS: Bytes = new Uint8Array(0);

/** The other aggregates of a catalog that packs need. */
export interface PackDependencies {
  /** Its files. */
  readonly files: Pick<Files, "commit" | "update" | "find" | "list">;
  /** Its partial uploads, which a stored file ends. */
  readonly uploads: Pick<PartialUploadRows, "find" | "remove">;
}

/** Methods for packs that call the methods for each file. A pack is then several transactions. */
export function packedFilesOver({ files, uploads }: PackDependencies): PackedFiles {
  return {
    async commitPack(owner, pack, { accepted, blobs, reserved, ...options }) {
      const outcomes = new PackOutcomes(accepted.length);
      const garbage: (BlobId | UploadId)[] = [];
      const newId = newInlineIds();
      let hasSurplus = false;
      const record = new PackReader(pack);
      while (record.next()) {
        const { index, name, entry: kind, mode, size, cksum: crc, digest, mtime } = record;
        if (accepted[index] !== 1) continue;
        const blob = blobs?.get(index);
        const content: NewContent = blob === undefined
          ? { kind: "inline", id: newId(), bytes: record.content.slice() }
          : { kind: "blob", id: blob };
        const before = await files.find(owner, name);
        const commit: CommitOptions = {
          chunks: size === 0 ? NO_CHUNKS : digest.slice(),
          ...options.quota === undefined ? {} : { quota: less(options.quota, reserved) },
          ...options.keepHistory === undefined ? {} : { keepHistory: options.keepHistory },
        };
        try {
          const committed = await files.commit({
            ...{ accountId: owner, name, kind, content, size, crc, verified: true },
            ...{ storedAt: options.storedAt, storedBy: options.storedBy },
            ...{ confirmedAt: options.storedAt, tree: { mtime, digest: digest.slice() } },
            ...mode === undefined ? {} : { mode },
          }, commit);
          const { version, replaced } = committed;
          const isKept = version === before?.version;
          outcomes.set(
            index,
            isKept ? "kept" : "stored",
            version,
            replaced?.version,
            replaced?.byOther,
          );
          garbage.push(...committed.garbage);
          hasSurplus ||= committed.hasSurplus;
          if (await uploads.find(owner, name) !== undefined) {
            garbage.push(...await uploads.remove(owner, name));
          }
        } catch (error) {
          if (!(error instanceof CatalogRefusal)) throw error;
          outcomes.set(index, error.reason);
          if (blob !== undefined) garbage.push(blob);
        }
      }
      return { outcomes: outcomes.numbers, garbage, hasSurplus };
    },
    async updatePack(owner, update, { accepted }) {
      const outcomes = new PackOutcomes(accepted.length);
      const record = new UpdateReader(update);
      while (record.next()) {
        const { index, name, version, mode, mtime } = record;
        if (accepted[index] !== 1) continue;
        const outcome = await files.update(owner, name, version, { mode, mtime });
        if (outcome === "updated") outcomes.set(index, "kept", version);
        else outcomes.set(index, outcome);
      }
      return { outcomes: outcomes.numbers, garbage: [], hasSurplus: false };
    },
    async fetchPack(owner, fetch, from) {
      const reader = new FetchReader(fetch);
      const writer = new ContentsWriter();
      const others: (FoundFile | undefined)[] = [];
      while (reader.next()) {
        if (reader.index < from) continue;
        const { name, version } = reader;
        const file = await files.find(owner, name, { version, want: "all" });
        const fields = file && fieldsOf(file);
        const { bytes, size = 0 } = file ?? {};
        const isFull = fields !== undefined && bytes !== undefined && size <= MAX_PACKED_SIZE
          ? others.length > 0 || !writer.add(fields, bytes)
          : others.length === MAX_OTHERS || others.push(file) === 0;
        if (isFull) return { contents: writer.payload, others, next: reader.index };
      }
      return { contents: writer.payload, others, next: reader.index + 1 };
    },
    async listEncoded(owner, { prefix = "", after = "", bytes, part }) {
      const writer = new EntriesWriter(bytes);
      const unchecked: { index: number; file: StoredFile }[] = [];
      const others: StoredFile[] = [];
      const ends: number[] = [];
      const found = (next: string | undefined) => {
        if (writer.size > (ends.at(-1) ?? 0)) ends.push(writer.size);
        return { entries: writer.payload, ends, unchecked, others, next };
      };
      for (let last = after;;) {
        const page = await files.list(owner, { prefix, after: last, limit: PAGE });
        for (const file of page) {
          const { name, version = 1, damage } = file;
          const fields = fieldsOf(file);
          const add = () =>
            fields === undefined ? writer.addDamaged(name, version) : writer.add(fields);
          const isFull = fields !== undefined || damage !== undefined
            ? others.length > 0 || writer.size >= bytes || !add()
            : others.length === MAX_OTHERS || others.push(file) === 0;
          if (isFull) return found(nameKey(last));
          if (fields !== undefined && file.content.kind === "blob") {
            unchecked.push({ index: writer.count - 1, file });
          }
          if (writer.size >= (ends.at(-1) ?? 0) + part) ends.push(writer.size);
          last = name;
        }
        if (page.length === 0) return found(undefined);
      }
    },
  };
}

/** The fields of a file with a digest that is not damaged. */
function fieldsOf(file: StoredFile): FileFields | undefined {
  const { name, version = 1, kind = "file", mode, size, crc, storedAt, tree } = file;
  if (tree === undefined || file.damage !== undefined) return undefined;
  return {
    ...{ name, version, entry: kind, mode, size, mtime: tree.mtime, storedAt },
    ...{ endedAt: file.endedAt ?? 0, cksum: crc, digest: tree.digest },
    confirmedAt: file.confirmedAt ?? 0,
  };
}

/** The rest of a quota beside reservations. */
function less<Q extends { readonly bytes: number; readonly files: number }>(
  quota: Q,
  reserved: Q | undefined,
) {
  return {
    bytes: quota.bytes - (reserved?.bytes ?? 0),
    files: quota.files - (reserved?.files ?? 0),
  };
}
