/**
 * Uploads files, folders and links over protocol 4, with retries after network errors.
 *
 * @module
 */
import type { EntryKind } from "../../protocol/entry.ts";
import { UsageError } from "../../protocol/errors.ts";
import type { Failure, LocalFile } from "../events.ts";
import { type CollectedFiles, collectFiles } from "./collect_files.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { ConnectionPool } from "./connection_pool.ts";
import type { PutOptions, PutOutcome } from "./put_options.ts";
import { findBlocking, findConflicts } from "./put_conflicts.ts";
import {
  findRemoteEntries,
  type FolderRemovals,
  NO_REMOTE_ENTRIES,
  planPut,
  type RemoteName,
} from "./put_plan.ts";
import { PutRun } from "./put_run.ts";

/** A run of {@link putFiles} that is not carried out. */
export interface PutPreview {
  /** Entries that would be stored, updated or left unchanged. */
  readonly entries: readonly PreviewedEntry[];
  /** Entries that would be removed, for each uploaded folder; empty without `mirror`. */
  readonly removals: readonly FolderRemovals[];
  /** Paths that cannot be uploaded. */
  readonly failures: readonly Failure[];
}

/** A local entry, and what would happen to it. */
export interface PreviewedEntry {
  /** `store`: its content would be sent; `update`: only permission bits or time. */
  readonly action: "store" | "update" | "unchanged";
  /** The local entry. */
  readonly file: LocalFile;
  /** A file, a folder or a link. */
  readonly kind: EntryKind;
  /** Its name on the server. */
  readonly name: string;
}

/**
 * Uploads files, folders and links over protocol 4. Returns the result of each. An error of one does not stop the
 * others. Files that the server already has with the same content are not sent. Interrupted uploads resume. After a
 * network error it connects again and sends the unconfirmed files, at most `transfer.retries` times without progress.
 *
 * Throws why the client cannot sign in: `NetworkError`, `ProtocolError`, `RefusedError`, `ConfigurationError`
 * (such as `other-server`, `server-not-trusted`, `other-identity`); `UsageError` `one-name`, `bad-pattern`,
 * `conflicting-option`; what `mirror.confirm` throws. After an abort, files that are not stored have an `InterruptedError`.
 *
 * @example Follow progress
 * ```ts
 * import assert from "node:assert/strict";
 * import { putFiles, Server } from "@xfer/xfer";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeFile(`${folder}/photo.raw`, new Uint8Array(50_000));
 * await using server = await Server.start({
 *   listen: [{ hostname: "127.0.0.1", port: 0 }],
 *   tlsListen: { hostname: "127.0.0.1", port: 0 },
 *   dataFolder: `${folder}/data`,
 * });
 * let [total, sent] = [0, 0];
 * await putFiles({
 *   paths: [`${folder}/photo.raw`],
 *   connect: {
 *     server: server.address,
 *     userName: "Alice",
 *     identityFolder: folder,
 *     onNewServer: () => true,
 *     onEvent(event) {
 *       if (event.type === "planned") total = event.bytes;
 *       if (event.type === "progress") sent = event.sent; // of event.file
 *     },
 *   },
 * });
 * assert.deepEqual([total, sent], [50_000, 50_000]);
 * ```
 */
export async function putFiles(options: PutOptions): Promise<PutOutcome[]> {
  const resumedAt = new Map<string, number>();
  const connect: ConnectOptions = {
    ...options.connect,
    onEvent(event) {
      // Only bytes that the server confirms to have are progress: sent bytes may be lost.
      if (event.type === "resumed" && event.offset > (resumedAt.get(event.file.path) ?? 0)) {
        resumedAt.set(event.file.path, event.offset);
        pool.advance();
      }
      options.connect.onEvent?.(event);
    },
  };
  const collected = await collect(options);
  using pool = new ConnectionPool(connect, options.transfer);
  return await new PutRun({ ...options, connect }, pool, collected).run();
}

/**
 * Returns the plan of a run of {@link putFiles}. Changes nothing on the server. `hasAccount`: whether the client has an account
 * of protocol 4. Without one, the server is not asked, because that would register it. Throws as `putFiles` does.
 */
export async function previewPut(
  { hasAccount, ...options }: Omit<PutOptions, "onOutcome"> & { readonly hasAccount: boolean },
): Promise<PutPreview> {
  const { connect, transfer, mirror } = options;
  const collected = await collect(options);
  using pool = new ConnectionPool(connect, transfer);
  const remote = hasAccount ? await findRemoteEntries(pool, collected) : NO_REMOTE_ENTRIES;
  const plan = await planPut(collected, remote, options, connect);
  const removes = mirror !== undefined && collected.failures.length === 0;
  const removals = removes ? plan.removals : [];
  const removed = removals.flatMap(({ entries }) => entries);
  const conflicts = findConflicts(plan, remote, removed);
  const updated = new Set(plan.updates.map(({ upload }) => upload));
  const stored = new Set(plan.puts);
  const uploads = collected.uploads.filter((upload) => !conflicts.has(upload));
  const entries = uploads.map((upload): PreviewedEntry => {
    const { file, name } = upload;
    const action = stored.has(upload) ? "store" : updated.has(upload) ? "update" : "unchanged";
    return { action, file, kind: file.kind, name };
  });
  const refused = Array.from(conflicts, ([{ file: { path } }, error]): Failure => {
    return { state: "not-stored", path, error };
  });
  // After a failure, only what is in the way is removed.
  const blocking = findBlocking(plan.puts, removed);
  const isRemoved = (entry: RemoteName) => refused.length === 0 || blocking.has(entry);
  return {
    entries,
    failures: [...collected.failures, ...refused],
    removals: removals.map(({ entries, ...folder }) => {
      return { ...folder, entries: entries.filter(isRemoved) };
    }),
  };
}

async function collect(options: PutOptions): Promise<CollectedFiles> {
  const { identityFolder, signal } = options.connect;
  const collected = await collectFiles({ ...options, identityFolder, signal });
  if (options.mirror !== undefined && collected.folders.length + collected.failures.length === 0) {
    throw new UsageError("conflicting-option", "--delete is only for folders", {
      hint: "Name a folder, or omit --delete.",
    });
  }
  return collected;
}
