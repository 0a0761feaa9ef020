/**
 * Log lines about downloads.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { ContentsReader } from "../../protocol/v4/contents.ts";
import type { StoredFile } from "../catalog/files.ts";
import { logFile, reportAccess, type RequestContext } from "./request_context.ts";

/** The most files of a request that are logged one by one. */
const MAX_LINES = 8;

type Downloaded = Pick<StoredFile, "name" | "size"> & { readonly version?: number | undefined };

/** A download of one file, or of a range of it. `bytes`: what was sent. */
export function logDownload(session: RequestContext, file: Downloaded, bytes: number): void {
  logLine(session, file, bytes);
  reportAccess(session, { method: "get", name: file.name, bytes, isPart: bytes < file.size });
}

function logLine(
  session: RequestContext,
  { name, version = 0, size }: Downloaded,
  bytes: number,
): void {
  const isPart = bytes < size;
  const words = `Downloaded ${
    isPart ? "a part of " : ""
  }{file} for {user} from {address}: {bytes} bytes`;
  logFile(session, "file.downloaded", words, name, { version, bytes, size });
}

/** A download that has ended early, after some bytes. */
export function logInterrupted(
  session: RequestContext,
  { name, version = 0, size }: Downloaded,
  bytes: number,
  error: unknown,
): void {
  const words = "Stopped the download of {file} for {user} from {address}: {reason}";
  const reason = printable(reasonOf(error));
  logFile(session, "file.not-downloaded", words, name, { version, bytes, size, reason });
}

/** The files of one request for many small ones. */
export class PackedDownloads {
  readonly #session: RequestContext;
  /** The first files, with which a small request is logged one by one. */
  readonly #few: Downloaded[] = [];
  #count = 0;
  #first = "";
  #last = "";

  constructor(session: RequestContext) {
    this.#session = session;
  }

  /** Encoded contents of files. The result must be called when they are sent. */
  encoded(names: readonly string[], contents: Bytes): () => void {
    const isListed = this.#session.context.access !== undefined ||
      this.#count + names.length <= MAX_LINES;
    if (!isListed) return () => this.#countAll(names);
    const files: Downloaded[] = [];
    for (const record = new ContentsReader(contents); record.next();) {
      files.push({ name: record.name, version: record.version, size: record.size });
    }
    return () => this.sent(files);
  }

  sent(files: readonly Downloaded[]): void {
    this.#countAll(files.map(({ name }) => name));
    this.#few.push(...files.slice(0, MAX_LINES - this.#few.length));
    for (const { name, size } of files) {
      reportAccess(this.#session, { method: "get", name, bytes: size });
    }
  }

  /** Logs each of a few files, or many in one line. */
  log(): void {
    const { context, owner: { accountId, name: user, address } } = this.#session;
    if (this.#count <= MAX_LINES) {
      for (const file of this.#few) logLine(this.#session, file, file.size);
      return;
    }
    context.log.info("Downloaded {files} files for {user} from {address}: {first} to {last}", {
      ...{ event: "pack.downloaded", files: this.#count },
      ...{ client: toHex(accountId), user, address },
      ...{ first: printable(this.#first), last: printable(this.#last) },
    });
  }

  #countAll(names: readonly string[]): void {
    if (this.#count === 0) this.#first = names[0] ?? "";
    this.#count += names.length;
    this.#last = names.at(-1) ?? this.#last;
  }
}
