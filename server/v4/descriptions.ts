/**
 * Descriptions of files for clients.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { Message } from "../../protocol/v4/messages.ts";
import { DIGEST_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { ImplicitFolder, StoredFile } from "../catalog/files.ts";
import { type FileWithDigests, withDigests } from "./backfill_digests.ts";
import type { RequestContext } from "./request_context.ts";
import { RequestError } from "./request_error.ts";

/** The most look-ups of a file that is replaced each time before it can be read. */
export const MAX_LOOKS = 16;
/** The most characters of a name in an error, which must fit into one frame. */
const MAX_QUOTED = 255;

/**
 * Describes files, including damaged ones. `versionOf`: the version to look up if the file was replaced in the
 * meantime.
 */
export async function describeAll(
  session: RequestContext,
  tag: number,
  files: AsyncIterable<StoredFile | ImplicitFolder>,
  versionOf: (file: StoredFile) => number,
): Promise<void> {
  const { answers } = session;
  for await (const file of files) {
    const answer = isImplicit(file)
      ? describeImplicit(tag, file)
      : await describeOne(session, tag, file, versionOf(file));
    if (answer !== undefined) await answers.send(answer);
  }
  await answers.send({ kind: "done", tag });
}

/** `undefined` for a file that was removed in the meantime. */
async function describeOne(
  session: RequestContext,
  tag: number,
  file: StoredFile,
  version: number,
): Promise<Message | undefined> {
  const { name } = file;
  try {
    return describe(
      tag,
      await withDigests(session, file) ?? await findFile(session, name, version),
    );
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (error.code === "damaged") return { kind: "damaged", tag, name, version: file.version ?? 1 };
    if (error.code === "no-such-file") return undefined;
    throw error;
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

export function describe(tag: number, file: FileWithDigests): Message {
  const { name, version = 1, kind = "file", mode, size, crc, storedAt, endedAt = 0, tree } = file;
  return {
    ...{ kind: "file", tag, name, version, entry: kind, mode, size },
    ...{ mtime: tree.mtime, storedAt, endedAt, cksum: crc },
    digest: tree.digest,
    confirmedAt: 0,
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
function describeImplicit(tag: number, { name }: ImplicitFolder): Message {
  return {
    ...{ kind: "file", tag, name, version: 0, entry: "folder", mode: undefined, size: 0 },
    ...{ mtime: 0n, storedAt: 0, endedAt: 0, cksum: 0, digest: NO_DIGEST, confirmedAt: 0 },
  };
}
