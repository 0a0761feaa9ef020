/**
 * Files and folders sent by protocol 4, again where the network fails.
 *
 * @module
 */
import { endsAll, InterruptedError, RefusedError, XferError } from "../../protocol/errors.ts";
import type { Failure, LocalFile, Stored } from "../events.ts";
import { collectFiles, type FileSelection } from "./collect_files.ts";
import type { UploadItem, UploadItems } from "./upload_item.ts";
import { ConnectionPool, type TransferOptions } from "./connection_pool.ts";
import { type ExpectedContent, findSame } from "../local/find_unchanged.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { RemoteFile } from "./remote_file.ts";
import { sideBySide, WorkQueue } from "./work_queue.ts";
import { SPREAD, spreadUpload } from "./parallel_put.ts";
import { judge, type OnResult } from "./put_pipeline.ts";

/** What to store, and where. */
export interface PutOptions extends FileSelection {
  /** The server, and who the client is. */
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
 * Stores files and folders over protocol 4. Returns the result of each file; an error of one does not stop the others.
 * Files that the server already has with the same content are not sent. Interrupted uploads resume. When the network
 * fails, it connects again and sends what is not confirmed, as often as `transfer.retries` allows without progress.
 *
 * Throws what keeps the client from logging in: `NetworkError`, `ProtocolError`, `RefusedError`, `ConfigurationError`
 * (such as `other-server`, `server-not-trusted`, `other-identity`); `UsageError` `one-name`, `bad-pattern`. After an
 * abort, files that are not stored have an `InterruptedError`.
 */
export async function putFiles(options: PutOptions): Promise<PutOutcome[]> {
  const held = new Map<string, number>();
  const connect: ConnectOptions = {
    ...options.connect,
    onEvent(event) {
      // That a server holds more of a file than before is progress. What was sent may be lost on the way.
      if (event.type === "resumed" && event.offset > (held.get(event.file.path) ?? 0)) {
        held.set(event.file.path, event.offset);
        pool.advance();
      }
      options.connect.onEvent?.(event);
    },
  };
  const { onEvent, identityFolder, signal } = connect;
  const { jobs, folders, failures } = await collectFiles({ ...options, identityFolder, signal });
  const outcomes = new Map<UploadItem, PutOutcome>();
  using pool = new ConnectionPool(connect, options.transfer);
  const report = (job: UploadItem, outcome: PutOutcome) => {
    outcomes.set(job, outcome);
    pool.advance();
    options.onOutcome?.(outcome);
  };
  const settle: OnResult = (job, outcome) => {
    const { file, name } = job;
    job.sums = undefined;
    if (typeof outcome === "number") {
      return report(job, { state: "stored", file, name, crc: outcome });
    }
    if (!(outcome instanceof XferError)) throw outcome;
    report(job, { state: "not-stored", path: file.path, error: outcome });
  };
  try {
    for (const job of await findUnchanged(pool, jobs, folders, connect)) {
      report(job, { state: "unchanged", file: job.file, name: job.name });
    }
    const left = jobs.filter((job) => !outcomes.has(job));
    const bytes = left.reduce((sum, { file }) => sum + file.size, 0);
    onEvent?.({ type: "planned", files: left.length, bytes });
    await send(pool, left, settle, connect);
  } catch (error) {
    if (!(error instanceof XferError)) throw error;
    if (!pool.isAuthenticated && !(error instanceof InterruptedError)) throw error;
    for (const job of jobs.filter((job) => !outcomes.has(job))) {
      const { file, name } = job;
      if (job.isPartSent && !job.isUnknown) onEvent?.({ type: "left-part", file, name });
      report(job, { state: stateOf(job), path: file.path, error });
    }
  }
  for (const failure of failures) options.onOutcome?.(failure);
  return [...jobs.map((job) => outcomes.get(job) as PutOutcome), ...failures];
}

/** Of a file that the end of the run has left. */
function stateOf({ isUnknown, isBegun }: UploadItem): Failure["state"] {
  if (isUnknown) return "unknown";
  return isBegun ? "not-stored" : "not-tried";
}

/** The small ones are shared out over the connections; then each large one is spread over all of them. */
async function send(
  pool: ConnectionPool,
  jobs: readonly UploadItem[],
  settle: OnResult,
  { onEvent = () => undefined }: ConnectOptions,
): Promise<void> {
  const isLarge = ({ file }: UploadItem) => pool.count > 1 && file.size >= SPREAD;
  const shared = new WorkQueue(jobs.filter((job) => !isLarge(job)));
  await pool.share(shared, async (client) => {
    await lookAgain(shared, settle);
    await client.send(shared, settle);
  });
  for (const job of jobs.filter(isLarge)) {
    try {
      for (let again = true; again;) {
        const verdict = await pool.useAll(async (clients) => {
          await job.lookAgain();
          return await spreadUpload(job, clients.map(({ session }) => session), onEvent);
        });
        again = judge(job, verdict, settle);
      }
    } catch (error) {
      if (endsAll(error)) throw error;
      settle(job, error as Error);
    }
  }
}

/** Looks at what was given back again; what can't be read any more is settled. */
async function lookAgain(jobs: UploadItems, settle: OnResult): Promise<void> {
  for (const job of jobs.takeRequeued()) {
    try {
      await job.lookAgain();
      jobs.requeue([job]);
    } catch (error) {
      settle(job, error as Error);
    }
  }
}

/** Which files the server has as they are. */
async function findUnchanged(
  pool: ConnectionPool,
  jobs: readonly UploadItem[],
  folders: readonly string[],
  { onEvent, signal }: ConnectOptions,
): Promise<UploadItem[]> {
  const known = new Map<UploadItem, ExpectedContent>();
  const take = (job: UploadItem | undefined, { size, digest }: ExpectedContent) => {
    if (job?.file.size === size) known.set(job, { size, digest });
  };
  const byName = new Map(jobs.map((job) => [job.name, job]));
  if (jobs.length > 0) {
    for (const folder of folders) {
      const toTake = (file: RemoteFile) => take(byName.get(file.name), file);
      // One that is damaged there is to be sent.
      await pool.list(`${folder}/`, toTake, undefined, () => undefined).catch(unlessRefused);
    }
  }
  const isListed = ({ name }: UploadItem) =>
    folders.some((folder) => name.startsWith(`${folder}/`));
  const named = new WorkQueue(jobs.filter((job) => !isListed(job)));
  await pool.share(named, (client) =>
    sideBySide(named, async (job) => {
      const file = await client.stat(job.name).catch(unlessRefused);
      if (file !== undefined) take(job, file);
      pool.advance();
    }));
  const candidates = [...known].map(([job, known]) => ({ job, file: job.file, known }));
  const onCompared = (done: number, total: number) => onEvent?.({ type: "comparing", done, total });
  const same = await findSame(candidates, { onCompared, signal });
  return candidates.filter((candidate) => same.has(candidate)).map(({ job }) => job);
}

/** The server has no such file, or can't tell of it, such as of one that is damaged there: it is to be sent. */
function unlessRefused(error: unknown): undefined {
  if (!(error instanceof RefusedError)) throw error;
}
