/**
 * Uploads files and folders over protocol 4, with retries after network errors.
 *
 * @module
 */
import { endsAll, InterruptedError, RefusedError, XferError } from "../../protocol/errors.ts";
import type { Failure, LocalFile, Stored } from "../events.ts";
import { type ExpectedContent, findSame } from "../local/find_unchanged.ts";
import { collectFiles, type FileSelection } from "./collect_files.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { ConnectionPool, type TransferOptions } from "./connection_pool.ts";
import { PARALLEL_SIZE } from "./parallel_put.ts";
import { type OnResult, PutPipeline } from "./put_pipeline.ts";
import type { RemoteFile } from "./remote_file.ts";
import type { RequestMux } from "./request_mux.ts";
import type { Upload } from "./upload.ts";
import { forEachConcurrently, WorkQueue } from "./work_queue.ts";

/** The files to upload, and where. */
export interface PutOptions extends FileSelection {
  /** The server and the account. */
  readonly connect: ConnectOptions;
  /** Connections and retries. */
  readonly transfer?: TransferOptions;
  /** Called with the result of each file, as soon as it is known. */
  readonly onOutcome?: (outcome: PutOutcome) => void;
}

/** The result of one file, or of a folder that cannot be read. */
export type PutOutcome = PutStored | PutUnchanged | Failure;

/** The server has stored the file. */
export interface PutStored extends Stored {
  /** Its name on the server. */
  readonly name: string;
}

/** The server already had the file with this content: it was not sent. */
export interface PutUnchanged {
  /** Tells results apart. */
  readonly state: "unchanged";
  /** The local file. */
  readonly file: LocalFile;
  /** Its name on the server. */
  readonly name: string;
}

/**
 * Uploads files and folders over protocol 4. Returns the result of each file. An error of one does not stop the others.
 * Files that the server already has with the same content are not sent. Interrupted uploads resume. After a network
 * error it connects again and sends the unconfirmed files, at most `transfer.retries` times without progress.
 *
 * Throws why the client cannot sign in: `NetworkError`, `ProtocolError`, `RefusedError`, `ConfigurationError`
 * (such as `other-server`, `server-not-trusted`, `other-identity`); `UsageError` `one-name`, `bad-pattern`. After an
 * abort, files that are not stored have an `InterruptedError`.
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
  const { onEvent, identityFolder, signal } = connect;
  const selection = { ...options, identityFolder, signal };
  const { uploads, folders, failures } = await collectFiles(selection);
  const outcomes = new Map<Upload, PutOutcome>();
  using pool = new ConnectionPool(connect, options.transfer);
  const report = (upload: Upload, outcome: PutOutcome) => {
    outcomes.set(upload, outcome);
    pool.advance();
    options.onOutcome?.(outcome);
  };
  const onResult: OnResult = (upload, result) => {
    const { file, name } = upload;
    upload.release();
    if (typeof result === "number") {
      return report(upload, { state: "stored", file, name, crc: result });
    }
    if (!(result instanceof XferError)) throw result;
    report(upload, { state: "not-stored", path: file.path, error: result });
  };
  const withoutOutcome = () => uploads.filter((upload) => !outcomes.has(upload));
  try {
    for (const upload of await findUnchanged(pool, uploads, folders, connect)) {
      report(upload, { state: "unchanged", file: upload.file, name: upload.name });
    }
    const left = withoutOutcome();
    const bytes = left.reduce((sum, { file }) => sum + file.size, 0);
    onEvent?.({ type: "planned", files: left.length, bytes });
    await send(pool, left, onResult, connect);
  } catch (error) {
    if (!(error instanceof XferError)) throw error;
    if (!pool.isAuthenticated && !(error instanceof InterruptedError)) throw error;
    for (const upload of withoutOutcome()) {
      const { file, name, isPartSent, isUnconfirmed } = upload;
      if (isPartSent && !isUnconfirmed) onEvent?.({ type: "left-part", file, name });
      report(upload, { state: stateOf(upload), path: file.path, error });
    }
  }
  for (const failure of failures) options.onOutcome?.(failure);
  return [...uploads.map((upload) => outcomes.get(upload) as PutOutcome), ...failures];
}

/** The state of an upload without a result at the end of the run. */
function stateOf({ isUnconfirmed, isStarted }: Upload): Failure["state"] {
  if (isUnconfirmed) return "unknown";
  return isStarted ? "not-stored" : "not-tried";
}

/** Sends the small files, each over one of the connections; then each large one over all of them. */
async function send(
  pool: ConnectionPool,
  uploads: readonly Upload[],
  onResult: OnResult,
  { onEvent = () => undefined }: ConnectOptions,
): Promise<void> {
  const isLarge = ({ file }: Upload) => pool.count > 1 && file.size >= PARALLEL_SIZE;
  const small = new WorkQueue(uploads.filter((upload) => !isLarge(upload)));
  await pool.share(small, async ({ session }) => {
    await reinspectRequeued(small, onResult);
    await new PutPipeline(session, onEvent, onResult).run(small);
  });
  for (const upload of uploads.filter(isLarge)) {
    try {
      for (;;) {
        const cksum = await pool.useAll(async (clients) => {
          await upload.reinspect();
          const muxes = clients.map(({ session }) => session.mux) as [RequestMux];
          return await upload.sendOver(muxes, onEvent);
        });
        if (cksum === undefined) {
          upload.restart();
          continue;
        }
        onResult(upload, cksum);
        break;
      }
    } catch (error) {
      if (endsAll(error)) throw error;
      onResult(upload, error as Error);
    }
  }
}

/** Inspects requeued files again. A file that can no longer be read gets that error as its result. */
async function reinspectRequeued(queue: WorkQueue<Upload>, onResult: OnResult): Promise<void> {
  for (const upload of queue.takeRequeued()) {
    try {
      await upload.reinspect();
      queue.requeue([upload]);
    } catch (error) {
      onResult(upload, error as Error);
    }
  }
}

/** The files that the server has with the same content. */
async function findUnchanged(
  pool: ConnectionPool,
  uploads: readonly Upload[],
  folders: readonly string[],
  { onEvent, signal }: ConnectOptions,
): Promise<Upload[]> {
  const stored = new Map<Upload, ExpectedContent>();
  const take = (upload: Upload | undefined, { size, digest }: ExpectedContent) => {
    if (upload?.file.size === size) stored.set(upload, { size, digest });
  };
  const byName = new Map(uploads.map((upload) => [upload.name, upload]));
  if (uploads.length > 0) {
    for (const folder of folders) {
      const toTake = (file: RemoteFile) => take(byName.get(file.name), file);
      // A file that is damaged on the server is uploaded.
      await pool.list(`${folder}/`, toTake, { takeDamaged: () => undefined }).catch(unlessRefused);
    }
  }
  const isListed = ({ name }: Upload) => folders.some((folder) => name.startsWith(`${folder}/`));
  const others = new WorkQueue(uploads.filter((upload) => !isListed(upload)));
  await pool.share(others, (client) =>
    forEachConcurrently(others, async (upload) => {
      const file = await client.stat(upload.name).catch(unlessRefused);
      if (file !== undefined) take(upload, file);
      pool.advance();
    }));
  const candidates = [...stored].map(([upload, known]) => ({ upload, file: upload.file, known }));
  const onCompared = (done: number, total: number) => onEvent?.({ type: "comparing", done, total });
  const same = await findSame(candidates, { onCompared, signal });
  return candidates.filter((candidate) => same.has(candidate)).map(({ upload }) => upload);
}

/** Ignores the refusal for a missing or damaged file, which is then uploaded. Throws any other error. */
function unlessRefused(error: unknown): undefined {
  if (!(error instanceof RefusedError)) throw error;
}
