/**
 * Downloads of many small entries in one request.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { ContentsWriter } from "../../protocol/v4/contents.ts";
import { FetchReader } from "../../protocol/v4/fetch.ts";
import { release } from "../../protocol/memory.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { MAX_PACKED_SIZE } from "../../protocol/v4/pack.ts";
import { BlobNotFound } from "../blobs/blob_store.ts";
import type { FoundFile } from "../catalog/files.ts";
import { type FileWithDigests, refuseDamaged, withDigests } from "./backfill_digests.ts";
import { PackedDownloads } from "./download_log.ts";
import { describe, MAX_LOOKS, noSuchFile, quoted, replacedTooOften } from "./descriptions.ts";
import { explainFailure, failureCode, reportFailures } from "./explain_failure.ts";
import type { RequestContext } from "./request_context.ts";
import { RequestError } from "./request_error.ts";

/** The most contents that are read from the blob store at a time. */
const AT_ONCE = 16;
/** Their size in bytes, about one message. */
const BYTES_AT_ONCE = 1024 * 1024;
/** The bytes of a record besides its content, about. */
const RECORD_SIZE = 256;

interface WantedEntry {
  readonly name: string;
  /** 0 for the current one. */
  readonly version: number;
}

/** Sends the contents of entries in the order of the request. Throws `ProtocolError` `bad-frame`. */
export async function sendContents(
  session: RequestContext,
  { tag, bytes }: MessageOf<"fetch">,
): Promise<void> {
  const { context: { store: { catalog } }, owner: { accountId }, live, answers } = session;
  const wanted = readAll(bytes);
  const look = (from: number) => {
    const page = catalog.files.fetchPack(accountId, bytes, from);
    // It is awaited later, unless the answers before it cannot be sent.
    page.catch(() => undefined);
    return page;
  };
  const downloads = new PackedDownloads(session);
  /** The number of entries that were sent or refused. */
  let done = 0;
  try {
    for (let coming = look(0); done < wanted.length;) {
      const { contents, others, next } = await coming;
      const first = next - others.length;
      // The catalog looks up the next page while this one is sent.
      if (next < wanted.length) coming = look(next);
      if (contents.length > 0) {
        const names = wanted.slice(done, first).map(({ name }) => name);
        const noteSent = downloads.encoded(names, contents);
        await answers.sendRecords("contents", tag, contents);
        noteSent();
      }
      live.count("download", { files: first - done, bytes: contents.length });
      release(contents);
      for (done = first; done < next;) {
        const group = takeGroup(others, done - first);
        const asked = wanted.slice(done, done + group.length);
        const found = await Promise.all(
          asked.map((one, i) => readOrRefuse(session, one, group[i])),
        );
        await sendFound(session, tag, found);
        live.count("download", countsOf(found));
        downloads.sent(found.flatMap((one) => one instanceof RequestError ? [] : [one.file]));
        for (const [i, one] of found.entries()) {
          if (one instanceof RequestError) reportUnsent(session, asked.slice(i, i + 1), one);
        }
        done += group.length;
      }
    }
  } catch (error) {
    reportUnsent(session, wanted.slice(done), error);
    throw error;
  }
  await answers.send({ kind: "done", tag });
  downloads.log();
}

function reportUnsent(
  session: RequestContext,
  entries: readonly WantedEntry[],
  error: unknown,
): void {
  reportFailures(session, "fetch", entries.map(({ name }) => name), failureCode(error));
}

function countsOf(all: readonly Found[]) {
  const found = all.flatMap((one) => one instanceof RequestError ? [] : [one]);
  return {
    files: found.length,
    bytes: sum(found.map(({ content }) => content.length)),
    failed: all.flatMap((one) => one instanceof RequestError ? [one.code] : []),
  };
}

function readAll(bytes: Bytes): WantedEntry[] {
  const wanted: WantedEntry[] = [];
  for (const reader = new FetchReader(bytes); reader.next();) {
    wanted.push({ name: reader.name, version: reader.version });
  }
  return wanted;
}

/** The entries from an index on that are read together, at least one. */
function takeGroup(
  others: readonly (FoundFile | undefined)[],
  from: number,
): readonly (FoundFile | undefined)[] {
  let [end, bytes] = [from, 0];
  while (end < others.length && end < from + AT_ONCE) {
    bytes += others[end]?.size ?? 0;
    if (bytes > BYTES_AT_ONCE && end > from) break;
    end++;
  }
  return others.slice(from, end);
}

type Found = { readonly file: FileWithDigests; readonly content: Bytes } | RequestError;

async function sendFound(
  { answers }: RequestContext,
  tag: number,
  all: readonly Found[],
): Promise<void> {
  const sizes = all.map((found) => found instanceof RequestError ? 0 : found.content.length);
  const writer = new ContentsWriter(sum(sizes) + all.length * RECORD_SIZE);
  for (const found of all) {
    const add = () =>
      found instanceof RequestError
        ? writer.addRefused(found.code, found.message)
        : writer.add(describe(found.file), found.content);
    if (add()) continue;
    await answers.sendRecords("contents", tag, writer.payload);
    writer.reset();
    add();
  }
  if (writer.count > 0) await answers.sendRecords("contents", tag, writer.payload);
  release(writer.payload);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

async function readOrRefuse(
  session: RequestContext,
  wanted: WantedEntry,
  file: FoundFile | undefined,
): Promise<Found> {
  try {
    return await read(session, wanted, file);
  } catch (error) {
    // A file that cannot be read does not affect the others.
    return error instanceof RequestError
      ? error
      : explainFailure(session, error, { kind: "get", name: wanted.name });
  }
}

/**
 * Reads an entry that the catalog could not encode. Looks it up again if it is replaced or removed meanwhile. Throws
 * `RequestError`.
 */
async function read(
  session: RequestContext,
  { name, version }: WantedEntry,
  found: FoundFile | undefined,
): Promise<Found> {
  const { context, owner: { accountId } } = session;
  const { catalog } = context.store;
  const look = () => catalog.files.find(accountId, name, { version, want: "all" });
  for (let looks = 0; looks < MAX_LOOKS; looks++, found = await look()) {
    if (found === undefined) throw noSuchFile(name, version);
    if (found.size > MAX_PACKED_SIZE) {
      throw new RequestError("over-limit", `${quoted(name)} is too large for a pack`);
    }
    const file = await withDigests(session, found);
    if (file === undefined) continue;
    const content = found.bytes ?? await contentOf(session, file);
    if (content?.length === file.size) return { file, content };
    await refuseDamaged(context, file, content === undefined ? "missing" : "size");
  }
  throw replacedTooOften(name);
}

/** The content of a small file; `undefined` if it is missing. */
async function contentOf(
  { context: { store: { blobs, catalog } } }: RequestContext,
  { content: { kind, id }, size }: FileWithDigests,
): Promise<Bytes | undefined> {
  if (kind === "inline") return await catalog.files.content(id);
  try {
    // A larger piece than the file shows that the file is not longer than it should be.
    for await (const piece of blobs.read(id, { pieceSize: size + 1 })) return piece;
    return new Uint8Array();
  } catch (error) {
    if (error instanceof BlobNotFound) return undefined;
    throw error;
  }
}
