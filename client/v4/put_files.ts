/**
 * Uploads files, folders and links over protocol 4, with retries after network errors.
 *
 * @module
 */
import { UsageError } from "../../protocol/errors.ts";
import { type CollectedFiles, collectFiles } from "./collect_files.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { ConnectionPool } from "./connection_pool.ts";
import type { PutOptions, PutSummary } from "./put_options.ts";
import { findPreview, type PreviewOptions, type PutPreview } from "./put_preview.ts";
import { PutRun } from "./put_run.ts";

/**
 * Uploads files, folders and links over protocol 4. Returns the number of results of each kind; `onOutcome`
 * receives the results. An error of one entry does not stop the others. Files that the server already has with the same content are not sent. Interrupted uploads resume. After a
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
export async function putFiles(options: PutOptions): Promise<PutSummary> {
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
 * Finds out what a run of {@link putFiles} would do. Changes nothing on the server. `hasAccount`: whether the client
 * has an account of protocol 4. Without one, the server is not asked, because that would register it. Throws as
 * `putFiles` does.
 */
export async function previewPut(
  { hasAccount, ...options }: PreviewOptions & { readonly hasAccount: boolean },
): Promise<PutPreview> {
  const collected = await collect(options);
  using pool = new ConnectionPool(options.connect, options.transfer);
  return await findPreview(hasAccount ? pool : undefined, collected, options);
}

async function collect(options: PutOptions): Promise<CollectedFiles> {
  const { identityFolder, signal } = options.connect;
  const collected = await collectFiles({ ...options, identityFolder, signal });
  if (options.mirror !== undefined && !collected.hasFolders && collected.failures.length === 0) {
    throw new UsageError("conflicting-option", "--delete is only for folders", {
      hint: "Name a folder, or omit --delete.",
    });
  }
  return collected;
}
