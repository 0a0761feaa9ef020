/**
 * Lists of a server: their order, and what a client accepts.
 *
 * @module
 */
import { comparedForm } from "../../protocol/v4/path_name.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { release } from "../../protocol/memory.ts";
import { printable } from "../../protocol/printable.ts";
import type { ListScope } from "../../protocol/entry.ts";
import { EntriesReader } from "../../protocol/v4/entries.ts";
import type { Message } from "../../protocol/v4/messages.ts";
import { unexpected } from "./errors.ts";
import { compareForms } from "./name_order.ts";
import {
  type Bound,
  checkAsked,
  type DamagedFile,
  DamagedFiles,
  type ExpectedFile,
  type RemoteFile,
} from "./remote_file.ts";
import type { RequestMux } from "./request_mux.ts";

/** The most entries of one list, because a list must end. */
export const MAX_LISTED = 10_000_000;
/** The most versions of one file: one for each half minute of a year. */
export const MAX_VERSIONS = 1_000_000;

/** Called with each listed entry. If it returns a promise, little more is read until that resolves. */
export type TakeFile = (file: RemoteFile) => unknown;
/**
 * Called with each damaged file, as {@link TakeFile} is. Without it, damaged files fail the request once all others were
 * reported.
 */
export type TakeDamaged = ((file: DamagedFile) => unknown) | undefined;

/** The scope and the bounds of a list. */
export interface ListOptions {
  /**
   * `below`, the default: everything; `level`: one level; `removed`: removed names with history, the newest version of
   * each.
   */
  readonly scope?: ListScope | undefined;
  /** The most entries to accept; 10,000,000 by default. */
  readonly max?: number | undefined;
  /** Called with each damaged file. */
  readonly takeDamaged?: TakeDamaged;
}

/** Whether a file comes after another in a list. */
export type IsAfter = (file: DamagedFile, other: DamagedFile) => boolean;

/** Whether a version is older than another. */
export const isOlder: IsAfter = (file, other) => file.version < other.version;

/** Whether the name of an entry comes after that of another. */
export const isAfter: IsAfter = (file, other) => compareNames(listed(file), listed(other)) > 0;

/** A folder without an entry is listed where its content begins. */
function listed({ name, version }: DamagedFile): string {
  return version === 0 ? `${name}/` : name;
}

/** Compares names as servers do: by the UTF-8 of their NFC. */
export function compareNames(a: string, b: string): number {
  return compareForms(comparedForm(a), comparedForm(b));
}

/** A request for a list, and its answers. */
export interface Listing {
  readonly expected: ExpectedFile;
  readonly isAfter: IsAfter;
  readonly count: Bound;
  readonly take: TakeFile;
  readonly takeDamaged: TakeDamaged;
}

/**
 * Sends a request for a list. An invalid answer closes the connection instead of waiting for the rest. Throws
 * `ProtocolError` `unexpected-answer`, `too-many-files`; `RefusedError`.
 */
export async function readListing(
  mux: RequestMux,
  request: Message,
  { expected, isAfter, count, take, takeDamaged }: Listing,
): Promise<void> {
  const damaged = new DamagedFiles();
  let last: DamagedFile | undefined;
  try {
    await mux.ask(request, (message) => {
      if (message.kind === "done") return true;
      if (message.kind !== "entries") throw unexpected(message);
      let room: Promise<unknown> | undefined;
      for (const reader = new EntriesReader(message.bytes); reader.next();) {
        const { name, version } = reader;
        const entry: DamagedFile = reader.isDamaged ? { name, version } : reader.file;
        checkAsked(entry, expected);
        if (last !== undefined && !isAfter(entry, last)) throw outOfOrder(entry);
        last = entry;
        count.add();
        const taken = reader.isDamaged
          ? (takeDamaged ?? ((file) => damaged.add(file)))(entry)
          : take(entry as RemoteFile);
        if (taken instanceof Promise) room = taken;
      }
      // Entries are copies.
      release(message.bytes);
      return room === undefined ? false : room.then(() => false);
    });
    damaged.throwIfAny();
  } catch (error) {
    if (error instanceof ProtocolError) mux[Symbol.dispose]();
    throw error;
  }
}

function outOfOrder({ name, version }: DamagedFile): ProtocolError {
  const what = `version ${version} of ${printable(name)}`;
  return new ProtocolError("unexpected-answer", `the server listed ${what} twice or out of order`);
}
