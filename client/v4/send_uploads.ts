/**
 * Sends planned uploads over the connections of a run, and attributes of unchanged entries.
 *
 * @module
 */
import { endsAll, RefusedError, type XferError } from "../../protocol/errors.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { PARALLEL_SIZE } from "./parallel_put.ts";
import { type OnResult, PutPipeline } from "./put_pipeline.ts";
import type { PlannedUpdate } from "./put_plan.ts";
import type { RequestMux } from "./request_mux.ts";
import { sendAttributes } from "./update_attributes.ts";
import type { Upload } from "./upload.ts";
import { forEachConcurrently, WorkQueue } from "./work_queue.ts";

/** Sends the small entries, each over one of the connections; then each large one over all of them. */
export async function sendUploads(
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
        const stored = await pool.useAll(async (clients) => {
          await upload.reinspect();
          const muxes = clients.map(({ session }) => session.mux) as [RequestMux];
          return await upload.sendOver(muxes, onEvent);
        });
        if (stored === undefined) {
          upload.restart();
          continue;
        }
        onResult(upload, stored);
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

/** The codes for a version that is no longer current. */
const REPLACED = ["file-changed", "no-such-file"];

/**
 * Stores mode and time of entries whose content the server has. Returns those whose content has changed there since, to
 * be sent. `onResult` is called with each other entry, and why it was not updated. Throws the error that ends the run.
 */
export async function updateAttributes(
  pool: ConnectionPool,
  updates: readonly PlannedUpdate[],
  onResult: (upload: Upload, error?: XferError) => void,
): Promise<Upload[]> {
  const replaced: Upload[] = [];
  const queue = new WorkQueue(updates);
  await pool.share(
    queue,
    ({ session: { mux } }) =>
      forEachConcurrently(queue, async ({ upload, version, attributes }) => {
        const { name } = upload;
        try {
          await mux.gracefulAbort.critical(() => sendAttributes(mux, name, version, attributes));
          onResult(upload);
        } catch (error) {
          if (endsAll(error)) throw error;
          if (error instanceof RefusedError && REPLACED.includes(error.code)) replaced.push(upload);
          else onResult(upload, error as XferError);
        }
        pool.advance();
      }),
  );
  return replaced;
}
