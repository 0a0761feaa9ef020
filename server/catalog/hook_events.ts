/**
 * The events that changes of the catalog queue. Their names and fields are those of the log.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { cksum } from "../../protocol/crc/cksum.ts";
import type { Account } from "./accounts.ts";
import type { ChangedEntries, CommittedFile } from "./files.ts";
import type { NewHook } from "./hook_queue.ts";
import { nameKey } from "./name_key.ts";

const utf8 = new TextEncoder();

/** An event before it is encoded. */
export interface HookEvent {
  /** The name of the event. */
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The account in whose order it is delivered. */
  readonly accountId?: Bytes | undefined;
  /** The file; without it, the event concerns the whole account. */
  readonly file?: string | undefined;
  /** The fields for the receiver. */
  readonly data: Readonly<Record<string, unknown>>;
}

type Owner = Pick<Account, "id" | "name">;

/** Encodes an event, with a new id. */
export function encodeHook({ type, at, accountId, file, data }: HookEvent): NewHook {
  return {
    delivery: `msg_${crypto.randomUUID()}`,
    ...{ type, accountId },
    lane: file === undefined ? undefined : cksum(utf8.encode(nameKey(file))),
    body: JSON.stringify({ type, timestamp: new Date(at).toISOString(), data }),
  };
}

/** A file was stored. */
export function storedEvent(
  owner: Owner,
  file: Omit<CommittedFile, "content">,
  version: number,
): HookEvent {
  const { name, kind = "file", size, crc, tree, storedAt: at } = file;
  return {
    ...{ type: "file.stored", at, accountId: owner.id, file: name },
    data: {
      ...{ ...subjectOf(owner), file: name, kind, version, size, crc },
      ...tree === undefined ? {} : { digest: toHex(tree.digest) },
    },
  };
}

/** A name was removed, with everything below it if `recursive`. */
export function removedEvent(
  owner: Owner,
  name: string,
  { entries, bytes }: ChangedEntries,
  { recursive = false, forever = false, now: at }: {
    readonly recursive?: boolean;
    readonly forever?: boolean;
    readonly now: number;
  },
): HookEvent {
  return {
    ...{ type: "file.removed", at, accountId: owner.id },
    ...recursive ? {} : { file: name },
    data: { ...subjectOf(owner), file: name, recursive, forever, entries, bytes },
  };
}

/** A name was renamed, with everything below it. */
export function renamedEvent(
  owner: Owner,
  oldName: string,
  file: string,
  { entries, bytes }: ChangedEntries,
): HookEvent {
  return {
    ...{ type: "file.renamed", at: Date.now(), accountId: owner.id },
    data: { ...subjectOf(owner), file, oldName, entries, bytes },
  };
}

/** Versions of a name, and of names below it, were restored. */
export function restoredEvent(
  owner: Owner,
  file: string,
  { entries, bytes }: ChangedEntries,
  at: number,
): HookEvent {
  return {
    ...{ type: "file.restored", at, accountId: owner.id },
    data: { ...subjectOf(owner), file, entries, bytes },
  };
}

/** An account was registered. */
export function registeredEvent(owner: Owner, protocol: 3 | 4, at: number): HookEvent {
  return {
    ...{ type: "client.registered", at, accountId: owner.id },
    data: { ...subjectOf(owner), protocol },
  };
}

function subjectOf({ id, name }: Owner) {
  return { client: toHex(id), user: name };
}
