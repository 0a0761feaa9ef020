/**
 * Descriptions of files for clients.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { EntriesWriter } from "../../protocol/v4/entries.ts";
import type { FileFields } from "../../protocol/v4/file_record.ts";
import { DIGEST_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { ImplicitFolder, StoredFile } from "../catalog/files.ts";
import { type FileWithDigests, withDigests } from "./backfill_digests.ts";
import type { RequestContext } from "./request_context.ts";
import { RequestError } from "./request_error.ts";

/** The most look-ups of a file that is replaced each time before it can be read. */
export const MAX_LOOKS = 16;
/** The most characters of a name in an error, which must fit into one frame. */
const MAX_QUOTED = 255;

/** The size of the entries that are sent at once, in bytes. */
const ENTRIES_SIZE = 64 * 1024;

/**
 * Sends files as `entries`, including damaged ones, without `done`. `versionOf`: the version to look up if the file was
 * replaced in the meantime.
 */
export async function describeAll(
  session: RequestContext,
  tag: number,
  files: AsyncIterable<StoredFile | ImplicitFolder> | readonly StoredFile[],
  versionOf: (file: StoredFile) => number,
): Promise<void> {
  const { answers } = session;
  const entries = new EntriesWriter();
  const flush = async () => {
    if (entries.count > 0) await answers.sendRecords("entries", tag, entries.payload);
    entries.reset();
  };
  try {
    for await (const file of files) {
      if (isImplicit(file)) entries.add(describeImplicit(file));
      else {
        // It may take long to read the file for its digest.
        if (file.tree === undefined) await flush();
        await describeOne(session, entries, file, versionOf(file));
      }
      if (entries.size >= ENTRIES_SIZE) await flush();
    }
  } finally {
    await flush();
  }
}

/** Adds a file, or nothing if it was removed in the meantime. */
async function describeOne(
  session: RequestContext,
  entries: EntriesWriter,
  file: StoredFile,
  version: number,
): Promise<void> {
  const { name } = file;
  try {
    entries.add(
      describe(await withDigests(session, file) ?? await findFile(session, name, version)),
    );
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (error.code === "damaged") entries.addDamaged(name, file.version ?? 1);
    else if (error.code !== "no-such-file") throw error;
  }
}

/** A file with its digest. Throws `RequestError` `no-such-file`, `damaged`. */
export async function findFile(
  session: RequestContext,
  name: string,
  version: number,
): Promise<FileWithDigests> {
  const { context, owner } = session;
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const file = await context.store.catalog.files.find(owner.accountId, name, { version });
    if (file === undefined) throw noSuchFile(name, version);
    const found = await withDigests(session, file);
    if (found !== undefined) return found;
  }
  throw replacedTooOften(name);
}

/** The fields of `file`. */
export function describe(file: FileWithDigests): FileFields {
  const { name, version = 1, kind = "file", mode, size, crc, storedAt, endedAt = 0, tree } = file;
  return {
    ...{ name, version, entry: kind, mode, size },
    ...{ mtime: tree.mtime, storedAt, endedAt, cksum: crc },
    digest: tree.digest,
    confirmedAt: file.confirmedAt ?? 0,
  };
}

/** `version`: 0 for the current one. */
export function noSuchFile(name: string, version = 0): RequestError {
  const what = version === 0 ? "file" : `version (${version})`;
  return new RequestError("no-such-file", `no such ${what}: ${quoted(name)}`);
}

export function replacedTooOften(name: string): RequestError {
  return new RequestError(
    "cannot-store",
    `${quoted(name)} is overwritten faster than it can be read`,
  );
}

/** The beginning of a name, as far as it fits into an error. */
export function quoted(name: string): string {
  return name.slice(0, MAX_QUOTED);
}

function isImplicit(file: StoredFile | ImplicitFolder): file is ImplicitFolder {
  return file.version === 0;
}

const NO_DIGEST: Bytes = new Uint8Array(DIGEST_SIZE);

/** A folder without a row has no version, and nothing is known of it. */
function describeImplicit({ name }: ImplicitFolder): FileFields {
  return {
    ...{ name, version: 0, entry: "folder", mode: undefined, size: 0 },
    ...{ mtime: 0n, storedAt: 0, endedAt: 0, cksum: 0, digest: NO_DIGEST, confirmedAt: 0 },
  };
}
